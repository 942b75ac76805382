#ifndef SPILLWAY_TARGET_POSTGRES_COPY_TYPE_TABLE_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_TYPE_TABLE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/schema.h"

/// Which PostgreSQL types store which source types, as two tables of constants: the encoder, the
/// adapter's checks, the tests and docs/formats/types.md all read them. Pure functions and
/// constants; any thread.
namespace spillway::target::postgres {

/// The PostgreSQL types that columns can have (their arrays apart).
enum class PostgresKind : std::uint8_t {
  kBoolean,
  kSmallint,
  kInteger,
  kBigint,
  kReal,
  kDouble,
  kNumeric,
  kText,
  kVarchar,
  kChar,
  kBytea,
  kUuid,
  kDate,
  kTimestamptz,
  kTimestamp,
  kInterval,
  kJsonb,
  kJson,
  kVector,   ///< of extension vector (pgvector)
  kHalfvec,  ///< of extension vector, from its 0.7
};

/// What may stand between parentheses behind a type's name.
enum class Modifier : std::uint8_t { kNone, kPrecisionAndScale, kLength, kDimensions };

/// One row of the table of PostgreSQL types. All views are static.
struct PostgresTypeInfo {
  PostgresKind kind;
  std::string_view name;  ///< as Spillway writes it: timestamptz
  std::string_view
      format_name;         ///< as the server's format_type writes it: timestamp with time zone
  std::string_view alias;  ///< a further spelling that is understood, or empty
  Modifier modifier;
  std::uint32_t oid;  ///< 0 for a type of an extension
  std::uint32_t array_oid;
  std::string_view extension;  ///< that must be installed, or empty
  bool key;                    ///< has the equality that a primary key needs
  /// Function that gives the byte form that the digest hashes; empty: the type's own hash sees
  /// every bit of a value.
  std::string_view digest_form;
  std::string_view binary;  ///< the bytes of a value, for people
};
std::span<const PostgresTypeInfo> PostgresTypes();
const PostgresTypeInfo& Describe(PostgresKind kind);

/// One row of the mapping: values of `source` can be stored as `target`. All views are static.
struct TypeRule {
  data::TypeKind source;
  PostgresKind target;
  bool is_default;
  std::string_view bad;  ///< which values are bad rows; empty: none
};
/// The mapping, without arrays of PostgreSQL: array<E> can also be stored as T[] where E can be
/// stored as T.
std::span<const TypeRule> TypeRules();
/// The row for that pair, if there is one.
const TypeRule* FindRule(data::TypeKind source, PostgresKind target);

/// A PostgreSQL type with its modifiers.
struct PostgresType {
  PostgresKind kind = PostgresKind::kText;
  std::int32_t precision = 0;  ///< of numeric: 1 to 1000; 0: unconstrained
  std::int32_t scale = 0;      ///< of numeric: 0 to precision
  std::int32_t length =
      0;  ///< of varchar and char in characters, of vector and halfvec in dimensions; 0: any
  bool array = false;  ///< of one dimension

  bool operator==(const PostgresType&) const = default;
  /// Spillway's spelling: varchar(20), numeric(18,4), text[], timestamptz.
  std::string ToString() const;
  /// The server's, as format_type(atttypid, atttypmod) prints a column's type.
  std::string FormatType() const;
};

/// Reads any spelling of a type in the table, upper or lower case, with the name of the schema for
/// types of extensions: varchar(20), character varying(20), public.vector(3). Errors:
/// INVALID_DEFINITION.
base::Result<PostgresType> ParsePostgresType(std::string_view words);

/// Function that gives the byte form of an array's digest.
inline constexpr std::string_view kArrayDigestForm = "array_send";

/// What the mapping must know of a server.
struct ServerFacts {
  std::string vector_schema;   ///< where extension vector is installed; empty: it is not
  std::string vector_version;  ///< of it: 0.8.1
};

/// How a logical type is stored: the adapter's type table applied to one column.
struct TypeMapping {
  std::string target_type;
  std::vector<std::string> warnings;
};

/// The type that stores `field`: `override_type` (a definition's word) or, when that is empty, the
/// default. Types of extensions come qualified by their schema. Errors: UNSUPPORTED_COLUMN_TYPE for
/// void, geometry, geography; INVALID_DEFINITION for an override that is no type, does not fit the
/// source's or cannot be in a key; TARGET_UNSUITABLE for one that the server does not have. The
/// details name the column.
base::Result<TypeMapping> MapType(const data::Field& field, std::string_view override_type,
                                  bool in_key, const ServerFacts& server);

/// Whether values of `source` can be stored as `target`, modifiers included; the reason when not.
base::Status CheckMapping(const data::Type& source, const PostgresType& target);

/// Overrides that fit `source`, for messages: "integer, bigint, numeric(p,s)".
std::string AllowedOverrides(const data::Type& source);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_TYPE_TABLE_H_
