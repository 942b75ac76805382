// Schemas as Arrow C schemas, in the layout of lakeio.h, in both directions.

#include <nanoarrow/nanoarrow.h>

#include <charconv>
#include <memory>
#include <string>

#include "data/schema.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr const char* kTypeKey = "spillway.type";
constexpr const char* kIdKey = "spillway.id";
constexpr int kMaxDepth = 100;

Status Unsupported(const std::string& path, const char* format) {
  return Status(ErrorClass::kUnsupportedColumnType,
                "the Arrow type of a column has no counterpart here: " + path + ": format " +
                    (format == nullptr ? "missing" : format))
      .With("column", path);
}

std::string MetadataOf(const ArrowSchema& schema, const char* key) {
  ArrowStringView value{};
  if (schema.metadata == nullptr ||
      ArrowMetadataGetValue(schema.metadata, ArrowCharView(key), &value) != NANOARROW_OK ||
      value.data == nullptr) {
    return {};
  }
  return {value.data, static_cast<std::size_t>(value.size_bytes)};
}

Result<Field> FieldFromArrow(const ArrowSchema& schema, const std::string& parent, int depth);

Result<std::vector<Field>> ChildrenFromArrow(const ArrowSchema& schema, const std::string& path,
                                             int depth) {
  std::vector<Field> children;
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    SPILLWAY_ASSIGN(Field child, FieldFromArrow(*schema.children[i], path, depth));
    children.push_back(std::move(child));
  }
  return children;
}

/// The kinds whose Arrow type alone says all; nothing for the others.
std::optional<TypeKind> SimpleKind(ArrowType type) {
  switch (type) {
    case NANOARROW_TYPE_NA:
      return TypeKind::kVoid;
    case NANOARROW_TYPE_BOOL:
      return TypeKind::kBoolean;
    case NANOARROW_TYPE_INT8:
      return TypeKind::kByte;
    case NANOARROW_TYPE_INT16:
      return TypeKind::kShort;
    case NANOARROW_TYPE_INT32:
      return TypeKind::kInt;
    case NANOARROW_TYPE_INT64:
      return TypeKind::kLong;
    case NANOARROW_TYPE_FLOAT:
      return TypeKind::kFloat;
    case NANOARROW_TYPE_DOUBLE:
      return TypeKind::kDouble;
    case NANOARROW_TYPE_BINARY:
      return TypeKind::kBinary;
    case NANOARROW_TYPE_DATE32:
      return TypeKind::kDate;
    case NANOARROW_TYPE_INTERVAL_MONTHS:
      return TypeKind::kYearMonthInterval;
    case NANOARROW_TYPE_STRUCT:
      return TypeKind::kStruct;
    case NANOARROW_TYPE_LIST:
      return TypeKind::kArray;
    case NANOARROW_TYPE_MAP:
      return TypeKind::kMap;
    default:  // nanoarrow's enum: what is not named here has no counterpart
      return std::nullopt;
  }
}

Result<Type> TypeFromArrow(const ArrowSchema& schema, const std::string& path, int depth) {
  ArrowSchemaView view{};
  if (depth > kMaxDepth || schema.release == nullptr || schema.dictionary != nullptr ||
      ArrowSchemaViewInit(&view, &schema, nullptr) != NANOARROW_OK ||
      view.extension_name.data != nullptr) {
    return Unsupported(path, schema.format);
  }
  Type type;
  if (const auto kind = SimpleKind(view.type)) {
    type.kind = *kind;
    if (type.kind == TypeKind::kMap) {
      SPILLWAY_ASSIGN(type.children, ChildrenFromArrow(*schema.children[0], path, depth + 1));
      type.children[0].name = "key";
      type.children[1].name = "value";
    } else if (type.is_nested()) {
      SPILLWAY_ASSIGN(type.children, ChildrenFromArrow(schema, path, depth + 1));
      if (type.kind == TypeKind::kArray) type.children[0].name = "element";
    }
    return type;
  }
  const bool is_micro = view.time_unit == NANOARROW_TIME_UNIT_MICRO;
  if (view.type == NANOARROW_TYPE_STRING) {
    const bool variant = MetadataOf(schema, kTypeKey) == "variant";
    type.kind = variant ? TypeKind::kVariant : TypeKind::kString;
  } else if (view.type == NANOARROW_TYPE_DECIMAL128 && view.decimal_precision >= 1 &&
             view.decimal_precision <= 38 && view.decimal_scale >= 0 &&
             view.decimal_scale <= view.decimal_precision) {
    type.kind = TypeKind::kDecimal;
    type.precision = view.decimal_precision;
    type.scale = view.decimal_scale;
  } else if (view.type == NANOARROW_TYPE_TIMESTAMP && is_micro) {
    const std::string_view zone = view.timezone == nullptr ? "" : view.timezone;
    if (zone.empty()) {
      type.kind = TypeKind::kTimestampNtz;
    } else if (zone == "UTC" || zone == "+00:00") {
      type.kind = TypeKind::kTimestamp;
    } else {
      return Unsupported(path, schema.format);
    }
  } else if (view.type == NANOARROW_TYPE_DURATION && is_micro) {
    type.kind = TypeKind::kDayTimeInterval;
  } else {
    return Unsupported(path, schema.format);
  }
  return type;
}

Result<Field> FieldFromArrow(const ArrowSchema& schema, const std::string& parent, int depth) {
  Field field;
  if (schema.name != nullptr) field.name = schema.name;
  const std::string path = parent.empty() ? field.name : parent + "." + field.name;
  SPILLWAY_ASSIGN(field.type, TypeFromArrow(schema, path, depth));
  field.nullable = (schema.flags & ARROW_FLAG_NULLABLE) != 0;
  if (const std::string id = MetadataOf(schema, kIdKey); !id.empty()) {
    std::int64_t number = 0;
    if (std::from_chars(id.data(), id.data() + id.size(), number).ec == std::errc()) {
      field.id = number;
    }
  }
  return field;
}

/// nanoarrow's type of a scalar without parameters; NA for what has none of its own.
ArrowType ScalarArrowType(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
      return NANOARROW_TYPE_BOOL;
    case TypeKind::kByte:
      return NANOARROW_TYPE_INT8;
    case TypeKind::kShort:
      return NANOARROW_TYPE_INT16;
    case TypeKind::kInt:
      return NANOARROW_TYPE_INT32;
    case TypeKind::kLong:
      return NANOARROW_TYPE_INT64;
    case TypeKind::kFloat:
      return NANOARROW_TYPE_FLOAT;
    case TypeKind::kDouble:
      return NANOARROW_TYPE_DOUBLE;
    case TypeKind::kString:
    case TypeKind::kVariant:
      return NANOARROW_TYPE_STRING;
    case TypeKind::kBinary:
      return NANOARROW_TYPE_BINARY;
    case TypeKind::kDate:
      return NANOARROW_TYPE_DATE32;
    case TypeKind::kYearMonthInterval:
      return NANOARROW_TYPE_INTERVAL_MONTHS;
    case TypeKind::kDecimal:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
    case TypeKind::kDayTimeInterval:
    case TypeKind::kVoid:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return NANOARROW_TYPE_NA;
  }
  return NANOARROW_TYPE_NA;
}

Status OutOfMemory(int code) {
  return code == NANOARROW_OK
             ? Status()
             : Status(ErrorClass::kInternal,
                      "an Arrow schema cannot be built: errno " + std::to_string(code));
}

Status FieldToArrow(const Field& field, const std::string& path, ArrowSchema* out);

Status ChildrenToArrow(const std::vector<Field>& fields, const std::string& path,
                       ArrowSchema* out) {
  SPILLWAY_TRY(OutOfMemory(ArrowSchemaSetTypeStruct(out, static_cast<int64_t>(fields.size()))));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    SPILLWAY_TRY(FieldToArrow(
        fields[i], path.empty() ? fields[i].name : path + "." + fields[i].name, out->children[i]));
  }
  return Status();
}

Status TypeToArrow(const Type& type, const std::string& path, ArrowSchema* out) {
  switch (type.kind) {
    case TypeKind::kDecimal:
      return OutOfMemory(
          ArrowSchemaSetTypeDecimal(out, NANOARROW_TYPE_DECIMAL128, type.precision, type.scale));
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
      return OutOfMemory(
          ArrowSchemaSetTypeDateTime(out, NANOARROW_TYPE_TIMESTAMP, NANOARROW_TIME_UNIT_MICRO,
                                     type.kind == TypeKind::kTimestamp ? "UTC" : nullptr));
    case TypeKind::kDayTimeInterval:
      return OutOfMemory(ArrowSchemaSetTypeDateTime(out, NANOARROW_TYPE_DURATION,
                                                    NANOARROW_TIME_UNIT_MICRO, nullptr));
    case TypeKind::kArray:
      SPILLWAY_TRY(OutOfMemory(ArrowSchemaSetType(out, NANOARROW_TYPE_LIST)));
      return FieldToArrow(type.children[0], path + ".element", out->children[0]);
    case TypeKind::kMap: {
      SPILLWAY_TRY(OutOfMemory(ArrowSchemaSetType(out, NANOARROW_TYPE_MAP)));
      ArrowSchema* entries = out->children[0];
      SPILLWAY_TRY(FieldToArrow(type.children[0], path + ".key", entries->children[0]));
      return FieldToArrow(type.children[1], path + ".value", entries->children[1]);
    }
    case TypeKind::kStruct:
      return ChildrenToArrow(type.children, path, out);
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return Status(ErrorClass::kUnsupportedColumnType,
                    "a column's type cannot travel as Arrow: " + path + ": " + type.ToString())
          .With("column", path);
    case TypeKind::kBoolean:
    case TypeKind::kByte:
    case TypeKind::kShort:
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kDate:
    case TypeKind::kVariant:
    case TypeKind::kYearMonthInterval:
    case TypeKind::kVoid:
      break;
  }
  return OutOfMemory(ArrowSchemaSetType(out, ScalarArrowType(type.kind)));
}

Status FieldToArrow(const Field& field, const std::string& path, ArrowSchema* out) {
  SPILLWAY_TRY(TypeToArrow(field.type, path, out));
  SPILLWAY_TRY(OutOfMemory(ArrowSchemaSetName(out, field.name.c_str())));
  if (field.nullable) {
    out->flags |= ARROW_FLAG_NULLABLE;
  } else {
    out->flags &= ~static_cast<int64_t>(ARROW_FLAG_NULLABLE);
  }
  const bool variant = field.type.kind == TypeKind::kVariant;
  if (!variant && !field.id) return Status();
  ArrowBuffer metadata{};
  int code = ArrowMetadataBuilderInit(&metadata, out->metadata);
  if (code == NANOARROW_OK && variant) {
    code = ArrowMetadataBuilderAppend(&metadata, ArrowCharView(kTypeKey), ArrowCharView("variant"));
  }
  if (code == NANOARROW_OK && field.id) {
    const std::string id = std::to_string(*field.id);
    code = ArrowMetadataBuilderAppend(&metadata, ArrowCharView(kIdKey), ArrowCharView(id.c_str()));
  }
  if (code == NANOARROW_OK) {
    code = ArrowSchemaSetMetadata(out, reinterpret_cast<const char*>(metadata.data));
  }
  ArrowBufferReset(&metadata);
  return OutOfMemory(code);
}

}  // namespace

Result<Schema> SchemaFromArrow(const ArrowSchema& schema) {
  if (schema.release == nullptr || schema.format == nullptr ||
      std::string_view(schema.format) != "+s") {
    return Unsupported("table", schema.format);
  }
  Schema result;
  SPILLWAY_ASSIGN(result.fields, ChildrenFromArrow(schema, "", 0));
  return result;
}

Status SchemaToArrow(const Schema& schema, ArrowSchema* out) {
  ArrowSchemaInit(out);
  Status status = ChildrenToArrow(schema.fields, "", out);
  if (status.ok()) status = OutOfMemory(ArrowSchemaSetName(out, ""));
  if (!status.ok() && out->release != nullptr) out->release(out);
  return status;
}

}  // namespace spillway::data
