#include "face/cli/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/nearest_name.h"
#include "face/cli/command.h"
#include "face/cli/completion.h"
#include "face/cli/version.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::string_view kAbout =
    "Spillway carries lakehouse tables into the databases that serve applications, and proves that "
    "they arrived.";

constexpr std::string_view kExamples =
    R"(Examples:
  spillway synced-table create local.public.products --from ./lake/products --primary-key product_id
      create a synced table in the PostgreSQL that Spillway runs itself, and load it
  spillway sync local.public.products
      bring it up to the source's latest version
  spillway lake read ./lake/products --where "price > 10" --limit 5
      look into a source
  spillway pg psql
      a SQL prompt on the local PostgreSQL
  spillway doctor
      what is installed, reachable and writable, and how to mend the rest
)";

bool Ask(Console* console, const std::string& question) {
  if (!console->err_is_terminal() || isatty(STDIN_FILENO) == 0) return false;
  fmt::print(console->err(), "{} [y/N] ", question);
  std::fflush(console->err());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string Among(const std::vector<std::string>& nearest) {
  return fmt::format("Did you mean: {}?", fmt::join(nearest, ", "));
}

// The flags that may stand after `app`'s name, with their dashes.
std::vector<std::string> FlagsOf(const CLI::App& root, const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::App* each : {&root, &app}) {
    for (const CLI::Option* option : each->get_options()) {
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    }
  }
  return flags;
}

// What was not understood, with the nearest command or flag. `what` is the parser's own complaint,
// for the rest.
Status NotUnderstood(const CLI::App& root, int argc, const char* const* argv,
                     const std::string& what) {
  const CLI::App* app = &root;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--")) {
      const std::string flag = word.substr(0, word.find('='));
      const std::vector<std::string> flags = FlagsOf(root, *app);
      if (flag == "--" || std::ranges::find(flags, flag) != flags.end()) continue;
      Status error(ErrorClass::kInvalidArgument, "no such flag of spillway" + path + ": " + flag);
      const std::vector<std::string> nearest = base::NearestNames(flag, flags, 3);
      if (!nearest.empty()) return std::move(error).Mend(Among(nearest));
      return std::move(error).Mend("See: spillway" + path + " --help");
    }
    if (word.starts_with('-')) continue;
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
      if (command->get_name() == word) next = command;
    }
    if (next != nullptr) {
      app = next;
      path += " " + word;
      continue;
    }
    if (names.empty()) continue;
    Status error(ErrorClass::kInvalidArgument, "no such command: " + word);
    const std::vector<std::string> nearest = base::NearestNames(word, names, 3);
    if (!nearest.empty()) return std::move(error).Mend(Among(nearest));
    return std::move(error).Mend("See: spillway --help");
  }
  return Status(ErrorClass::kInvalidArgument, what).Mend("See: spillway" + path + " --help");
}

// Cuts off what follows `pg psql`, unless help on the command itself is asked for; returns how many
// words are ours.
int TakePsqlArguments(int argc, const char* const* argv, std::vector<std::string>* arguments) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string_view(argv[i]) != "pg" || std::string_view(argv[i + 1]) != "psql") continue;
    int next = i + 2;
    if (next < argc && std::string_view(argv[next]) == "--help") return argc;
    if (next < argc && std::string_view(argv[next]) == "--") ++next;
    arguments->assign(argv + next, argv + argc);
    return i + 2;
  }
  return argc;
}

int Report(Console* console, const Status& error) {
  console->Error(error);
  return ExitCode(error);
}

}  // namespace

void AddDryRun(CLI::App* command, Session* session) {
  command->add_flag("--dry-run", session->dry_run, "Only say what would be done");
}

Result<std::map<std::string, std::string>> ParseAssignments(const std::vector<std::string>& texts,
                                                            std::string_view flag) {
  std::map<std::string, std::string> assignments;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status(ErrorClass::kInvalidArgument,
                    std::string(flag) + " wants KEY=VALUE, not '" + text.substr(0, equals) + "'");
    }
    assignments.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
  }
  return assignments;
}

int RunCommandLine(int argc, const char* const* argv, const state::Environment& environment,
                   Console* console, std::stop_token stop) {
  Session session;
  session.console = console;
  session.context.stop = std::move(stop);
  session.environment = environment;
  session.working_folder = std::filesystem::current_path().string();
  session.confirm = [console](const std::string& question) { return Ask(console, question); };

  CLI::App app{std::string(kAbout), "spillway"};
  app.footer(std::string(kExamples));
  app.set_version_flag("--version", std::string(kVersion));
  app.set_help_all_flag("--help-all", "Help of every command");
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->group("Everywhere");
  app.add_option("--home", session.home,
                 "Folder of Spillway's state and local PostgreSQL (else SPILLWAY_HOME)");
  const std::map<std::string, OutputFormat> formats = {{"table", OutputFormat::kTable},
                                                       {"json", OutputFormat::kJson},
                                                       {"yaml", OutputFormat::kYaml}};
  app.add_option("-o,--output", console->format, "table, json or yaml")
      ->transform(CLI::CheckedTransformer(formats).description(""));
  const std::map<std::string, ProgressStyle> styles = {{"auto", ProgressStyle::kAuto},
                                                       {"plain", ProgressStyle::kPlain},
                                                       {"json", ProgressStyle::kJson},
                                                       {"none", ProgressStyle::kNone}};
  app.add_option("--progress", session.progress, "auto, plain, json or none")
      ->transform(CLI::CheckedTransformer(styles).description(""));
  const std::map<std::string, LogFormat> log_formats = {{"text", LogFormat::kText},
                                                        {"json", LogFormat::kJson}};
  app.add_option("--log-format", console->log_format, "Of everything on stderr: text or json")
      ->transform(CLI::CheckedTransformer(log_formats).description(""));
  const std::map<std::string, ColorChoice> colors = {{"auto", ColorChoice::kAuto},
                                                     {"always", ColorChoice::kAlways},
                                                     {"never", ColorChoice::kNever}};
  ColorChoice color = ColorChoice::kAuto;
  app.add_option("--color", color, "auto, always or never; NO_COLOR is heeded")
      ->transform(CLI::CheckedTransformer(colors).description(""));
  app.add_flag("-q,--quiet", console->quiet, "No remarks, only data and errors");
  app.add_flag("-y,--yes", session.yes, "Answer questions with yes");
  app.option_defaults()->group("Options");

  AddSyncedTableCommands(&app, &session);
  AddApplyCommands(&app, &session);
  AddSqlCommand(&app, &session);
  AddRejectedCommands(&app, &session);
  AddLakeCommands(&app, &session);
  AddSourceCommands(&app, &session);
  AddTargetCommands(&app, &session);
  AddPostgresCommands(&app, &session);
  AddDoctorCommand(&app, &session);
  std::string shell;
  CLI::App* completion = app.add_subcommand("completion", "Print a completion script for a shell");
  completion->add_option("SHELL", shell, "bash, zsh or fish")->required();
  completion->footer("Example:\n  source <(spillway completion bash)");

  argc = TakePsqlArguments(argc, argv, &session.psql_arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked, std::cout, std::cerr);
  } catch (const CLI::ParseError& error) {
    const auto no_color = environment("NO_COLOR");
    console->ChooseColor(color, no_color && !no_color->empty());
    return Report(console, NotUnderstood(app, argc, argv, error.what()));
  }
  const auto no_color = environment("NO_COLOR");
  console->ChooseColor(color, no_color && !no_color->empty());

  if (completion->parsed()) {
    Result<std::string> script = CompletionScript(app, shell);
    if (!script.ok()) return Report(console, script.status());
    fmt::print(console->out(), "{}", *script);
    return 0;
  }
  if (session.dry_run) console->note_prefix = "dry run, not done: ";
  auto world = service::World::Open(
      session.context, session.home, session.environment, session.working_folder,
      session.dry_run ? state::WriteMode::kRehearse : state::WriteMode::kCommit);
  if (!world.ok()) return Report(console, world.status());
  const Result<int> code = session.action(**world);
  if (!code.ok()) return Report(console, code.status());
  if (std::fflush(console->out()) != 0) {
    return Report(console, Status(ErrorClass::kFileUnusable, "cannot write to standard output"));
  }
  return *code;
}

}  // namespace spillway::face::cli
