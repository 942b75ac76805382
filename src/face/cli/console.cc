#include "face/cli/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/display_width.h"
#include "face/yaml/json.h"
#include "service/error_json.h"
#include "service/lake_tables.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using Json = nlohmann::ordered_json;

constexpr std::string_view kRed = "31";
constexpr std::string_view kYellow = "33";
constexpr std::string_view kBold = "1";

std::string Scalar(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string text;
    for (const Json& item : value) text += (text.empty() ? "" : ", ") + Scalar(item);
    return text.empty() ? "-" : text;
  }
  if (value.is_object()) {
    std::string text;
    for (const auto& [key, member] : value.items()) {
      text += (text.empty() ? "" : ", ") + key + ": " + Scalar(member);
    }
    return text.empty() ? "-" : text;
  }
  return value.dump();
}

std::size_t WidthOf(std::string_view text) {
  return static_cast<std::size_t>(data::DisplayWidth(text));
}

// A message for people: its own lines, which are indented, stay lines.
std::string ShownLines(std::string_view text) {
  constexpr std::string_view kBreak = "\n  ";
  std::string shown;
  for (std::size_t at = text.find(kBreak); at != std::string_view::npos; at = text.find(kBreak)) {
    shown += Shown(text.substr(0, at)) + std::string(kBreak);
    text.remove_prefix(at + kBreak.size());
  }
  return shown + Shown(text);
}

std::string Message(std::string_view text) {
  return Json{{"event", "message"}, {"message", text}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Console::Console(std::FILE* out, std::FILE* err)
    : out_(out),
      err_(err),
      out_is_terminal_(isatty(fileno(out)) == 1),
      err_is_terminal_(isatty(fileno(err)) == 1) {}

void Console::ChooseColor(ColorChoice choice, bool no_color_in_environment) {
  const bool wanted =
      choice == ColorChoice::kAlways || (choice == ColorChoice::kAuto && !no_color_in_environment);
  color_out_ = wanted && (choice == ColorChoice::kAlways || out_is_terminal_);
  color_err_ = wanted && (choice == ColorChoice::kAlways || err_is_terminal_);
}

std::string Console::Paint(std::string_view text, std::string_view sgr) const {
  return fmt::format("\x1b[{}m{}\x1b[0m", sgr, text);
}

std::string Console::Colored(std::string_view text, std::string_view sgr) const {
  return color_out_ ? Paint(text, sgr) : std::string(text);
}

std::size_t Console::err_columns() const {
  winsize size{};
  if (ioctl(fileno(err_), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

bool Console::logs_json() const {
  return log_format ? *log_format == LogFormat::kJson : format == OutputFormat::kJson;
}

void Console::Out(std::string_view text) {
  if (!out_failure_.ok()) return;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), out_) != text.size()) KeepFailure(errno);
}

void Console::Err(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), err_);
  std::fflush(err_);
}

base::Status Console::Flush() {
  errno = 0;
  if (out_failure_.ok() && std::fflush(out_) != 0) KeepFailure(errno);
  return out_failure_;
}

void Console::KeepFailure(int code) {
  reader_has_gone_ = code == EPIPE;
  out_failure_ = base::Status(ErrorClass::kFileUnusable, std::string("cannot write to standard "
                                                                     "output: ") +
                                                             std::strerror(code))
                     .With("object", "standard output")
                     .Mend("Check where standard output leads; what the command did is done.");
}

void Console::Line(std::string_view text) { Out(std::string(text) + "\n"); }

void Console::Note(std::string_view text) {
  if (quiet) return;
  const std::string remark = note_prefix + std::string(text);
  if (logs_json()) return Log("info", Message(remark));
  Err(ShownLines(remark) + "\n");
}

void Console::Warn(std::string_view text) {
  if (quiet) return;
  if (logs_json()) return Log("warning", Message(text));
  Err(fmt::format("{} {}\n",
                  color_err_ ? Paint("warning:", kYellow) : "warning:", ShownLines(text)));
}

void Console::Log(std::string_view level, std::string_view json) {
  Json line;
  line["time"] = service::FormatTimestamp(
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()));
  line["level"] = level;
  line.update(Json::parse(json));
  Err(line.dump() + "\n");
}

void Console::Error(const base::Status& error) {
  if (log_format == LogFormat::kJson) return Log("error", service::ErrorJson(error));
  if (format == OutputFormat::kJson) return Err(service::ErrorJson(error) + "\n");
  const base::ErrorClassInfo& info = base::Describe(error.error_class());
  std::string text = fmt::format("{} {} [{}]\n", color_err_ ? Paint("error:", kRed) : "error:",
                                 ShownLines(error.message()), info.name);
  if (const std::string_view object = error.detail("object");
      !object.empty() && error.message().find(object) == std::string_view::npos) {
    text += "  object: " + Shown(object) + "\n";
  }
  if (!error.mend().empty()) text += "  mend: " + ShownLines(error.mend()) + "\n";
  Err(text);
}

void Console::Print(std::string_view text) {
  const Json json = Json::parse(text);
  switch (format) {
    case OutputFormat::kJson:
      Line(json.dump(2));
      return;
    case OutputFormat::kYaml:
      Out(yaml::FromJson(text));
      return;
    case OutputFormat::kTable:
      break;
  }
  std::vector<std::vector<std::string>> rows;
  const bool is_list = json.is_array();
  if (is_list) {
    if (json.empty()) return;
    std::vector<std::string> header;
    for (const auto& [key, value] : json.front().items()) {
      std::string title = key;
      std::ranges::transform(title, title.begin(), [](char c) {
        return c == '_' ? ' ' : static_cast<char>(std::toupper(c));
      });
      header.push_back(std::move(title));
    }
    rows.push_back(std::move(header));
    for (const Json& item : json) {
      std::vector<std::string> row;
      for (const auto& [key, value] : item.items()) row.push_back(Shown(Scalar(value)));
      rows.push_back(std::move(row));
    }
  } else {
    for (const auto& [key, value] : json.items())
      rows.push_back({Shown(key), Shown(Scalar(value))});
  }
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      line += rows[r][i];
      if (i + 1 < rows[r].size()) line.append(widths[i] - WidthOf(rows[r][i]) + 2, ' ');
    }
    Line(color_out_ && is_list && r == 0 ? Paint(line, kBold) : line);
  }
}

std::string Shown(std::string_view text) {
  return data::FitToWidth(text, std::numeric_limits<int>::max());
}

int ExitCode(const base::Status& error) {
  if (error.ok()) return 0;
  const auto one_of = [&](std::initializer_list<ErrorClass> classes) {
    return std::ranges::find(classes, error.error_class()) != classes.end();
  };
  if (one_of({ErrorClass::kInvalidArgument, ErrorClass::kInvalidDefinition,
              ErrorClass::kInvalidPredicate, ErrorClass::kNotYetSupported,
              ErrorClass::kIdentifierCollision, ErrorClass::kColumnNotFound})) {
    return 2;
  }
  if (one_of({ErrorClass::kRunInProgress})) return 4;
  if (one_of({ErrorClass::kConfirmationRequired, ErrorClass::kTooManyDeletes,
              ErrorClass::kCascadingDeletes})) {
    return 5;
  }
  return error.code() == base::Code::kCancelled ? 130 : 1;
}

std::string FormatCount(long long count) {
  std::string digits = std::to_string(count);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string FormatBytes(long long bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace spillway::face::cli
