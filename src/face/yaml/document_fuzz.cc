// Any bytes as a definition file: read or refused, never more; what was read prints and reads back
// to the same.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "face/yaml/document.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace spillway;
  const auto environment = [](const std::string&) { return std::optional<std::string>(); };
  const face::yaml::DocumentPlace place{"fuzz.yaml", "/"};
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  // Files of this machine are none of its business.
  if (text.find("file:") != std::string_view::npos) return 0;
  const auto read = face::yaml::ReadDocument(text, place, environment);
  if (!read.ok()) return 0;
  service::Configuration valid;
  for (const service::TableDeclaration& table : read->tables) {
    if (sync::Validate(table.definition).ok()) valid.tables.push_back(table);
  }
  const auto again = face::yaml::ReadDocument(face::yaml::WriteDocument(valid), place, environment);
  if (!again.ok() || again->tables.size() != valid.tables.size()) std::abort();
  for (std::size_t i = 0; i < valid.tables.size(); ++i) {
    if (again->tables[i].definition != valid.tables[i].definition) std::abort();
  }
  return 0;
}
