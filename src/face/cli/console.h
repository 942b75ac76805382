#ifndef SPILLWAY_FACE_CLI_CONSOLE_H_
#define SPILLWAY_FACE_CLI_CONSOLE_H_

#include <cstdio>
#include <optional>
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
  std::optional<LogFormat> log_format;  ///< absent: JSON with --output json, else text
  bool quiet = false;
  std::string note_prefix;  ///< before each remark
  bool is_dumb = false;     ///< terminals can only be written line after line

  void ChooseColor(ColorChoice choice, bool no_color_in_environment);
  bool out_is_terminal() const { return out_is_terminal_; }
  bool err_is_terminal() const { return err_is_terminal_; }
  /// Whether a line on stderr can be written over.
  bool err_rewrites_lines() const { return err_is_terminal_ && !is_dumb; }
  /// Of stderr; 80 when it is no terminal.
  std::size_t err_columns() const;
  bool logs_json() const;

  /// Writes `text` to stdout as it is. The first failure is kept for Flush, and nothing more is
  /// written after it.
  void Out(std::string_view text);
  /// Writes `text` to stderr as it is; that it cannot be written is nobody's concern.
  void Err(std::string_view text);
  /// Sends what stdout still holds. Errors: FILE_UNUSABLE when any of it could not be written.
  base::Status Flush();
  /// Whether stdout is a pipe whose reader has gone: no failure to speak of.
  bool reader_has_gone() const { return reader_has_gone_; }

  /// Prints `json` (a JSON document) as --output says: as it is, as YAML, or as a table: an array
  /// of objects becomes rows under the keys of the first, an object lines of "key  value", control
  /// characters escaped.
  void Print(std::string_view json);
  /// A line on stdout whatever the format.
  void Line(std::string_view text);
  /// `text` in a colour or style (an SGR parameter, "31" is red) where stdout shows them.
  std::string Colored(std::string_view text, std::string_view sgr) const;
  /// A remark for people on stderr, control characters escaped; silent with --quiet.
  void Note(std::string_view text);
  void Warn(std::string_view text);
  /// A JSON object on stderr as one line, `time` (RFC 3339, UTC) and `level` before its members:
  /// what --log-format json makes of everything that is not data. REQUIRES: `json` is an object.
  void Log(std::string_view level, std::string_view json);
  /// The error with its mend; one JSON object with --output json. Never silent.
  void Error(const base::Status& error);

 private:
  std::string Paint(std::string_view text, std::string_view sgr) const;
  void KeepFailure(int code);
  std::FILE* out_;
  std::FILE* err_;
  bool out_is_terminal_;
  bool err_is_terminal_;
  bool color_out_ = false;
  bool color_err_ = false;
  base::Status out_failure_;
  bool reader_has_gone_ = false;
};

/// `text` as it may be shown to people: control characters are escaped (\\n, \\x1b), since names
/// and values come from tables that others write.
std::string Shown(std::string_view text);

/// The exit code that an error means (product README, "Manners of the command line").
int ExitCode(const base::Status& error);

/// 1234567 → "1,234,567".
std::string FormatCount(long long count);
/// 1234567 → "1.2 MB" (powers of ten).
std::string FormatBytes(long long bytes);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_CONSOLE_H_
