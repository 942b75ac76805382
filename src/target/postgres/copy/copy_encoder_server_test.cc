#include "target/postgres/copy/copy_encoder_server_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class CopyEncoderRows : public CopyEncoderServer {};

TEST_P(CopyEncoderRows, RowsOfManyColumnsWithNulls) {
  const std::vector<data::Type> types = {data::ScalarType(TypeKind::kLong),
                                         data::ScalarType(TypeKind::kString),
                                         data::DecimalType(12, 2),
                                         data::ScalarType(TypeKind::kBoolean),
                                         data::ScalarType(TypeKind::kDouble),
                                         data::ArrayType(data::ScalarType(TypeKind::kString)),
                                         data::ScalarType(TypeKind::kTimestamp),
                                         data::ScalarType(TypeKind::kString)};
  const std::vector<std::string> targets = {"bigint", "text",   "numeric(12,2)", "boolean",
                                            "float8", "text[]", "timestamptz",   "varchar(2000)"};
  std::vector<std::vector<Value>> rows;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = RandomText(&random_), decimal = RandomDecimal(&random_, 12, 2);
    const auto seconds = static_cast<std::int64_t>(random_() % 4000000000);
    std::vector<Value> row = {
        Integer(i),
        {text, Quoted(text)},
        {decimal, decimal},
        {"true", "true"},
        {"0.1", "0.1"},
        ArrayOf({{text, Quoted(text)}, Null()}, "text[]", true),
        {std::to_string(seconds * 1000000), "to_timestamp(" + std::to_string(seconds) + ")"},
        {text, Quoted(text)}};
    for (std::size_t j = 1; j < row.size(); ++j) {
      if (random_() % 6 == 0) row[j] = Null();
    }
    rows.push_back(std::move(row));
  }
  CompareRows(types, targets, rows);
}

TEST_P(CopyEncoderRows, NamesOfTypesAreTheServers) {
  for (const PostgresTypeInfo& info : PostgresTypes()) {
    if (!info.extension.empty()) continue;
    PostgresType type{.kind = info.kind};
    if (info.modifier == Modifier::kPrecisionAndScale) type.precision = 18, type.scale = 4;
    if (info.modifier == Modifier::kLength) type.length = 7;
    for (const bool array : {false, true}) {
      type.array = array;
      Execute("DROP TABLE IF EXISTS named; CREATE TEMP TABLE named (v " + type.ToString() + ")");
      const auto rows = Query(
          "SELECT format_type(atttypid, atttypmod), atttypid FROM pg_attribute "
          "WHERE attrelid = 'named'::regclass AND attname = 'v'");
      ASSERT_EQ(rows.size(), 1U);
      EXPECT_EQ(rows[0],
                type.FormatType() + "|" + std::to_string(array ? info.array_oid : info.oid));
      const auto parsed = ParsePostgresType(type.FormatType());
      ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
      EXPECT_EQ(*parsed, type);
    }
  }
}

SPILLWAY_COMPARE_ON_EACH_SERVER(CopyEncoderRows);

}  // namespace
}  // namespace spillway::target::postgres
