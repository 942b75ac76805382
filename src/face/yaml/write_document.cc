#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/name_list.h"
#include "data/utf8.h"
#include "face/yaml/document.h"
#include "sync/definition_fields.h"

namespace spillway::face::yaml {
namespace {

using sync::Field;
using sync::FieldKind;
using sync::FieldValue;

// Code points that YAML does not print or that end lines.
bool MustBeEscaped(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
         (c >= 0xfff0 && c <= 0xffff);
}

std::uint32_t CodePoint(std::string_view sequence) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(sequence[i]) & 0xff; };
  if (sequence.size() == 1) return byte(0);
  std::uint32_t c = byte(0) & (0xffU >> (sequence.size() + 1));
  for (std::size_t i = 1; i < sequence.size(); ++i) c = c << 6U | (byte(i) & 0x3fU);
  return c;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  const auto* const end = reinterpret_cast<const unsigned char*>(text.data() + text.size());
  while (!text.empty()) {
    const auto* const at = reinterpret_cast<const unsigned char*>(text.data());
    const std::size_t length = std::max<std::size_t>(1, data::Utf8SequenceLength(at, end));
    const std::string_view sequence = text.substr(0, length);
    text.remove_prefix(length);
    const std::uint32_t c = CodePoint(sequence);
    if (sequence == "\"" || sequence == "\\") {
      quoted += "\\" + std::string(sequence);
    } else if (sequence == "\n") {
      quoted += "\\n";
    } else if (sequence == "\t") {
      quoted += "\\t";
    } else if (MustBeEscaped(c)) {
      quoted += c < 0x100 ? fmt::format("\\x{:02x}", c) : fmt::format("\\u{:04x}", c);
    } else {
      quoted += sequence;
    }
  }
  return quoted + "\"";
}

std::string FlowList(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + Scalar(text);
  return "[" + list + "]";
}

void WriteValue(const Field& field, const FieldValue& value, std::string* out) {
  *out += "    " + std::string(field.key) + ":";
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    *out += " " + FlowList(*texts) + "\n";
  } else if (const auto* pairs = std::get_if<sync::Pairs>(&value)) {
    *out += pairs->empty() ? " {}\n" : "\n";
    for (const auto& [name, text] : *pairs) {
      *out += "      " + Scalar(name) + ": " + Scalar(text) + "\n";
    }
  } else {
    const std::string& text = std::get<std::string>(value);
    // These forms are texts to every reader, and quotes would only be noise.
    const bool is_bare = field.kind == FieldKind::kInteger || field.kind == FieldKind::kDuration ||
                         field.kind == FieldKind::kPercent;
    *out += " " + (is_bare ? text : Scalar(text)) + "\n";
  }
}

}  // namespace

bool IsPlain(std::string_view text) {
  const auto is_word = [](unsigned char c) { return std::isalpha(c) != 0 || c == '_' || c == '/'; };
  if (text.empty() || text.size() > 200 || !is_word(static_cast<unsigned char>(text.front()))) {
    return false;
  }
  const bool harmless = std::ranges::all_of(text, [&](unsigned char c) {
    return is_word(c) || std::isdigit(c) != 0 || c == '.' || c == '-' || c == ' ' || c == '(' ||
           c == ')' || c == '$' || c == '<' || c == '>' || c == '=' || c == '+' || c == ';';
  });
  if (!harmless || text.back() == ' ') return false;
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view word :
       {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}) {
    if (lower == word) return false;
  }
  return true;
}

std::string Scalar(std::string_view text) {
  return IsPlain(text) ? std::string(text) : Quoted(text);
}

std::string WriteDocument(const service::Configuration& configuration) {
  std::string out = "version: 1\n";
  if (!configuration.targets.empty()) out += "targets:\n";
  for (const service::TargetDeclaration& target : configuration.targets) {
    out += "  " + Scalar(target.name) + ":\n    url: " + Scalar(target.url) + "\n";
    if (!target.password.empty()) out += "    password: " + Scalar(target.password) + "\n";
  }
  if (!configuration.sources.empty()) out += "sources:\n";
  for (const service::SourceDeclaration& source : configuration.sources) {
    out += "  " + Scalar(source.name) + ":\n    url: " + Scalar(source.url) + "\n";
    if (!source.storage_options.empty()) out += "    storage_options:\n";
    for (const auto& [option, value] : source.storage_options) {
      out += "      " + Scalar(option) + ": " + Scalar(value) + "\n";
    }
  }
  if (!configuration.tables.empty()) out += "synced_tables:\n";
  for (const service::TableDeclaration& table : configuration.tables) {
    out += "  " + Scalar(table.definition.name()) + ":\n";
    for (const Field& field : sync::Fields()) {
      if (const auto value = field.get(table.definition)) WriteValue(field, *value, &out);
    }
  }
  return out;
}

}  // namespace spillway::face::yaml
