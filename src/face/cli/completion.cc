#include "face/cli/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <vector>

namespace spillway::face::cli {
namespace {

// A place on the command line: the subcommands typed so far, and what may follow.
struct Node {
  std::string path;  // "synced-table create"
  std::vector<std::string> words;
};

void Collect(const CLI::App& app, const std::vector<std::string>& global_flags,
             const std::string& path, std::vector<Node>* nodes) {
  Node node{path, {}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) node.words.push_back(command->get_name());
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) node.words.push_back("--" + name);
  }
  if (!path.empty()) node.words.insert(node.words.end(), global_flags.begin(), global_flags.end());
  nodes->push_back(node);
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    Collect(*command, global_flags,
            path.empty() ? command->get_name() : path + " " + command->get_name(), nodes);
  }
}

std::string Join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

// The commands typed so far are the longest run of words that names a node; files complete where
// nothing else does.
std::string BashScript(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    cases += fmt::format("    '{}') words='{}' ;;\n", node.path, Join(node.words));
  }
  return fmt::format(
      R"(_spillway() {{
  local path='' words='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    case "${{path:+$path }}$word" in
    {}) path="${{path:+$path }}$word" ;;
    esac
  done
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _spillway spillway
)",
      [&] {
        std::string paths;
        for (const Node& node : nodes) {
          if (!node.path.empty())
            paths += (paths.empty() ? "" : "|") + fmt::format("'{}'", node.path);
        }
        return paths;
      }(),
      cases);
}

std::string FishScript(const std::vector<Node>& nodes) {
  std::string script = "complete -c spillway -f\n";
  for (const Node& node : nodes) {
    const std::string condition =
        node.path.empty()
            ? "__fish_use_subcommand"
            : fmt::format("string match -q -- \"spillway {}*\" (commandline -pc)", node.path);
    script += fmt::format("complete -c spillway -n '{}' -a '{}'\n", condition, Join(node.words));
  }
  return script;
}

}  // namespace

base::Result<std::string> CompletionScript(const CLI::App& app, std::string_view shell) {
  std::vector<std::string> global_flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      if (name != "version") global_flags.push_back("--" + name);  // the root's alone
    }
  }
  std::vector<Node> nodes;
  Collect(app, global_flags, "", &nodes);
  if (shell == "bash") return BashScript(nodes);
  if (shell == "zsh") return "autoload -Uz bashcompinit && bashcompinit\n" + BashScript(nodes);
  if (shell == "fish") return FishScript(nodes);
  return base::Status(base::ErrorClass::kInvalidArgument,
                      "no completion for this shell: " + std::string(shell))
      .Mend("Use bash, zsh or fish.");
}

}  // namespace spillway::face::cli
