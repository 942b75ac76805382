#include "face/cli/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "face/cli/option_values.h"

namespace spillway::face::cli {
namespace {

// A flag that has a value.
struct Flag {
  std::vector<std::string> names;  // with dashes
  ValueCompletion value;
};

// A place on the command line: the subcommands typed so far, and what may follow.
struct Node {
  std::string path;                // "synced-table create"
  std::vector<std::string> words;  // subcommands and flags
  std::vector<Flag> flags;         // those with a value
  ValueCompletion positional;
};

std::vector<std::string> NamesOf(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

Node MakeNode(CLI::App* app, std::string path) {
  Node node;
  node.path = std::move(path);
  for (const CLI::App* command : app->get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) node.words.push_back(command->get_name());
  }
  for (CLI::Option* option : app->get_options()) {
    if (option->get_group().empty()) continue;
    if (option->get_positional()) node.positional = CompletionOf(option);
    for (const std::string& name : option->get_lnames()) node.words.push_back("--" + name);
    if (NamesOf(*option).empty() || option->get_items_expected_max() == 0) continue;
    node.flags.push_back({NamesOf(*option), CompletionOf(option)});
  }
  return node;
}

// The root's flags follow every command, but --version.
void AddGlobalFlags(const Node& root, Node* node) {
  for (const std::string& word : root.words) {
    const bool is_flag = word.starts_with("--") && word != "--version";
    if (is_flag && std::ranges::find(node->words, word) == node->words.end()) {
      node->words.push_back(word);
    }
  }
}

void Collect(CLI::App* app, const std::string& path, std::vector<Node>* nodes) {
  Node node = MakeNode(app, path);
  if (!nodes->empty()) AddGlobalFlags(nodes->front(), &node);
  nodes->push_back(std::move(node));
  for (CLI::App* command : app->get_subcommands([](CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    Collect(command, path.empty() ? command->get_name() : path + " " + command->get_name(), nodes);
  }
}

std::string Join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

// What the scripts' variables are set to for a value.
std::string Assignments(const ValueCompletion& value) {
  if (value.names) return fmt::format("names={}", Name(*value.names));
  return fmt::format("words='{}'", Join(value.words));
}

// The paths of all nodes but the root, each in quotes.
std::vector<std::string> QuotedPaths(const std::vector<Node>& nodes) {
  std::vector<std::string> paths;
  for (const Node& node : nodes) {
    if (!node.path.empty()) paths.push_back("'" + node.path + "'");
  }
  return paths;
}

// The cases of a word behind a flag that takes a value; the root's flags take it everywhere.
std::string BashValues(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    for (const Flag& flag : node.flags) {
      std::vector<std::string> patterns;
      for (const std::string& name : flag.names) {
        patterns.push_back(node.path.empty() ? "*' " + name + "'"
                                             : "'" + node.path + " " + name + "'");
      }
      cases += fmt::format("    {}) is_value=1 {} ;;\n", fmt::join(patterns, "|"),
                           Assignments(flag.value));
    }
  }
  return cases;
}

std::string BashWords(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) {
    cases += fmt::format("    '{}') words='{}'", node.path, Join(node.words));
    if (node.positional.names) cases += fmt::format(" names={}", Name(*node.positional.names));
    if (!node.positional.words.empty()) {
      cases += fmt::format(" words=\"{} $words\"", Join(node.positional.words));
    }
    cases += " ;;\n";
  }
  return cases;
}

// The commands typed so far are the longest run of words that names a node; files complete where
// nothing else does. bash makes three words of --flag=value, zsh one, whose $path is $PATH.
constexpr std::string_view kBashScript = R"bash(_spillway() {{
  local place='' words='' names='' is_value='' prefix='' cur prev word i
  local -a home
  home=()
  cur=${{COMP_WORDS[COMP_CWORD]}}
  prev=${{COMP_WORDS[COMP_CWORD-1]}}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    case "${{place:+$place }}$word" in
    {paths}) place="${{place:+$place }}$word" ;;
    *' --home'|'--home')
      word=${{COMP_WORDS[i+1]}}
      [[ $word == = ]] && word=${{COMP_WORDS[i+2]}}
      home=(--home "$word")
      ;;
    *' --home='*|'--home='*) home=("$word") ;;
    esac
  done
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $prev == = ]]; then
    prev=${{COMP_WORDS[COMP_CWORD-2]}}
  elif [[ $cur == --*=* ]]; then
    prev=${{cur%%=*}}
    cur=${{cur#*=}}
    prefix=$prev=
  fi
  case "$place $prev" in
{values}  esac
  if [[ -z $is_value ]]; then
    case "$place" in
{words}    esac
  fi
  COMPREPLY=($(compgen -P "$prefix" -W "$words" -- "$cur"))
  [[ -z $names ]] && return
  while IFS= read -r word; do
    [[ -n $word && $word == "$cur"* ]] && COMPREPLY+=("$prefix$(printf %q "$word")")
  done <<< "$("${{COMP_WORDS[0]}}" "${{home[@]}}" {command} "$names" 2>/dev/null)"
}}
complete -o default -F _spillway spillway
)bash";

std::string BashScript(const std::vector<Node>& nodes) {
  return fmt::format(kBashScript, fmt::arg("paths", fmt::join(QuotedPaths(nodes), "|")),
                     fmt::arg("values", BashValues(nodes)), fmt::arg("words", BashWords(nodes)),
                     fmt::arg("command", kKnownNamesCommand));
}

// What follows -a; nothing for a value that may be anything.
std::string FishArguments(const ValueCompletion& value) {
  if (value.names)
    return fmt::format(" -a '(spillway {} {})'", kKnownNamesCommand, Name(*value.names));
  return value.words.empty() ? "" : fmt::format(" -a '{}'", Join(value.words));
}

std::string FishFlag(const Flag& flag, const std::string& condition) {
  std::string line = "complete -c spillway" + condition;
  for (const std::string& name : flag.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  const std::string arguments = FishArguments(flag.value);
  return line + (arguments.empty() ? " -r -F" : " -x" + arguments) + "\n";
}

// Whether the commands typed so far are these.
constexpr std::string_view kFishFunction = R"fish(function __spillway_at
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$path $word")
    contains -- "$next" {paths}; and set path "$next"
  end
  test "$path" = "$argv[1]"
end
complete -c spillway -f
)fish";

std::string FishScript(const std::vector<Node>& nodes) {
  std::string script =
      fmt::format(kFishFunction, fmt::arg("paths", fmt::join(QuotedPaths(nodes), " ")));
  for (const Node& node : nodes) {
    const std::string condition = fmt::format(" -n '__spillway_at \"{}\"'", node.path);
    script += fmt::format("complete -c spillway{} -a '{}'\n", condition, Join(node.words));
    if (const std::string arguments = FishArguments(node.positional); !arguments.empty()) {
      script += "complete -c spillway" + condition + arguments + "\n";
    }
    for (const Flag& flag : node.flags) {
      script += FishFlag(flag, node.path.empty() ? "" : condition);
    }
  }
  return script;
}

}  // namespace

std::string CompletionScript(CLI::App* app, Shell shell) {
  std::vector<Node> nodes;
  Collect(app, "", &nodes);
  switch (shell) {
    case Shell::kBash:
      return BashScript(nodes);
    case Shell::kZsh:
      return "autoload -Uz bashcompinit && bashcompinit\n" + BashScript(nodes);
    case Shell::kFish:
      return FishScript(nodes);
  }
  return "";
}

}  // namespace spillway::face::cli
