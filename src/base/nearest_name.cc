#include "base/nearest_name.h"

#include <algorithm>
#include <utility>

namespace spillway::base {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Names this long are compared by containment alone, so that the quadratic work stays small.
constexpr std::size_t kLongest = 512;

}  // namespace

std::size_t EditDistance(std::string_view first, std::string_view second) {
  const std::string a = Lower(first);
  const std::string b = Lower(second);
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::vector<std::string> NearestNames(std::string_view wanted, std::span<const std::string> names,
                                      std::size_t limit) {
  const std::size_t bound = std::max<std::size_t>(2, wanted.size() / 3);
  const std::string lower = Lower(wanted);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& name : names) {
    const bool comparable = wanted.size() <= kLongest && name.size() <= kLongest;
    const std::size_t distance = comparable ? EditDistance(wanted, name) : bound + 1;
    if (distance <= bound && distance < wanted.size()) {
      found.emplace_back(distance, name);
      continue;
    }
    const std::string other = Lower(name);
    const bool contained = lower.size() >= 3 && other.find(lower) != std::string::npos;
    const bool contains = other.size() >= 3 && lower.find(other) != std::string::npos;
    if (contained || contains) found.emplace_back(bound + 1, name);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> nearest;
  for (auto& entry : found) nearest.push_back(std::move(entry.second));
  return nearest;
}

}  // namespace spillway::base
