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

TEST(CsvWriter, TellsNullFromTheEmptyString) {
  const auto schema = MakeSchema({{.name = "a,b", .type = kString}, {.name = "n", .type = kLong}});
  EXPECT_EQ(TextOf(MakeCsvWriter, schema,
                   {{"\"\"", "1"},
                    {"NULL", "NULL"},
                    {"\"say \\\"x\\\"\"", "-2"},
                    {"\"two\\nlines\"", "3"},
                    {"\"cr\\r\"", "4"},
                    {"\" plain \"", "5"}}),
            "\"a,b\",n\r\n\"\",1\r\n,\r\n\"say \"\"x\"\"\",-2\r\n\"two\nlines\",3\r\n\"cr\r\",4\r\n"
            " plain ,5\r\n");
}

TEST(CsvWriter, WritesEveryType) {
  const auto schema = MakeSchema({{.name = "d", .type = ScalarType(TypeKind::kDouble)},
                                  {.name = "dec", .type = DecimalType(38, 2)},
                                  {.name = "bin", .type = ScalarType(TypeKind::kBinary)},
                                  {.name = "ts", .type = ScalarType(TypeKind::kTimestamp)},
                                  {.name = "ntz", .type = ScalarType(TypeKind::kTimestampNtz)},
                                  {.name = "arr", .type = ArrayType(kString)},
                                  {.name = "v", .type = ScalarType(TypeKind::kVariant)},
                                  {.name = "b", .type = ScalarType(TypeKind::kBoolean)},
                                  {.name = "dt", .type = ScalarType(TypeKind::kDate)},
                                  {.name = "f", .type = ScalarType(TypeKind::kFloat)}});
  EXPECT_EQ(
      TextOf(MakeCsvWriter, schema,
             {{"\"NaN\"", "\"-0.01\"", "\"00ff\"", "0", "0", "[\"a\",null]", "null", "true",
               "\"2024-01-01\"", "0.1"}}),
      "d,dec,bin,ts,ntz,arr,v,b,dt,f\r\n"
      "NaN,-0.01,AP8=,1970-01-01T00:00:00Z,1970-01-01T00:00:00,\"[\"\"a\"\",null]\",null,true,"
      "2024-01-01,0.1\r\n");
}

TEST(CsvWriter, WritesTheHeaderOfNoRows) {
  const auto schema = MakeSchema({{.name = "", .type = kLong}, {.name = "b", .type = kLong}});
  EXPECT_EQ(TextOf(MakeCsvWriter, schema, {}), "\"\",b\r\n");
}

}  // namespace
}  // namespace spillway::data
