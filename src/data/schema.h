#ifndef SPILLWAY_DATA_SCHEMA_H_
#define SPILLWAY_DATA_SCHEMA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/arrow_abi.h"

namespace spillway::data {

/// The logical types of a source table, named as Delta and Spark name them.
enum class TypeKind : std::uint8_t {
  kBoolean,
  kByte,
  kShort,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kDecimal,
  kString,
  kBinary,
  kDate,          ///< days since 1970-01-01, proleptic Gregorian
  kTimestamp,     ///< microseconds since the epoch, UTC
  kTimestampNtz,  ///< microseconds since 1970-01-01 00:00:00 of an unnamed zone
  kArray,
  kMap,
  kStruct,
  kVariant,  ///< travels as canonical JSON text
  kYearMonthInterval,
  kDayTimeInterval,
  kVoid,
  kGeometry,
  kGeography,
};

struct Field;

/// A logical type: a value, compared by structure.
struct Type {
  TypeKind kind = TypeKind::kVoid;
  std::int32_t precision = 0;  ///< of kDecimal: 1 to 38
  std::int32_t scale = 0;      ///< of kDecimal: 0 to precision
  std::int32_t length =
      0;  ///< of kString made from char(n) or varchar(n), in characters; 0: unbounded
  /// kArray: one, "element"; kMap: "key" and "value"; kStruct: its fields.
  std::vector<Field> children;

  bool operator==(const Type&) const;
  /// Spark's spelling: bigint, decimal(10,2), array<int>, struct<a:int,b:string>.
  std::string ToString() const;
  bool is_nested() const {
    return kind == TypeKind::kArray || kind == TypeKind::kMap || kind == TypeKind::kStruct;
  }
};

/// A named column or nested field.
struct Field {
  std::string name;
  Type type;
  bool nullable = true;
  /// Column-mapping id, when the table has one; stable through renames.
  std::optional<std::int64_t> id = std::nullopt;
  std::string comment = {};

  bool operator==(const Field&) const;
};

/// A type without parameters or children.
Type ScalarType(TypeKind kind);
/// REQUIRES: 1 <= precision <= 38, 0 <= scale <= precision.
Type DecimalType(std::int32_t precision, std::int32_t scale);
/// A string of at most `length` characters (0: unbounded).
Type StringType(std::int32_t length);
Type ArrayType(Type element, bool element_nullable = true);
Type MapType(Type key, Type value, bool value_nullable = true);
Type StructType(std::vector<Field> fields);

/// The columns of a table, in order.
struct Schema {
  std::vector<Field> fields;

  bool operator==(const Schema&) const = default;
  /// Index of the column with that exact name.
  std::optional<std::size_t> Find(std::string_view name) const;
};

/// Reads a Delta schema document (the `schemaString` of a table's metadata). Errors:
/// DELTA_LOG_CORRUPT for what is not such a document, UNSUPPORTED_COLUMN_TYPE for a type that this
/// release does not know.
base::Result<Schema> ParseDeltaSchema(std::string_view json);
/// The inverse, for creating tables. Column ids are not written.
std::string FormatDeltaSchema(const Schema& schema);

/// The logical schema of an Arrow struct schema as lakeio hands it out (lakeio.h,
/// lakeio_split_read). `schema` stays the caller's. Errors: UNSUPPORTED_COLUMN_TYPE.
base::Result<Schema> SchemaFromArrow(const ArrowSchema& schema);
/// Fills `out` with the Arrow form of `schema` as a struct; the caller releases it.
base::Status SchemaToArrow(const Schema& schema, ArrowSchema* out);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_SCHEMA_H_
