#include "face/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <sstream>

#include "base/nearest_name.h"
#include "face/cli/command.h"
#include "face/cli/completion.h"
#include "face/cli/option_values.h"
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

std::string Among(const std::vector<std::string>& nearest) {
  return fmt::format("Did you mean: {}?", fmt::join(nearest, ", "));
}

constexpr std::string_view kVersionFlag = "--version";

// The flags that may stand after `app`'s name, with their dashes.
std::vector<std::string> FlagsOf(const CLI::App& root, const CLI::App& app) {
  std::vector<std::string> flags;
  const auto add = [&](const CLI::App& each) {
    for (const CLI::Option* option : each.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (&each == &app || "--" + name != kVersionFlag) flags.push_back("--" + name);
      }
    }
  };
  add(app);
  if (&app != &root) add(root);
  std::ranges::sort(flags);
  flags.erase(std::ranges::unique(flags).begin(), flags.end());
  return flags;
}

// The option that `word` names for `app`, and whether the word after it is its value.
bool TakesNextWord(const CLI::App& root, const CLI::App& app, const std::string& word) {
  const bool is_long = word.starts_with("--");
  if (is_long ? word.find('=') != std::string::npos : word.size() != 2) return false;
  for (const CLI::App* each : {&app, &root}) {
    const CLI::Option* option = each->get_option_no_throw(word);
    if (option != nullptr) return option->get_items_expected_max() > 0;
  }
  return false;
}

Status NoSuchFlag(const CLI::App& root, const CLI::App& app, const std::string& path,
                  const std::string& flag) {
  Status error(ErrorClass::kInvalidArgument, "no such flag of spillway" + path + ": " + flag);
  const std::vector<std::string> nearest = base::NearestNames(flag, FlagsOf(root, app), 3);
  if (!nearest.empty()) return std::move(error).Mend(Among(nearest));
  return std::move(error).Mend("See: spillway" + path + " --help");
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
      if (flag != "--" && std::ranges::find(flags, flag) == flags.end()) {
        return NoSuchFlag(root, *app, path, flag);
      }
    }
    if (word.starts_with('-')) {
      if (TakesNextWord(root, *app, word)) ++i;
      continue;
    }
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
      if (!command->get_group().empty()) names.push_back(command->get_name());
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

// The commands chosen, each after a space; `chosen` becomes the last.
std::string PathOf(const CLI::App& root, const CLI::App** chosen) {
  std::string path;
  *chosen = &root;
  while (!(*chosen)->get_subcommands().empty()) {
    *chosen = (*chosen)->get_subcommands().front();
    path += " " + (*chosen)->get_name();
  }
  return path;
}

// The command line is made of the right words, but they are not used rightly.
Status Misused(const CLI::App& root, const std::string& what) {
  const CLI::App* chosen = nullptr;
  const std::string path = PathOf(root, &chosen);
  return Status(ErrorClass::kInvalidArgument, what).Mend("See: spillway" + path + " --help");
}

// An option has too few or too many values: `what` begins with its name.
Status Mismatched(const CLI::App& root, const std::string& what) {
  const std::string name = what.substr(0, what.find(':'));
  const CLI::App* chosen = nullptr;
  PathOf(root, &chosen);
  for (const CLI::App* app : {chosen, &root}) {
    const CLI::Option* option = app->get_option_no_throw(name);
    if (option == nullptr) continue;
    const bool is_repeated =
        static_cast<int>(option->count()) > std::max(option->get_items_expected_max(), 0);
    return Misused(root, name + (is_repeated ? " is given more than once" : " wants a value"));
  }
  return Misused(root, what);
}

// A flag that takes no value was given one: `what` if it is not found.
Status Converted(const CLI::App& root, const std::vector<const char*>& words,
                 const std::string& what) {
  const CLI::App* chosen = nullptr;
  PathOf(root, &chosen);
  for (const std::string word : words) {
    const std::string name = word.substr(0, word.find('='));
    for (const CLI::App* app : {chosen, &root}) {
      const CLI::Option* option = name == word ? nullptr : app->get_option_no_throw(name);
      if (option != nullptr && option->get_items_expected_max() == 0) {
        return Misused(root, name + " takes no value");
      }
    }
  }
  return Misused(root, what);
}

// An empty value is most likely a variable that is not set; it must not mean what no flag means.
Status RefuseEmptyValues(const CLI::App& root, const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;
    for (const std::string& value : option->results()) {
      if (!value.empty()) continue;
      const std::string name =
          option->get_lnames().empty() ? option->get_name() : "--" + option->get_lnames().front();
      return Misused(root, name + " must not be empty");
    }
  }
  for (const CLI::App* command : app.get_subcommands()) {
    SPILLWAY_TRY(RefuseEmptyValues(root, *command));
  }
  return Status();
}

// The words of the command line, `--flag=` as a flag and an empty value: the parser would take the
// next word for its value.
std::vector<const char*> Words(int argc, const char* const* argv, std::deque<std::string>* kept) {
  std::vector<const char*> words;
  for (int i = 0; i < argc; ++i) {
    const std::string_view word = argv[i];
    words.push_back(argv[i]);
    if (word == "--") {
      words.insert(words.end(), argv + i + 1, argv + argc);
      break;
    }
    if (!word.starts_with("--") || word.find('=') != word.size() - 1) continue;
    words.back() = kept->emplace_back(word.substr(0, word.size() - 1)).c_str();
    words.push_back("");
  }
  return words;
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

// The class's mend of what was interrupted is that of a sync.
Status OfCommand(const Session& session, Status error) {
  const bool has_own = error.error_class() != ErrorClass::kCancelled ||
                       error.mend() != base::Describe(ErrorClass::kCancelled).mend;
  if (has_own || session.syncs) return error;
  return std::move(error).Mend("Repeat it when convenient.");
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
    if (equals == 0) {
      return Status(ErrorClass::kInvalidArgument,
                    std::string(flag) + " wants KEY=VALUE: the key is missing");
    }
    if (equals == std::string::npos) {
      return Status(ErrorClass::kInvalidArgument,
                    std::string(flag) + " wants KEY=VALUE, not '" + text + "'");
    }
    if (!assignments.emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      return Status(ErrorClass::kInvalidArgument,
                    std::string(flag) + " " + text.substr(0, equals) + " is given twice");
    }
  }
  return assignments;
}

namespace {

// The flags that every command has; `color` outlives the parsing.
void AddGlobalFlags(CLI::App* app, Session* session, ColorChoice* color) {
  Console* console = session->console;
  app->set_version_flag(std::string(kVersionFlag), std::string(kVersion));
  app->set_help_all_flag("--help-all", "Help of every command");
  app->option_defaults()->group("Everywhere");
  app->add_option("--home", session->home,
                  "Folder of Spillway's state and local PostgreSQL (else SPILLWAY_HOME)");
  AddChoice<OutputFormat>(app, "-o,--output", &console->format,
                          {{"table", OutputFormat::kTable},
                           {"json", OutputFormat::kJson},
                           {"yaml", OutputFormat::kYaml}},
                          "table, json or yaml");
  AddChoice<ProgressStyle>(app, "--progress", &session->progress,
                           {{"auto", ProgressStyle::kAuto},
                            {"plain", ProgressStyle::kPlain},
                            {"json", ProgressStyle::kJson},
                            {"none", ProgressStyle::kNone}},
                           "auto, plain, json or none; auto is none with --output json");
  AddChoice<std::optional<LogFormat>>(
      app, "--log-format", &console->log_format,
      {{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
      "Of everything on stderr: text or json; else as --output says");
  AddChoice<ColorChoice>(app, "--color", color,
                         {{"auto", ColorChoice::kAuto},
                          {"always", ColorChoice::kAlways},
                          {"never", ColorChoice::kNever}},
                         "auto, always or never; NO_COLOR is heeded");
  app->add_flag("-q,--quiet", console->quiet, "No remarks, only data and errors");
  app->add_flag("-y,--yes", session->yes, "Answer questions with yes");
  app->option_defaults()->group("Options");
}

// Reads the state if there is one; makes none and starts nothing.
Result<std::vector<std::string>> ListNames(const Session& session, KnownNames known) {
  std::vector<std::string> names;
  if (known == KnownNames::kTargets) names.emplace_back(service::kLocalTarget);
  SPILLWAY_ASSIGN(const state::Home home, state::Home::Resolve(session.home, session.environment));
  std::error_code ignored;
  if (!std::filesystem::exists(home.state_file(), ignored)) return names;
  SPILLWAY_ASSIGN(const auto world,
                  service::World::Open(session.context, session.home, session.environment,
                                       session.working_folder, state::WriteMode::kRehearse));
  state::Store& store = world->store();
  switch (known) {
    case KnownNames::kSyncedTables: {
      SPILLWAY_ASSIGN(const auto tables, store.ListSyncedTables(session.context));
      for (const state::SyncedTable& table : tables) names.push_back(table.name());
      break;
    }
    case KnownNames::kSources: {
      SPILLWAY_ASSIGN(const auto sources, store.ListSources(session.context));
      for (const state::Source& source : sources) names.push_back(source.name);
      break;
    }
    case KnownNames::kTargets: {
      SPILLWAY_ASSIGN(const auto targets, store.ListTargets(session.context));
      for (const state::Target& target : targets) names.push_back(target.name);
      break;
    }
  }
  return names;
}

void AddCompletion(CLI::App* app, Session* session) {
  CLI::App* completion = app->add_subcommand("completion", "Print a completion script for a shell");
  auto shell = std::make_shared<Shell>();
  AddChoice<Shell>(completion, "SHELL", shell.get(),
                   {{"bash", Shell::kBash}, {"zsh", Shell::kZsh}, {"fish", Shell::kFish}},
                   "bash, zsh or fish")
      ->required();
  completion->footer("Example:\n  source <(spillway completion bash)");
  completion->callback([app, session, shell] {
    session->homeless_action = [app, session, shell]() -> Result<int> {
      session->console->Out(CompletionScript(app, *shell));
      return 0;
    };
  });

  CLI::App* names =
      app->add_subcommand(std::string(kKnownNamesCommand), "Names for completion, one a line")
          ->group("");
  auto known = std::make_shared<KnownNames>();
  AddChoice<KnownNames>(names, "KIND", known.get(),
                        {{std::string(Name(KnownNames::kSyncedTables)), KnownNames::kSyncedTables},
                         {std::string(Name(KnownNames::kSources)), KnownNames::kSources},
                         {std::string(Name(KnownNames::kTargets)), KnownNames::kTargets}},
                        "What is named")
      ->required();
  names->callback([session, known] {
    session->homeless_action = [session, known]() -> Result<int> {
      SPILLWAY_ASSIGN(const std::vector<std::string> all, ListNames(*session, *known));
      for (const std::string& name : all) session->console->Line(name);
      return 0;
    };
  });
}

// Help or the version was asked for.
Status Print(CLI::App* app, const CLI::Success& asked, Console* console) {
  const CLI::App* chosen = nullptr;
  const std::string path = PathOf(*app, &chosen);
  // Every command knows the root's flags, but this one would be done instead of the command.
  if (asked.get_name() == "CallForVersion" && chosen != app) {
    return NoSuchFlag(*app, *chosen, path, std::string(kVersionFlag));
  }
  std::ostringstream text;
  app->exit(asked, text, text);
  console->Out(text.str());
  return Status();
}

// Parses the words; whether there is something to do after it.
Result<bool> Parse(CLI::App* app, int given, const char* const* words_given, Console* console) {
  std::deque<std::string> kept;
  const std::vector<const char*> words = Words(given, words_given, &kept);
  const int argc = static_cast<int>(words.size());
  const char* const* argv = words.data();
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& asked) {
    SPILLWAY_TRY(Print(app, asked, console));
    return false;
  } catch (const CLI::ExtrasError& error) {
    SPILLWAY_TRY(RefuseEmptyValues(*app, *app));
    return NotUnderstood(*app, argc, argv, error.what());
  } catch (const CLI::RequiredError& error) {
    return NotUnderstood(*app, argc, argv, error.what());
  } catch (const CLI::ArgumentMismatch& error) {
    return Mismatched(*app, error.what());
  } catch (const CLI::ConversionError& error) {  // only flags convert what they are given
    return Converted(*app, words, error.what());
  } catch (const CLI::ParseError& error) {
    return Misused(*app, error.what());
  }
  SPILLWAY_TRY(RefuseEmptyValues(*app, *app));
  return true;
}

Result<int> Perform(const Session& session) {
  if (session.homeless_action) return session.homeless_action();
  if (session.dry_run) session.console->note_prefix = "dry run, not done: ";
  SPILLWAY_ASSIGN(
      const auto world,
      session.stateless
          ? service::World::WithoutState(session.home, session.environment, session.working_folder)
          : service::World::Open(
                session.context, session.home, session.environment, session.working_folder,
                session.dry_run ? state::WriteMode::kRehearse : state::WriteMode::kCommit));
  return session.action(*world);
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv, const state::Environment& environment,
                   Console* console, std::stop_token stop) {
  Session session;
  session.console = console;
  session.context.stop = std::move(stop);
  session.environment = environment;
  std::error_code gone;
  session.working_folder = std::filesystem::current_path(gone).string();
  if (gone) {
    return Report(console, Status(ErrorClass::kFileUnusable, "the working folder is gone")
                               .Mend("Go to a folder that is there."));
  }

  CLI::App app{std::string(kAbout), "spillway"};
  app.require_subcommand(1);
  app.fallthrough();
  ColorChoice color = ColorChoice::kAuto;
  AddGlobalFlags(&app, &session, &color);
  AddSyncedTableCommands(&app, &session);
  AddApplyCommands(&app, &session);
  AddSqlCommand(&app, &session);
  AddRejectedCommands(&app, &session);
  AddLakeCommands(&app, &session);
  AddSourceCommands(&app, &session);
  AddTargetCommands(&app, &session);
  AddPostgresCommands(&app, &session);
  AddDoctorCommand(&app, &session);
  AddCompletion(&app, &session);
  app.footer(std::string(kExamples));  // commands would inherit what is set before they are made

  argc = TakePsqlArguments(argc, argv, &session.psql_arguments);
  const Result<bool> parsed = Parse(&app, argc, argv, console);
  const auto no_color = environment("NO_COLOR");
  console->is_dumb = environment("TERM") == "dumb";
  console->ChooseColor(color, console->is_dumb || (no_color && !no_color->empty()));
  if (!parsed.ok()) return Report(console, parsed.status());
  const Result<int> code = *parsed ? Perform(session) : Result<int>(0);
  const Status written = console->Flush();
  // Who stopped reading is told nothing: what was done is done, what was stopped by it is not.
  if (!written.ok() && console->reader_has_gone()) return code.ok() ? *code : 1;
  if (!code.ok()) return Report(console, OfCommand(session, code.status()));
  if (!written.ok()) console->Error(written);
  return *code == 0 && !written.ok() ? 1 : *code;
}

}  // namespace spillway::face::cli
