#include "service/configuration.h"

#include <map>
#include <utility>

#include "base/result.h"

namespace spillway::service {
namespace {

using base::ErrorClass;
using base::Status;

bool Alike(const TargetDeclaration& a, const TargetDeclaration& b) {
  return a.url == b.url && a.password == b.password;
}
bool Alike(const SourceDeclaration& a, const SourceDeclaration& b) {
  return a.url == b.url && a.storage_options == b.storage_options;
}
bool Alike(const TableDeclaration&, const TableDeclaration&) { return false; }

const std::string& NameOf(const TargetDeclaration& target) { return target.name; }
const std::string& NameOf(const SourceDeclaration& source) { return source.name; }
std::string NameOf(const TableDeclaration& table) { return table.definition.name(); }

template <typename Declaration>
Status AddAll(std::string_view what, std::vector<Declaration> from,
              std::vector<Declaration>* into) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < into->size(); ++i) places.emplace(NameOf((*into)[i]), i);
  for (Declaration& declaration : from) {
    const auto [found, is_new] = places.emplace(NameOf(declaration), into->size());
    if (is_new) {
      into->push_back(std::move(declaration));
      continue;
    }
    const Declaration* there = &(*into)[found->second];
    if (!Alike(*there, declaration)) {
      return At(declaration.origin,
                Status(ErrorClass::kInvalidDefinition,
                       std::string(what) + " " + NameOf(declaration) +
                           " is defined twice; the other place is " + there->origin.ToString())
                    .With("object", NameOf(declaration))
                    .Mend("Remove one of the two."));
    }
  }
  return Status();
}

}  // namespace

std::string Origin::ToString() const {
  return file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

Status Merge(Configuration other, Configuration* configuration) {
  SPILLWAY_TRY(AddAll("target", std::move(other.targets), &configuration->targets));
  SPILLWAY_TRY(AddAll("source", std::move(other.sources), &configuration->sources));
  SPILLWAY_TRY(AddAll("synced table", std::move(other.tables), &configuration->tables));
  for (std::string& warning : other.warnings) {
    configuration->warnings.push_back(std::move(warning));
  }
  return Status();
}

Status At(const Origin& origin, const Status& error) {
  if (error.ok()) return error;
  return Status(error)
      .While(origin.ToString())
      .With("file", origin.file)
      .With("line", std::to_string(origin.at.line))
      .With("column", std::to_string(origin.at.column));
}

}  // namespace spillway::service
