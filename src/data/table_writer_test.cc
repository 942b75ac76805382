#include <gtest/gtest.h>

#include <string>

#include "data/batch_writer.h"
#include "data/testing/rows.h"

namespace spillway::data {
namespace {

using testing::MakeSchema;
using testing::TextOf;

const Type kLong = ScalarType(TypeKind::kLong);
const Type kString = ScalarType(TypeKind::kString);

auto Table(TableOptions options = {}) {
  return [options](std::shared_ptr<const Schema> schema, TextSink sink) {
    return MakeTableWriter(std::move(schema), options, std::move(sink));
  };
}

TEST(TableWriter, AlignsAndCuts) {
  const auto schema = MakeSchema({{.name = "id", .type = kLong},
                                  {.name = "name", .type = kString},
                                  {.name = "x", .type = kLong}});
  EXPECT_EQ(
      TextOf(
          Table({.max_column_width = 6}), schema,
          {{"1", "\"ä\"", "5"}, {"-200", "\"東京都\"", "NULL"}, {"NULL", "\"line\\nbreak\"", "1"}}),
      "  id  name       x\n"
      "────  ──────  ────\n"
      "   1  ä          5\n"
      "-200  東京都  NULL\n"
      "NULL  line…      1\n");
}

TEST(TableWriter, FixesWidthsByTheFirstRows) {
  const auto schema = MakeSchema({{.name = "s", .type = kString}});
  EXPECT_EQ(TextOf(Table({.rows_for_widths = 1}), schema, {{"\"ab\""}, {"\"abcdef\""}}),
            "s\n──\nab\na…\n");
  EXPECT_EQ(TextOf(Table(), schema, {}), "s\n─\n");
}

}  // namespace
}  // namespace spillway::data
