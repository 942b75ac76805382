#ifndef SPILLWAY_EXPR_TYPE_FAMILY_H_
#define SPILLWAY_EXPR_TYPE_FAMILY_H_

#include <cstdint>

#include "data/schema.h"

/// Which types a predicate compares with one another. Internal to `expr`. Pure; any thread.
namespace spillway::expr {

/// Types whose values have an order between them.
enum class Family : std::uint8_t {
  kNone,
  kBoolean,
  kNumber,
  kString,
  kBinary,
  kDate,
  kTimestamp,
  kTimestampNtz,
};

/// The family of `type`; kNone for what has no order: nested types, variant, intervals.
Family FamilyOf(const data::Type& type);

}  // namespace spillway::expr

#endif  // SPILLWAY_EXPR_TYPE_FAMILY_H_
