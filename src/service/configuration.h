#ifndef SPILLWAY_SERVICE_CONFIGURATION_H_
#define SPILLWAY_SERVICE_CONFIGURATION_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/text_position.h"
#include "sync/definition.h"

/// What a user wants to be there, as declared in files: targets, sources and synced tables. Values.
namespace spillway::service {

/// Where something was declared.
struct Origin {
  std::string file;  ///< as given on the command line
  base::TextPosition at;
  /// shop.yaml:12:5
  std::string ToString() const;
};

struct TargetDeclaration {
  std::string name;
  std::string url;       ///< may hold a password, which is taken out when it is registered
  std::string password;  ///< a reference (source/secret_reference.h) or a literal; may be empty
  Origin origin;
};

struct SourceDeclaration {
  std::string name;
  std::string url;
  std::map<std::string, std::string> storage_options;  ///< secrets: references or literals
  Origin origin;
  /// Where each storage option stands, by its name as written.
  std::map<std::string, Origin> options = {};
};

struct TableDeclaration {
  sync::Definition definition;  ///< defaults merged in; without an id; not validated yet
  Origin origin;
  std::map<std::string, Origin> fields;  ///< where each given field stands, by key
};

struct Configuration {
  std::vector<TargetDeclaration> targets;
  std::vector<SourceDeclaration> sources;
  std::vector<TableDeclaration> tables;
  std::vector<std::string> warnings;
};

/// Adds the declarations of `other`. Errors: INVALID_DEFINITION naming both places when something
/// is declared twice; a target or source declared twice alike is fine.
base::Status Merge(Configuration other, Configuration* configuration);

/// `error` with the place in front of its message and as details file, line and column.
base::Status At(const Origin& origin, const base::Status& error);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_CONFIGURATION_H_
