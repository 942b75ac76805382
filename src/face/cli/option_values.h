#ifndef SPILLWAY_FACE_CLI_OPTION_VALUES_H_
#define SPILLWAY_FACE_CLI_OPTION_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// Options whose values are checked as they are read, and whose errors say what would be right. An
/// empty value is left to the command line, which refuses it for every option alike.
namespace spillway::face::cli {

/// Adds an option that takes one of `words`; `choose` is given the index of the one written.
CLI::Option* AddWords(CLI::App* command, const std::string& names, const std::string& help,
                      std::vector<std::string> words,
                      std::function<void(std::size_t index)> choose);

/// The same for a value, which outlives the command.
template <typename Value>
CLI::Option* AddChoice(CLI::App* command, const std::string& names, Value* value,
                       const std::vector<std::pair<std::string, Value>>& choices,
                       const std::string& help) {
  std::vector<std::string> words;
  std::vector<Value> values;
  for (const auto& [word, meaning] : choices) {
    words.push_back(word);
    values.push_back(meaning);
  }
  return AddWords(command, names, help, std::move(words),
                  [value, values](std::size_t index) { *value = values[index]; });
}

/// What a number may be.
struct NumberRange {
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

/// Adds an option that takes a decimal number of `range`; `take` is given it.
CLI::Option* AddNumber(CLI::App* command, const std::string& names, const NumberRange& range,
                       const std::string& help, std::function<void(std::int64_t number)> take);

/// What the program knows by name.
enum class KnownNames { kSyncedTables, kSources, kTargets };
/// The word for it on the command line that lists them for a shell.
std::string_view Name(KnownNames names);

/// Says what completes the option's value. Returns `option`.
CLI::Option* CompletedBy(KnownNames names, CLI::Option* option);
CLI::Option* CompletedBy(const std::vector<std::string>& words, CLI::Option* option);

/// What a shell completes an option's value with.
struct ValueCompletion {
  std::vector<std::string> words;
  std::optional<KnownNames> names;
};
ValueCompletion CompletionOf(CLI::Option* option);

/// `text` as a decimal number; nullopt when it is none or does not fit.
std::optional<std::int64_t> ParseNumber(const std::string& text);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_OPTION_VALUES_H_
