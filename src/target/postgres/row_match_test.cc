#include "target/postgres/row_match.h"

#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

const std::vector<Column> kColumns = {{"a", {}, "bigint", true, ""},
                                      {"B c", {}, "text", false, ""}};

TEST(RowMatchTest, KeysAreComparedColumnByColumn) {
  EXPECT_EQ(KeysMatch({"id"}).text(), R"(t."id" = s."id")");
  EXPECT_EQ(KeysMatch({"a", "b\"c"}, "::text").text(),
            R"(t."a"::text = s."a"::text AND t."b""c"::text = s."b""c"::text)");
}

TEST(RowMatchTest, ARowIsTheStagesColumns) {
  EXPECT_EQ(RowOf("t", kColumns).text(), R"(ROW(t."a", t."B c"))");
}

TEST(RowMatchTest, RowsWithoutAKeyAreNumberedByTheirBytes) {
  const std::string text = NumberedRows({"public", "p"}, kColumns).text();
  EXPECT_NE(text.find(R"(record_send(ROW(o."a", o."B c")))"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(FROM ONLY "public"."p" o)"), std::string::npos) << text;
}

}  // namespace
}  // namespace spillway::target::postgres
