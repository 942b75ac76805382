#include <CLI/CLI.hpp>
#include <memory>

#include "face/cli/command.h"
#include "face/cli/definition_files.h"
#include "face/cli/option_values.h"
#include "service/apply.h"

namespace spillway::face::cli {
namespace {

using base::Result;

struct ExportFlags {
  std::vector<std::string> names;
  bool all = false;
  DefinitionForm form = DefinitionForm::kYaml;
};

// A secret that was given literally stays behind.
void WarnOfKeptSecrets(Session* session, const service::Configuration& configuration) {
  const auto warn = [&](const std::string& of, const std::string& secret) {
    if (!secret.starts_with("${stored:")) return;
    session->console->Warn("the secret of " + of +
                           " is kept in this home; elsewhere its reference leads to nothing");
  };
  for (const service::TargetDeclaration& target : configuration.targets) {
    warn("target " + target.name, target.password);
  }
  for (const service::SourceDeclaration& source : configuration.sources) {
    for (const auto& [option, value] : source.storage_options) {
      warn("source " + source.name, value);
    }
  }
}

Result<int> Export(Session* session, service::World& world, const ExportFlags& flags) {
  const OutputFormat asked = session->console->format;
  if (asked == OutputFormat::kJson ||
      (asked == OutputFormat::kYaml && flags.form != DefinitionForm::kYaml)) {
    return base::Status(base::ErrorClass::kInvalidArgument,
                        "an export takes --format yaml, sql or cli instead of --output");
  }
  service::Configuration configuration;
  if (flags.all) {
    SPILLWAY_ASSIGN(configuration, service::DescribeAll(session->context, world));
  } else {
    SPILLWAY_ASSIGN(configuration, service::DescribeTables(session->context, world, flags.names));
  }
  WarnOfKeptSecrets(session, configuration);
  session->console->Out(WriteConfiguration(configuration, flags.form));
  return 0;
}

std::shared_ptr<ExportFlags> AddFormat(CLI::App* command) {
  auto flags = std::make_shared<ExportFlags>();
  AddChoice<DefinitionForm>(command, "--format", &flags->form,
                            {{"yaml", DefinitionForm::kYaml},
                             {"sql", DefinitionForm::kSql},
                             {"cli", DefinitionForm::kCli}},
                            "yaml, sql or cli; else yaml");
  return flags;
}

}  // namespace

void AddExportCommands(CLI::App* app, CLI::App* synced_table, Session* session) {
  CLI::App* some = synced_table->add_subcommand(
      "export", "Print definitions as YAML, as SQL, or as the commands that make them");
  const auto some_flags = AddFormat(some);
  CompletedBy(KnownNames::kSyncedTables,
              some->add_option("NAME", some_flags->names, "Synced tables"))
      ->required();
  some->footer("Example:\n  spillway synced-table export local.public.products --format sql");
  some->callback([session, some_flags] {
    session->action = [session, some_flags](service::World& world) {
      return Export(session, world, *some_flags);
    };
  });

  CLI::App* all = app->add_subcommand(
      "export", "Print every target, source and synced table as YAML, SQL or commands");
  const auto all_flags = AddFormat(all);
  all->add_flag("--all", all_flags->all, "Everything; for some see spillway synced-table export");
  all->footer("Example:\n  spillway export --all --format yaml > shop.yaml");
  all->callback([session, all_flags] {
    if (!all_flags->all) {
      throw CLI::ValidationError("say --all; for some: spillway synced-table export NAME");
    }
    session->action = [session, all_flags](service::World& world) {
      return Export(session, world, *all_flags);
    };
  });
}

}  // namespace spillway::face::cli
