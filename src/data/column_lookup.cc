#include "data/column_lookup.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

/// Levenshtein's distance in bytes.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t substitution = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

/// Names close enough to be what was meant, nearest first.
std::vector<std::string_view> Nearest(std::span<const Field> fields, std::string_view name) {
  constexpr std::size_t kLongest = 128;
  const std::string wanted = Lower(name.substr(0, kLongest));
  std::vector<std::pair<std::size_t, std::size_t>> ranked;  // distance, index
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string lower = Lower(std::string_view(fields[i].name).substr(0, kLongest));
    const bool part =
        wanted.size() >= 3 && (lower.find(wanted) != std::string::npos ||
                               (lower.size() >= 3 && wanted.find(lower) != std::string::npos));
    const std::size_t distance = Distance(wanted, lower);
    if (part || distance <= std::max<std::size_t>(1, wanted.size() / 3)) {
      ranked.emplace_back(distance, i);
    }
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, ranked.size()); ++i) {
    names.push_back(fields[ranked[i].second].name);
  }
  return names;
}

std::string Join(const std::vector<std::string_view>& names) {
  std::string joined;
  for (const std::string_view name : names) {
    if (!joined.empty()) joined += ", ";
    joined += name;
  }
  return joined;
}

Status NoField(std::span<const Field> fields, std::string_view name, std::string_view path) {
  const std::string shown = std::string(path) + std::string(name);
  const std::string nearest = Join(Nearest(fields, name));
  Status error(ErrorClass::kColumnNotFound, "the source table has no such column: " + shown);
  error = std::move(error).With("column", shown).With("nearest", nearest);
  if (nearest.empty()) return error;
  return std::move(error).Mend("Did you mean: " + nearest + "?");
}

}  // namespace

bool IsSameName(std::string_view a, std::string_view b) { return Lower(a) == Lower(b); }

Result<std::size_t> LookUpExactField(std::span<const Field> fields, std::string_view name,
                                     std::string_view path) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return i;
  }
  return NoField(fields, name, path);
}

Result<std::size_t> LookUpField(std::span<const Field> fields, std::string_view name,
                                std::string_view path) {
  std::vector<std::size_t> alike;
  const std::string lower = Lower(name);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return i;
    if (Lower(fields[i].name) == lower) alike.push_back(i);
  }
  if (alike.size() == 1) return alike[0];
  if (alike.empty()) return NoField(fields, name, path);
  const std::string shown = std::string(path) + std::string(name);
  std::vector<std::string_view> nearest;
  for (const std::size_t i : alike) nearest.push_back(fields[i].name);
  return Status(ErrorClass::kColumnNotFound,
                "several columns have that name in other letter cases: " + shown)
      .With("column", shown)
      .With("nearest", Join(nearest))
      .Mend("Write one of them exactly: " + Join(nearest) + "?");
}

}  // namespace spillway::data
