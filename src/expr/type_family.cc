#include "expr/type_family.h"

namespace spillway::expr {

using data::Type;
using data::TypeKind;

Family FamilyOf(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return Family::kBoolean;
    case TypeKind::kByte:
    case TypeKind::kShort:
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kDecimal:
      return Family::kNumber;
    case TypeKind::kString:
      return Family::kString;
    case TypeKind::kBinary:
      return Family::kBinary;
    case TypeKind::kDate:
      return Family::kDate;
    case TypeKind::kTimestamp:
      return Family::kTimestamp;
    case TypeKind::kTimestampNtz:
      return Family::kTimestampNtz;
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
    case TypeKind::kVariant:
    case TypeKind::kYearMonthInterval:
    case TypeKind::kDayTimeInterval:
    case TypeKind::kVoid:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return Family::kNone;
  }
  return Family::kNone;
}

}  // namespace spillway::expr
