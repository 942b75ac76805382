#ifndef SPILLWAY_SYNC_DEFINITION_FIELDS_H_
#define SPILLWAY_SYNC_DEFINITION_FIELDS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "sync/definition.h"

/// The fields of a definition as data: the one list from which come its stored JSON, the keys of
/// the YAML form, the options of the SQL form, the flags of the command line, and their reference
/// page. Immutable; any thread.
namespace spillway::sync {

enum class FieldKind : std::uint8_t {
  kText,        ///< any text
  kWord,        ///< one of `words`
  kColumns,     ///< column names, in order
  kTexts,       ///< texts, in order
  kMap,         ///< name → text, the order means nothing
  kOrderedMap,  ///< name → text, in order
  kDuration,    ///< `30s`
  kInteger,     ///< `8192`
  kPercent,     ///< `50%`
};

/// One of the values that a kWord field may have.
struct Word {
  std::string_view text;
  bool works;  ///< false: part of the language, refused as coming
};

using Pairs = std::vector<std::pair<std::string, std::string>>;
/// A field's value without its C++ type: a list for kColumns and kTexts, pairs for both maps, else
/// one text in canonical form.
using FieldValue = std::variant<std::string, std::vector<std::string>, Pairs>;

struct Field {
  std::string_view key;   ///< of the YAML form
  std::string_view flag;  ///< without dashes in front: the key with dashes, but `from` for source
  FieldKind kind = FieldKind::kText;
  bool determines_rows = false;  ///< two definitions that differ here may give other tables
  std::string_view meaning;      ///< one line for people
  std::string_view pending;      ///< when it will be acted on; empty: it is
  std::span<const Word> words;
  /// nullopt when the value is the default.
  std::optional<FieldValue> (*get)(const Definition& definition) = nullptr;
  /// Errors: INVALID_DEFINITION with detail `field`. `definition` is unchanged by a failure.
  base::Status (*set)(std::string_view key, const FieldValue& value,
                      Definition* definition) = nullptr;
  void (*unset)(Definition* definition) = nullptr;  ///< back to the default
  /// The default as text; empty when there is nothing to say: no text, list, map or bound.
  std::string (*default_text)() = nullptr;
};

/// All fields, in the order in which people read them; `source` is the first.
std::span<const Field> Fields();
/// nullptr when there is none.
const Field* FindField(std::string_view key);
/// The keys of Fields().
std::vector<std::string> FieldKeys();

/// Sets the field. Errors: as Field::set.
base::Status Set(const Field& field, const FieldValue& value, Definition* definition);

/// The field on one line: meaning, words, default.
std::string FieldHelp(const Field& field);

/// What of `definition` is remembered but not acted on yet, one sentence each: "schedule is not
/// acted on until …".
std::vector<std::string> PendingFields(const Definition& definition);

/// INVALID_DEFINITION "KEY: WHAT", with detail `field`.
base::Status WrongField(std::string_view key, std::string_view what);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_DEFINITION_FIELDS_H_
