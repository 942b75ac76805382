#ifndef SPILLWAY_DATA_TESTING_EVERY_TYPE_H_
#define SPILLWAY_DATA_TESTING_EVERY_TYPE_H_

#include <utility>

#include "data/schema.h"

namespace spillway::data::testing {

/// A column of every type that can travel, nested ones and a column that is not nullable among
/// them.
inline Schema EveryType() {
  Schema schema;
  const auto add = [&](const char* name, Type type) {
    schema.fields.push_back({.name = name, .type = std::move(type)});
  };
  for (const TypeKind kind :
       {TypeKind::kBoolean, TypeKind::kByte, TypeKind::kShort, TypeKind::kInt, TypeKind::kLong,
        TypeKind::kFloat, TypeKind::kDouble, TypeKind::kString, TypeKind::kBinary, TypeKind::kDate,
        TypeKind::kTimestamp, TypeKind::kTimestampNtz, TypeKind::kVariant,
        TypeKind::kYearMonthInterval, TypeKind::kDayTimeInterval, TypeKind::kVoid}) {
    add(ScalarType(kind).ToString().c_str(), ScalarType(kind));
  }
  add("decimal", DecimalType(38, 10));
  add("array", ArrayType(ScalarType(TypeKind::kVariant), false));
  add("map", MapType(ScalarType(TypeKind::kString), ArrayType(ScalarType(TypeKind::kLong))));
  add("struct", StructType({{.name = "x y", .type = ScalarType(TypeKind::kInt), .nullable = false},
                            {.name = "z", .type = DecimalType(3, 3)}}));
  schema.fields[0].nullable = false;
  return schema;
}

}  // namespace spillway::data::testing

#endif  // SPILLWAY_DATA_TESTING_EVERY_TYPE_H_
