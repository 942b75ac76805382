#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/shell_word.h"
#include "face/cli/command.h"
#include "face/cli/option_values.h"
#include "service/registry.h"

namespace spillway::face::cli {
namespace {

using base::Result;
using Json = nlohmann::ordered_json;

struct AddFlags {
  std::string name;
  std::string url;
  std::string password;
};

void AddAdd(CLI::App* parent, Session* session) {
  CLI::App* add = parent->add_subcommand("add", "Register a PostgreSQL database as a target");
  auto flags = std::make_shared<AddFlags>();
  add->add_option("NAME", flags->name, "First part of its synced tables' names")->required();
  add->add_option("URL", flags->url, "postgresql://user@host/database, with any libpq option")
      ->required();
  add->add_option("--password", flags->password,
                  "${env:X} or ${file:X}; without it libpq looks in .pgpass and PGSERVICE");
  AddDryRun(add, session);
  add->footer(
      "Example:\n"
      "  spillway target add shop 'postgresql://app@db/shop?sslmode=verify-full' --password "
      "'${env:SHOP_PASSWORD}'");
  add->callback([session, flags] {
    session->action = [session, flags](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto warnings, service::AddTarget(session->context, world, flags->name,
                                                              flags->url, flags->password));
      for (const std::string& warning : warnings) session->console->Warn(warning);
      session->console->Note("added " + flags->name + "; try it with: spillway target test " +
                             base::ShellWord(flags->name));
      return 0;
    };
  });
}

void AddTest(CLI::App* parent, Session* session) {
  CLI::App* test = parent->add_subcommand("test", "Try whether a target can be synced into");
  auto name = std::make_shared<std::string>();
  CompletedBy(KnownNames::kTargets, test->add_option("NAME", *name, "A target"))->required();
  test->footer("Example:\n  spillway target test shop");
  test->callback([session, name] {
    session->action = [session, name](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto checks, service::TestTarget(session->context, world, *name));
      Json list = Json::array();
      bool all_well = true;
      for (const target::Check& check : checks) {
        all_well = all_well && check.outcome.ok();
        list.push_back({{"check", check.name},
                        {"outcome", check.outcome.ok() ? "ok" : check.outcome.ToString()},
                        {"note", check.note},
                        {"mend", check.outcome.ok() ? "" : std::string(check.outcome.mend())}});
      }
      session->console->Print(list.dump());
      return all_well ? 0 : 1;
    };
  });
}

}  // namespace

void AddTargetCommands(CLI::App* app, Session* session) {
  CLI::App* parent = app->add_subcommand("target", "Databases to sync into");
  parent->require_subcommand(1);
  AddAdd(parent, session);
  AddTest(parent, session);

  CLI::App* list = parent->add_subcommand("list", "List targets");
  list->footer("Example:\n  spillway target list -o json");
  list->callback([session] {
    session->action = [session](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto targets, service::ListTargets(session->context, world));
      Json json = Json::array();
      for (const state::Target& target : targets) {
        json.push_back({{"name", target.name},
                        {"url", target.url.empty() ? Json("not started yet") : Json(target.url)}});
      }
      session->console->Print(json.dump());
      return 0;
    };
  });

  auto shown = std::make_shared<std::string>();
  CLI::App* show = parent->add_subcommand("show", "Show a target");
  CompletedBy(KnownNames::kTargets, show->add_option("NAME", *shown, "A target"))->required();
  show->footer("Example:\n  spillway target show shop");
  show->callback([session, shown] {
    session->action = [session, shown](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const state::Target target,
                      service::ShowTarget(session->context, world, *shown));
      Json json;
      json["name"] = target.name;
      json["url"] = target.url;
      json["password"] =
          target.password_reference.empty() ? "from libpq's own places" : target.password_reference;
      session->console->Print(json.dump());
      return 0;
    };
  });

  auto removed = std::make_shared<std::string>();
  CLI::App* remove = parent->add_subcommand("remove", "Forget a target");
  CompletedBy(KnownNames::kTargets, remove->add_option("NAME", *removed, "A target"))->required();
  AddDryRun(remove, session);
  remove->footer("Example:\n  spillway target remove shop");
  remove->callback([session, removed] {
    session->action = [session, removed](service::World& world) -> Result<int> {
      SPILLWAY_TRY(service::RemoveTarget(session->context, world, *removed));
      session->console->Note("removed " + *removed);
      return 0;
    };
  });
}

}  // namespace spillway::face::cli
