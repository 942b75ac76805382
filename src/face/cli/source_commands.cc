#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/shell_word.h"
#include "face/cli/command.h"
#include "face/cli/option_values.h"
#include "service/registry.h"
#include "source/source_registry.h"
#include "state/store.h"

namespace spillway::face::cli {
namespace {

using base::Result;
using base::Status;
using Json = nlohmann::ordered_json;

Json SourceJson(const state::Source& source) {
  Json json;
  json["name"] = source.name;
  json["url"] = source.url;
  json["storage_options"] = source::RedactOptions(source.storage_options);
  return json;
}

// Whoever looks for a registered source does not want to be told how to register it.
Status NotThere(Status error) {
  if (error.ok() || error.error_class() != base::ErrorClass::kSourceNotFound) return error;
  return std::move(error).Mend("List them: spillway source list.");
}

struct AddFlags {
  std::string name;
  std::string url;
  std::vector<std::string> storage_options;
};

void AddAdd(CLI::App* parent, Session* session) {
  CLI::App* add = parent->add_subcommand("add", "Give a table in a lake a name");
  auto flags = std::make_shared<AddFlags>();
  add->add_option("NAME", flags->name, "For instance lake.sales.products")->required();
  add->add_option("URL", flags->url, "/path, file:, s3:, abfss:, az:, gs:")->required();
  add->add_option("--storage-option", flags->storage_options,
                  "KEY=VALUE with delta-rs' key names; a secret as ${env:X} or ${file:X}; may be "
                  "repeated");
  AddDryRun(add, session);
  add->footer(
      "Example:\n"
      "  spillway source add lake.sales.products s3://lake/products --storage-option "
      "aws_region=eu-west-1");
  add->callback([session, flags] {
    session->action = [session, flags](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto options,
                      ParseAssignments(flags->storage_options, "--storage-option"));
      SPILLWAY_ASSIGN(const auto warnings, service::AddSource(session->context, world, flags->name,
                                                              flags->url, options));
      for (const std::string& warning : warnings) session->console->Warn(warning);
      session->console->Note("added " + flags->name + "; look at it with: spillway lake show " +
                             base::ShellWord(flags->name));
      return 0;
    };
  });
}

}  // namespace

void AddSourceCommands(CLI::App* app, Session* session) {
  CLI::App* parent = app->add_subcommand("source", "Names for tables in lakes");
  parent->require_subcommand(1);
  AddAdd(parent, session);

  CLI::App* list = parent->add_subcommand("list", "List registered sources");
  list->footer("Example:\n  spillway source list -o json");
  list->callback([session] {
    session->action = [session](service::World& world) -> Result<int> {
      SPILLWAY_ASSIGN(const auto sources, world.store().ListSources(session->context));
      Json json = Json::array();
      for (const state::Source& source : sources) {
        json.push_back({{"name", source.name}, {"url", source.url}});
      }
      session->console->Print(json.dump());
      return 0;
    };
  });

  auto shown = std::make_shared<std::string>();
  CLI::App* show = parent->add_subcommand("show", "Show a registered source");
  CompletedBy(KnownNames::kSources, show->add_option("NAME", *shown, "A registered source"))
      ->required();
  show->footer("Example:\n  spillway source show lake.sales.products");
  show->callback([session, shown] {
    session->action = [session, shown](service::World& world) -> Result<int> {
      const auto source = world.store().GetSource(session->context, *shown);
      if (!source.ok()) return NotThere(source.status());
      session->console->Print(SourceJson(*source).dump());
      return 0;
    };
  });

  auto removed = std::make_shared<std::string>();
  CLI::App* remove = parent->add_subcommand("remove", "Forget a registered source");
  CompletedBy(KnownNames::kSources, remove->add_option("NAME", *removed, "A registered source"))
      ->required();
  AddDryRun(remove, session);
  remove->footer("Example:\n  spillway source remove lake.sales.products");
  remove->callback([session, removed] {
    session->action = [session, removed](service::World& world) -> Result<int> {
      SPILLWAY_TRY(NotThere(world.sources().Remove(session->context, *removed)));
      session->console->Note("removed " + *removed);
      return 0;
    };
  });
}

}  // namespace spillway::face::cli
