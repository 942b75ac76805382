#include "target/bad_row.h"

#include <gtest/gtest.h>

namespace spillway::target {
namespace {

BadRow Row(std::int64_t row) {
  BadRow bad;
  bad.column = "name";
  bad.key = std::to_string(row);
  bad.reason = "a NUL byte at byte 3";
  bad.error_class = base::ErrorClass::kCharacterNotInRepertoire;
  bad.file = "p.parquet";
  bad.row = row;
  return bad;
}

TEST(BadRowTest, AnErrorNamesTableColumnKeyReasonFileAndRow) {
  const base::Status error = BadRowsError("public.t", {Row(7)});
  EXPECT_EQ(error.error_class(), base::ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(error.message(),
            "a row cannot be stored in public.t: column name, key 7: a NUL byte at byte 3 (file "
            "p.parquet, row 7)");
  EXPECT_EQ(error.detail("file"), "p.parquet");
  EXPECT_EQ(error.detail("row"), "7");
}

TEST(BadRowTest, TheMendOfNaNInJsonIsItsField) {
  BadRow row = Row(7);
  const auto names_field = [&] {
    return BadRowsError("public.t", {row}).mend().find("--json-nonfinite string") !=
           std::string_view::npos;
  };
  EXPECT_FALSE(names_field());
  row.reason = "NaN inside JSON";
  EXPECT_TRUE(names_field());
}

TEST(BadRowTest, TenRowsAreNamedAndNoMore) {
  std::vector<BadRow> rows;
  for (std::int64_t i = 0; i < 12; ++i) rows.push_back(Row(i));
  const std::string text = NameBadRows(rows);
  EXPECT_NE(text.find("key 9:"), std::string::npos);
  EXPECT_EQ(text.find("key 10:"), std::string::npos);
}

TEST(BadRowTest, RowsFoundBeforeTheStopAreAtLeastSoMany) {
  const base::Status error = BadRowsError("public.t", {Row(7), Row(8)});
  EXPECT_EQ(error.message(),
            "at least 2 rows cannot be stored in public.t:\n"
            "  column name, key 7: a NUL byte at byte 3 (file p.parquet, row 7);\n"
            "  column name, key 8: a NUL byte at byte 3 (row 8)");
}

TEST(BadRowTest, ARowWithoutKeyOrColumnIsStillNamed) {
  BadRow row;
  row.reason = "duplicate key";
  EXPECT_EQ(NameBadRows({row}), "duplicate key");
}

TEST(BadRowTest, TheSchemaOfRejectedRowsHasTheirPlace) {
  EXPECT_TRUE(RejectedSchema()->Find("file"));
  EXPECT_TRUE(RejectedSchema()->Find("row_position"));
}

}  // namespace
}  // namespace spillway::target
