#ifndef SPILLWAY_DATA_JSON_WRITER_H_
#define SPILLWAY_DATA_JSON_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/batch.h"
#include "data/schema.h"

namespace spillway::data {

/// How the reason of a NaN or an infinity that JSON cannot hold ends.
inline constexpr std::string_view kNonFiniteInJson = " inside JSON";

/// Choices that the canonical JSON form leaves open (docs/formats/json.md).
struct JsonOptions {
  enum class NonFinite : std::uint8_t {
    kRefuse,  ///< NaN and infinities are an error
    kString,  ///< they are the strings "NaN", "Infinity", "-Infinity"
  };
  enum class Nul : std::uint8_t {
    kRefuse,  ///< U+0000 in a string is an error (PostgreSQL's jsonb cannot hold it)
    kEscape,  ///< it is written \u0000
  };
  enum class Damaged : std::uint8_t {
    kRefuse,  ///< invalid UTF-8 and a NULL or repeated map key are errors
    kMark,  ///< invalid UTF-8 is {"base64":"…"}, in a map's key the string base64:…; a NULL key is
            ///< "null"; a repeated key is written again
  };
  NonFinite non_finite = NonFinite::kRefuse;
  Nul nul = Nul::kRefuse;
  Damaged damaged = Damaged::kRefuse;
  std::string column = {};  ///< name of the column in error messages
};

/// Writes values of one type, nested ones included, in the canonical JSON form of
/// docs/formats/json.md. Compiled once per column; a value costs no allocation and no virtual call.
/// Used by one thread.
class JsonWriter {
 public:
  /// Errors: UNSUPPORTED_COLUMN_TYPE for geometry and geography at any depth.
  static base::Result<JsonWriter> Make(const Type& type, JsonOptions options);
  JsonWriter(JsonWriter&&) noexcept;
  JsonWriter& operator=(JsonWriter&&) noexcept;
  ~JsonWriter();

  /// Takes `column` as what later Append(row, out) calls read; cheap, once per batch. REQUIRES: the
  /// type given to Make; the batch outlives those calls.
  void Bind(const ColumnView& column);
  /// Appends the value at `row` of the bound column; NULL is `null`. On an error nothing is
  /// appended. Errors: CHARACTER_NOT_IN_REPERTOIRE (NUL, invalid UTF-8), VALUE_OUT_OF_RANGE (NaN or
  /// infinity, a NULL or repeated map key); details column, path (from the column to the value:
  /// a.b, element, key, value) and reason.
  base::Status Append(std::int64_t row, std::string* out);
  /// Bind and Append in one.
  base::Status Append(const ColumnView& column, std::int64_t row, std::string* out) {
    Bind(column);
    return Append(row, out);
  }

 private:
  struct Impl;
  explicit JsonWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Appends `text` as a JSON string with quotes, escaping what RFC 8259 demands and no more.
/// REQUIRES: valid UTF-8.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_JSON_WRITER_H_
