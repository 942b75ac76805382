#include <gtest/gtest.h>

#include "data/schema.h"
#include "data/testing/every_type.h"

namespace spillway::data {
namespace {

using base::ErrorClass;

std::string Document(const std::string& fields) {
  return R"({"type":"struct","fields":[)" + fields + "]}";
}

std::string Column(const std::string& type, const std::string& metadata = "{}") {
  return R"({"name":"c","type":)" + type + R"(,"nullable":true,"metadata":)" + metadata + "}";
}

ErrorClass ErrorOf(const std::string& json) {
  const auto schema = ParseDeltaSchema(json);
  EXPECT_FALSE(schema.ok()) << json;
  return schema.ok() ? ErrorClass::kInternal : schema.status().error_class();
}

TEST(DeltaSchema, ReadsPrimitives) {
  const std::pair<const char*, const char*> kinds[] = {
      {"string", "string"},
      {"long", "bigint"},
      {"integer", "int"},
      {"short", "smallint"},
      {"byte", "tinyint"},
      {"float", "float"},
      {"double", "double"},
      {"boolean", "boolean"},
      {"binary", "binary"},
      {"date", "date"},
      {"timestamp", "timestamp"},
      {"timestamp_ntz", "timestamp_ntz"},
      {"variant", "variant"},
      {"void", "void"},
      {"decimal", "decimal(10,0)"},
      {"decimal(38,18)", "decimal(38,18)"},
      {"decimal(5, 2)", "decimal(5,2)"},
      {"interval year to month", "interval year to month"},
      {"interval day", "interval day to second"},
      {"varchar(7)", "varchar(7)"},
      {"geometry(OGC:CRS84)", "geometry"},
  };
  for (const auto& [name, shown] : kinds) {
    const auto schema = ParseDeltaSchema(Document(Column("\"" + std::string(name) + "\"")));
    ASSERT_TRUE(schema.ok()) << schema.status().ToString();
    EXPECT_EQ(schema->fields[0].type.ToString(), shown);
  }
}

TEST(DeltaSchema, ReadsNestedTypesIdsAndComments) {
  const auto schema = ParseDeltaSchema(Document(
      R"({"name":"a b","type":{"type":"map","keyType":"string","valueType":{"type":"array","elementType":
      {"type":"struct","fields":[{"name":"x,y","type":"date","nullable":false,"metadata":{"delta.columnMapping.id":9}}]},
      "containsNull":false},"valueContainsNull":true},"nullable":false,
      "metadata":{"delta.columnMapping.id":3,"comment":"it's"}})"));
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  const Field& field = schema->fields[0];
  EXPECT_EQ(field.type.ToString(), "map<string,array<struct<`x,y`:date>>>");
  EXPECT_EQ(field.id, 3);
  EXPECT_EQ(field.comment, "it's");
  EXPECT_FALSE(field.nullable);
  const Field& array = field.type.children[1];
  EXPECT_TRUE(array.nullable);
  EXPECT_FALSE(array.type.children[0].nullable);
  EXPECT_EQ(array.type.children[0].type.children[0].id, 9);
}

TEST(DeltaSchema, TakesLengthsFromMetadata) {
  const auto spelled = [](const std::string& spelling) {
    return R"({"__CHAR_VARCHAR_TYPE_STRING":")" + spelling + "\"}";
  };
  const auto plain = ParseDeltaSchema(Document(Column("\"string\"", spelled("char(12)"))));
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->fields[0].type.length, 12);
  const std::string map = R"x({"type":"map","keyType":"string",)x"
                          R"x("valueType":"decimal(3,1)","valueContainsNull":true})x";
  const std::string array = R"({"type":"array","elementType":"string","containsNull":true})";
  const auto nested = ParseDeltaSchema(
      Document(Column(R"({"type":"struct","fields":[{"name":"m","type":)" + map +
                          R"(},{"name":"s","type":)" + array + "}]}",
                      spelled("struct<m:map<varchar(3),decimal(3,1)>,s:array<char(4)>>"))));
  ASSERT_TRUE(nested.ok()) << nested.status().ToString();
  EXPECT_EQ(nested->fields[0].type.ToString(),
            "struct<m:map<varchar(3),decimal(3,1)>,s:array<varchar(4)>>");
  const auto unfit = ParseDeltaSchema(Document(Column("\"string\"", spelled("array<char(4)>"))));
  ASSERT_TRUE(unfit.ok());
  EXPECT_EQ(unfit->fields[0].type.length, 0);
}

TEST(DeltaSchema, RefusesWhatIsNone) {
  EXPECT_EQ(ErrorOf(""), ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf("[]"), ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf(R"({"type":"struct"})"), ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf(Document("1")), ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf(Document(R"({"name":"c"})")), ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf(Document(Column("\"decimal(39,0)\""))), ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf(Document(Column("\"decimal(3,4)\""))), ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf(Document(Column("\"long\"") + "," + Column("\"long\""))),
            ErrorClass::kDeltaLogCorrupt);
  EXPECT_EQ(ErrorOf(Document(Column("\"money\""))), ErrorClass::kUnsupportedColumnType);
  EXPECT_EQ(ErrorOf(Document(Column("\"decimal(x)\""))), ErrorClass::kUnsupportedColumnType);
  EXPECT_EQ(ErrorOf(Document(Column(R"({"type":"array","elementType":"long"})"))),
            ErrorClass::kDeltaLogCorrupt);
  std::string deep = "\"long\"";
  for (int i = 0; i < 200; ++i) {
    deep = R"({"type":"array","elementType":)" + deep + R"(,"containsNull":true})";
  }
  EXPECT_EQ(ErrorOf(Document(Column(deep))), ErrorClass::kUnsupportedColumnType);
}

TEST(DeltaSchema, RoundTrips) {
  Schema schema = testing::EveryType();
  schema.fields[1].comment = "with \"quotes\"";
  schema.fields.push_back({.name = "v", .type = StringType(5)});
  schema.fields.push_back({.name = "av", .type = ArrayType(StringType(6))});
  const auto parsed = ParseDeltaSchema(FormatDeltaSchema(schema));
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(*parsed, schema);
}

}  // namespace
}  // namespace spillway::data
