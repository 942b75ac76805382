#include "face/cli/console.h"

#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

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
  return value.dump();
}

// Columns that a terminal gives to UTF-8 text, counting each code point once.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void Emit(const Json& value, YAML::Emitter* out) {
  switch (value.type()) {
    case Json::value_t::object:
      *out << YAML::BeginMap;
      for (const auto& [key, member] : value.items()) {
        *out << YAML::Key << key << YAML::Value;
        Emit(member, out);
      }
      *out << YAML::EndMap;
      return;
    case Json::value_t::array:
      *out << (std::ranges::all_of(value, [](const Json& item) { return item.is_primitive(); })
                   ? YAML::Flow
                   : YAML::Block)
           << YAML::BeginSeq;
      for (const Json& item : value) Emit(item, out);
      *out << YAML::EndSeq;
      return;
    case Json::value_t::string: {
      // A text that YAML would read as something else is quoted.
      const std::string text = value.get<std::string>();
      const bool plain = !text.empty() &&
                         text.find_first_of(":#{}[],&*!|>'\"%@`\n") == std::string::npos &&
                         text != "null" && text != "true" && text != "false" && text != "~" &&
                         text.find_first_not_of("0123456789+-.eE_") != std::string::npos &&
                         text.front() != ' ' && text.back() != ' ' && text.front() != '-' &&
                         text != "yes" && text != "no" && text != "on" && text != "off";
      if (plain) {
        *out << text;
      } else {
        *out << YAML::DoubleQuoted << text;
      }
      return;
    }
    case Json::value_t::null:
      *out << YAML::Null;
      return;
    case Json::value_t::boolean:
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      *out << value.dump();
      return;
  }
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

void Console::Line(std::string_view text) { fmt::print(out_, "{}\n", text); }

void Console::Note(std::string_view text) {
  if (quiet) return;
  const std::string remark = note_prefix + std::string(text);
  if (log_format == LogFormat::kJson) return Log("info", Message(remark));
  fmt::print(err_, "{}\n", remark);
}

void Console::Warn(std::string_view text) {
  if (quiet) return;
  if (log_format == LogFormat::kJson) return Log("warning", Message(text));
  fmt::print(err_, "{} {}\n", color_err_ ? Paint("warning:", kYellow) : "warning:", text);
}

void Console::Log(std::string_view level, std::string_view json) {
  Json line;
  line["time"] = service::FormatTimestamp(
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()));
  line["level"] = level;
  line.update(Json::parse(json));
  fmt::print(err_, "{}\n", line.dump());
}

void Console::Error(const base::Status& error) {
  if (log_format == LogFormat::kJson) return Log("error", service::ErrorJson(error));
  if (format == OutputFormat::kJson) {
    fmt::print(err_, "{}\n", service::ErrorJson(error));
    return;
  }
  const base::ErrorClassInfo& info = base::Describe(error.error_class());
  fmt::print(err_, "{} {} [{}]\n", color_err_ ? Paint("error:", kRed) : "error:", error.message(),
             info.name);
  if (const std::string_view object = error.detail("object");
      !object.empty() && error.message().find(object) == std::string_view::npos) {
    fmt::print(err_, "  object: {}\n", object);
  }
  if (!error.mend().empty()) fmt::print(err_, "  mend: {}\n", error.mend());
}

void Console::Print(std::string_view text) {
  const Json json = Json::parse(text);
  switch (format) {
    case OutputFormat::kJson:
      Line(json.dump(2));
      return;
    case OutputFormat::kYaml: {
      YAML::Emitter emitter;
      Emit(json, &emitter);
      Line(emitter.c_str());
      return;
    }
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
      for (const auto& [key, value] : item.items()) row.push_back(Scalar(value));
      rows.push_back(std::move(row));
    }
  } else {
    for (const auto& [key, value] : json.items()) rows.push_back({key, Scalar(value)});
  }
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      line += rows[r][i];
      if (i + 1 < rows[r].size()) line.append(widths[i] - Width(rows[r][i]) + 2, ' ');
    }
    Line(color_out_ && is_list && r == 0 ? Paint(line, kBold) : line);
  }
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
