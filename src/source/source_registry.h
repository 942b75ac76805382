#ifndef SPILLWAY_SOURCE_SOURCE_REGISTRY_H_
#define SPILLWAY_SOURCE_SOURCE_REGISTRY_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "lake/lake.h"
#include "source/secret_reference.h"
#include "state/store.h"

/// From what a user calls a source table to where it lies.
namespace spillway::source {

/// A source as understood.
struct ResolvedSource {
  std::string source;       ///< what a definition keeps: the registered name, the URL, or the path
                            ///< made absolute; resolving it again, anywhere, gives the same
  bool registered = false;  ///< `source` is a registered name
  lake::Location location;  ///< with secrets filled in: never to be printed
};

/// Whether `text` is read as a location, not as a registered name.
bool IsLocation(std::string_view text);

/// Registers sources and resolves their names. Thread-safe when store and keeper are; they must
/// outlive it.
class SourceRegistry {
 public:
  /// `working_folder`: absolute, what relative paths start from.
  SourceRegistry(state::Store* store, const SecretKeeper* secrets, std::string working_folder);

  /// `text` with a "/", a scheme or a leading "." is a location, for which the store is not asked;
  /// anything else a registered name. Options whose values are references are filled in.
  /// SOURCE_NOT_FOUND for an unknown name, with detail `nearest` and the command that would add it;
  /// SECRET_UNAVAILABLE; INVALID_ARGUMENT for an unknown scheme or empty text. Does not look
  /// whether a table is there.
  base::Result<ResolvedSource> Resolve(const base::Context& context, std::string_view text) const;

  /// Registers `name` for `url`; literal secrets among the options are kept apart. Returns
  /// warnings. ALREADY_EXISTS, INVALID_ARGUMENT (a name that would be read as a location, a
  /// registered name as URL).
  base::Result<std::vector<std::string>> Add(
      const base::Context& context, std::string_view name, std::string_view url,
      const std::map<std::string, std::string>& storage_options) const;

  /// `options` with every value that is a reference replaced by what it leads to. Errors:
  /// SECRET_UNAVAILABLE, INVALID_ARGUMENT, naming the option.
  base::Result<std::map<std::string, std::string>> ResolveOptions(
      const std::map<std::string, std::string>& options) const;

  /// Gives the registered `name` another URL and other options, as Add would. Stored secrets that
  /// it no longer uses are forgotten. SOURCE_NOT_FOUND, INVALID_ARGUMENT.
  base::Result<std::vector<std::string>> Change(
      const base::Context& context, std::string_view name, std::string_view url,
      const std::map<std::string, std::string>& storage_options) const;

  /// Unregisters `name` and forgets its stored secrets. SOURCE_NOT_FOUND;
  /// DEPENDENT_OBJECTS_STILL_EXIST.
  base::Status Remove(const base::Context& context, std::string_view name) const;

 private:
  struct Kept;
  base::Result<std::string> ResolveOption(const std::string& option,
                                          const std::string& value) const;
  base::Result<state::Source> Make(std::string_view name, std::string_view url) const;
  base::Status KeepOptions(const base::Context& context,
                           const std::map<std::string, std::string>& storage_options,
                           state::Source* source, Kept* kept) const;
  base::Status DropAll(const std::vector<std::string>& references) const;

  state::Store* store_;
  const SecretKeeper* secrets_;
  std::string working_folder_;
};

/// An option's name as it is kept: in lower case.
std::string OptionName(std::string_view option);

/// Whether an option's value is a secret, by its name: keys, tokens, passwords, connection strings.
/// Unknown names that sound like one count as secret.
bool IsSecretOption(std::string_view option);

/// Whether this value of an option holds a secret: by the option's name, or as a URL with a
/// password.
bool HoldsSecret(std::string_view option, std::string_view value);

/// Options for people: secrets are "***", references are shown.
std::map<std::string, std::string> RedactOptions(const std::map<std::string, std::string>& options);

}  // namespace spillway::source

#endif  // SPILLWAY_SOURCE_SOURCE_REGISTRY_H_
