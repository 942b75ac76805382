#include "expr/type_family.h"

#include <gtest/gtest.h>

namespace spillway::expr {
namespace {

using data::ScalarType;
using data::TypeKind;

TEST(TypeFamilyTest, NumbersCompareAcrossTheirWidths) {
  for (const TypeKind kind : {TypeKind::kByte, TypeKind::kShort, TypeKind::kInt, TypeKind::kLong,
                              TypeKind::kFloat, TypeKind::kDouble}) {
    EXPECT_EQ(FamilyOf(ScalarType(kind)), Family::kNumber);
  }
}

TEST(TypeFamilyTest, InstantsAndWallClocksAreApart) {
  EXPECT_NE(FamilyOf(ScalarType(TypeKind::kTimestamp)),
            FamilyOf(ScalarType(TypeKind::kTimestampNtz)));
}

TEST(TypeFamilyTest, WhatHasNoOrderHasNoFamily) {
  EXPECT_EQ(FamilyOf(ScalarType(TypeKind::kVariant)), Family::kNone);
  EXPECT_EQ(FamilyOf(ScalarType(TypeKind::kVoid)), Family::kNone);
}

}  // namespace
}  // namespace spillway::expr
