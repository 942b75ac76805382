#ifndef SPILLWAY_FACE_CLI_LINE_READER_H_
#define SPILLWAY_FACE_CLI_LINE_READER_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::face::cli {

/// Reads lines from a terminal with editing, history and completion. One at a time in a process;
/// used by one thread.
class LineReader {
 public:
  /// What a word may be completed to, asked for at each Tab.
  using Words = std::function<std::vector<std::string>()>;

  /// `history_file` is read now, and written as lines are remembered (0600); empty: none is kept.
  /// `stop` ends a read.
  LineReader(std::string history_file, Words words, std::stop_token stop);
  ~LineReader();

  /// The next line without its break; nullopt at the end of input or when stopped. Blocks.
  std::optional<std::string> Read(const std::string& prompt);
  /// Adds `text` to the history, its line breaks as spaces.
  void Remember(const std::string& text);

 private:
  struct Terminal;
  std::unique_ptr<Terminal> terminal_;
};

/// The words of `words` that begin with `prefix` whatever the case, each once, in order; those that
/// stand in `words` in upper case become lower case when `prefix` is.
std::vector<std::string> CompletionsOf(std::string_view prefix,
                                       const std::vector<std::string>& words);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_LINE_READER_H_
