#include "base/name_list.h"

#include <optional>

namespace spillway::base {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

// Only a list with commas is written with spaces for the eye.
bool SpacesAreLayout(char separator) { return separator == ','; }

void SkipSpaces(char separator, std::string_view* rest) {
  if (!SpacesAreLayout(separator)) return;
  const std::size_t first = rest->find_first_not_of(kSpaces);
  rest->remove_prefix(first == std::string_view::npos ? rest->size() : first);
}

// Takes one name off the front of `rest`, up to `separator`; nullopt when a quote is never closed.
std::optional<std::string> TakeName(char separator, std::string_view* rest) {
  SkipSpaces(separator, rest);
  std::string name;
  if (!rest->starts_with('"')) {
    const std::size_t end = rest->find(separator);
    name = rest->substr(0, end);
    rest->remove_prefix(end == std::string_view::npos ? rest->size() : end);
    if (SpacesAreLayout(separator)) {
      name.erase(name.find_last_not_of(kSpaces) + 1);
    }
    return name;
  }
  rest->remove_prefix(1);
  while (!rest->empty()) {
    if (rest->front() == '"') {
      rest->remove_prefix(1);
      if (!rest->starts_with('"')) {
        SkipSpaces(separator, rest);
        return name;
      }
    }
    name.push_back(rest->front());
    rest->remove_prefix(1);
  }
  return std::nullopt;
}

bool NeedsQuotes(std::string_view name, char separator) {
  if (name.empty() || name.find('"') != std::string_view::npos) return true;
  if (name.find(separator) != std::string_view::npos) return true;
  if (separator == '.' && name.find_first_of("*?") != std::string_view::npos) return true;
  return SpacesAreLayout(separator) && (kSpaces.find(name.front()) != std::string_view::npos ||
                                        kSpaces.find(name.back()) != std::string_view::npos);
}

}  // namespace

Result<std::vector<std::string>> SplitNames(std::string_view text, char separator) {
  std::vector<std::string> names;
  std::string_view rest = text;
  while (true) {
    std::optional<std::string> name = TakeName(separator, &rest);
    if (!name) {
      return Status(ErrorClass::kInvalidArgument,
                    "a quoted name is never closed: " + std::string(text));
    }
    if (name->empty()) {
      return Status(ErrorClass::kInvalidArgument, "a name is empty: '" + std::string(text) + "'");
    }
    names.push_back(*std::move(name));
    if (rest.empty()) return names;
    if (rest.front() != separator) {
      return Status(
          ErrorClass::kInvalidArgument,
          "after a quoted name comes '" + std::string(1, rest.front()) + "': " + std::string(text));
    }
    rest.remove_prefix(1);
  }
}

std::string JoinNames(std::span<const std::string> names, char separator) {
  std::string text;
  for (const std::string& name : names) {
    if (&name != names.data()) text.push_back(separator);
    if (!NeedsQuotes(name, separator)) {
      text += name;
      continue;
    }
    text.push_back('"');
    for (const char c : name) {
      if (c == '"') text.push_back('"');
      text.push_back(c);
    }
    text.push_back('"');
  }
  return text;
}

}  // namespace spillway::base
