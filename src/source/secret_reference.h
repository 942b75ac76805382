#ifndef SPILLWAY_SOURCE_SECRET_REFERENCE_H_
#define SPILLWAY_SOURCE_SECRET_REFERENCE_H_

#include <functional>
#include <string>
#include <string_view>

#include "base/context.h"
#include "base/result.h"
#include "base/secret.h"
#include "state/home.h"

/// Secrets are kept apart from what names them: state and definitions hold references.
namespace spillway::source {

/// A place a secret is read from at the moment of use.
struct SecretReference {
  enum class Kind { kEnvironment, kFile, kStored };
  Kind kind = Kind::kEnvironment;
  std::string name;  ///< variable; path; key in the home's secrets.json
};

/// Whether `text` has the form ${…}: then it is a reference, not a literal secret.
bool LooksLikeSecretReference(std::string_view text);

/// ${env:NAME}, ${file:PATH} or ${stored:KEY} (made by SecretKeeper::Keep). INVALID_ARGUMENT for
/// another form, NOT_YET_SUPPORTED for ${secret:SCOPE/KEY}. `text` is not repeated in errors beyond
/// its kind.
base::Result<SecretReference> ParseSecretReference(std::string_view text);

/// What may be written down in place of what a user gave.
struct KeptSecret {
  std::string reference;
  std::string
      warning;  ///< for a literal: where it is kept now and what would be better; else empty
};

/// Resolves references and keeps literal secrets in the home's secrets.json (0600, replaced
/// atomically; writers of several processes take turns). Holds nothing in memory; thread-safe.
class SecretKeeper {
 public:
  /// `rehearses`: Keep and Forget check, and write nothing.
  SecretKeeper(state::Home home, state::Environment environment, bool rehearses = false);

  /// The secret. One trailing line break of a file is dropped. SECRET_UNAVAILABLE names the
  /// variable, file or key; INVALID_ARGUMENT when `reference` is none.
  base::Result<base::Secret> Resolve(std::string_view reference) const;

  /// `given` unchanged when it is a reference (checked for form, not resolved); a literal is stored
  /// under `key`, or under `key`/2 and so on when that holds a secret already, and becomes
  /// ${stored:KEY}. What was there stays, so that who fails to write the new reference down can
  /// take it back with Drop. An empty literal gives an empty reference. FILE_UNUSABLE,
  /// STORE_NO_SPACE, STATE_CORRUPT (secrets.json is damaged).
  base::Result<KeptSecret> Keep(const base::Context& context, std::string_view key,
                                std::string_view given) const;

  /// Removes the stored secret that `reference` names. One of another kind, or that is gone, is no
  /// error.
  base::Status Drop(const base::Context& context, std::string_view reference) const;

  /// Removes the stored secrets whose key is `prefix` or begins with `prefix` and "/". None is no
  /// error.
  base::Status Forget(const base::Context& context, std::string_view prefix) const;

 private:
  base::Status Remove(const base::Context& context,
                      const std::function<bool(const std::string& key)>& is_meant) const;

  state::Home home_;
  state::Environment environment_;
  bool rehearses_;
};

}  // namespace spillway::source

#endif  // SPILLWAY_SOURCE_SECRET_REFERENCE_H_
