#ifndef SPILLWAY_FACE_CLI_CONSOLE_H_
#define SPILLWAY_FACE_CLI_CONSOLE_H_

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace spillway::face::cli {

enum class OutputFormat { kTable, kJson, kYaml };
enum class LogFormat { kText, kJson };
enum class ColorChoice { kAuto, kAlways, kNever };

/// Where a command prints: data on stdout, everything else on stderr. Used by one thread at a time.
class Console {
 public:
  Console(std::FILE* out, std::FILE* err);

  OutputFormat format = OutputFormat::kTable;
  LogFormat log_format = LogFormat::kText;
  bool quiet = false;
  std::string note_prefix;  ///< before each remark

  void ChooseColor(ColorChoice choice, bool no_color_in_environment);
  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  std::FILE* out() const { return out_; }
  std::FILE* err() const { return err_; }

  /// Prints `json` (a JSON document) as --output says: as it is, as YAML, or as a table: an array
  /// of objects becomes rows under the keys of the first, an object lines of "key  value".
  void Print(std::string_view json);
  /// A line on stdout whatever the format.
  void Line(std::string_view text);
  /// `text` in a colour or style (an SGR parameter, "31" is red) where stdout shows them.
  std::string Colored(std::string_view text, std::string_view sgr) const;
  /// A remark for people on stderr; silent with --quiet.
  void Note(std::string_view text);
  void Warn(std::string_view text);
  /// A JSON object on stderr as one line, `time` (RFC 3339, UTC) and `level` before its members:
  /// what --log-format json makes of everything that is not data. REQUIRES: `json` is an object.
  void Log(std::string_view level, std::string_view json);
  /// The error with its mend; one JSON object with --output json. Never silent.
  void Error(const base::Status& error);

 private:
  std::string Paint(std::string_view text, std::string_view sgr) const;
  std::FILE* out_;
  std::FILE* err_;
  bool out_is_terminal_;
  bool err_is_terminal_;
  bool color_out_ = false;
  bool color_err_ = false;
};

/// The exit code that an error means (product README, "Manners of the command line").
int ExitCode(const base::Status& error);

/// 1234567 → "1,234,567".
std::string FormatCount(long long count);
/// 1234567 → "1.2 MB" (powers of ten).
std::string FormatBytes(long long bytes);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_CONSOLE_H_
