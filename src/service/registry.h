#ifndef SPILLWAY_SERVICE_REGISTRY_H_
#define SPILLWAY_SERVICE_REGISTRY_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "service/world.h"
#include "state/store.h"
#include "target/target.h"

/// The verbs on registered targets and sources: spillway target add | list | show | test | remove,
/// spillway source add. (What else sources have is in source/source_registry.h, which the world
/// holds.)
namespace spillway::service {

/// The password of a target: the one in its URL or the one given beside it; empty when there is
/// none. INVALID_ARGUMENT when there are both.
base::Result<std::string> OnePassword(const std::optional<std::string>& in_url,
                                      std::string_view beside);

/// Registers `name`; a password in `url` or `password` is taken out and kept as a reference.
/// Returns warnings. Errors: ALREADY_EXISTS, INVALID_ARGUMENT (a name that is `local` or holds a
/// dot or a slash; a URL that libpq would not understand).
base::Result<std::vector<std::string>> AddTarget(const base::Context& context, World& world,
                                                 std::string_view name, std::string_view url,
                                                 std::string_view password);

/// Gives the registered `name` another URL and password. Errors: TARGET_NOT_FOUND and those of
/// AddTarget.
base::Result<std::vector<std::string>> ChangeTarget(const base::Context& context, World& world,
                                                    std::string_view name, std::string_view url,
                                                    std::string_view password);

/// Whether the store of `url` understands the options; says nothing about their values where a
/// reference leads to nothing. Connects to nothing. Errors: INVALID_ARGUMENT for an option that it
/// does not know, with the nearest, or one given twice; detail `option` is its name.
base::Status CheckStorageOptions(const base::Context& context, World& world, std::string_view url,
                                 const std::map<std::string, std::string>& storage_options);

/// Registers `name` for `url`, and the options that its store understands. Connects to nothing.
/// Returns warnings. Errors: those of source::SourceRegistry::Add; INVALID_ARGUMENT for an option
/// that the store does not know, with the nearest.
base::Result<std::vector<std::string>> AddSource(
    const base::Context& context, World& world, std::string_view name, std::string_view url,
    const std::map<std::string, std::string>& storage_options);

/// Gives the registered `name` another URL and options. Errors: SOURCE_NOT_FOUND and those of
/// AddSource.
base::Result<std::vector<std::string>> ChangeSource(
    const base::Context& context, World& world, std::string_view name, std::string_view url,
    const std::map<std::string, std::string>& storage_options);

/// All targets, `local` first. Its URL is empty until it was started once.
base::Result<std::vector<state::Target>> ListTargets(const base::Context& context, World& world);
base::Result<state::Target> ShowTarget(const base::Context& context, World& world,
                                       std::string_view name);
/// What works and what does not, in the order tried; each mend fits the target.
base::Result<std::vector<target::Check>> TestTarget(const base::Context& context, World& world,
                                                    std::string_view name);
/// Errors: TARGET_NOT_FOUND, DEPENDENT_OBJECTS_STILL_EXIST, INVALID_ARGUMENT for `local`.
base::Status RemoveTarget(const base::Context& context, World& world, std::string_view name);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_REGISTRY_H_
