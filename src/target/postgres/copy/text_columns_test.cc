#include "target/postgres/copy/text_columns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;

TEST(TextColumns, RowsWithinBudget) {
  const auto half = static_cast<std::int32_t>(kPreparedBytes / 2);
  const std::vector<std::int32_t> halves = {7, 7 + half, 7 + 2 * half, 7 + 3 * half};
  EXPECT_EQ(RowsWithinBudget(halves.data(), 1), 1);
  EXPECT_EQ(RowsWithinBudget(halves.data(), 2), 2);
  EXPECT_EQ(RowsWithinBudget(halves.data(), 3), 2);
  const std::vector<std::int32_t> large = {0, 3 * half, 6 * half};
  EXPECT_EQ(RowsWithinBudget(large.data(), 2), 1);
  const std::vector<std::int32_t> empty = {5, 5, 5, 5};
  EXPECT_EQ(RowsWithinBudget(empty.data(), 3), 3);
}

TEST(TextColumns, CheckText) {
  EXPECT_FALSE(CheckText("plain ü"));
  EXPECT_EQ(CheckText(std::string("ab\0", 3))->reason, "a NUL byte at byte 2");
  EXPECT_EQ(CheckText("ü\xC3")->reason, "invalid UTF-8 at byte 2");
  EXPECT_EQ(CheckText("\xED\xA0\x80")->error_class, ErrorClass::kCharacterNotInRepertoire);
}

TEST(TextColumns, CheckDocument) {
  EXPECT_FALSE(CheckDocument("[1]", JsonTarget::kJsonb));
  EXPECT_FALSE(CheckDocument("\"\\u0000\"", JsonTarget::kJson));
  EXPECT_EQ(CheckDocument("\"\\u0000\"", JsonTarget::kJsonb)->error_class,
            ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(CheckDocument("[", JsonTarget::kJsonb)->error_class, ErrorClass::kValueOutOfRange);
}

TEST(TextColumns, CheckFieldSize) {
  EXPECT_FALSE(CheckFieldSize(0));
  EXPECT_FALSE(CheckFieldSize(static_cast<std::size_t>(kMaxFieldBytes)));
  EXPECT_TRUE(CheckFieldSize(static_cast<std::size_t>(kMaxFieldBytes) + 1));
}

}  // namespace
}  // namespace spillway::target::postgres
