#include <gtest/gtest.h>

#include <string>

#include "data/batch_writer.h"
#include "data/testing/rows.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Status;
using testing::CollectInto;
using testing::MakeSchema;
using testing::TextOf;

const Type kLong = ScalarType(TypeKind::kLong);
const Type kString = ScalarType(TypeKind::kString);

TEST(NdjsonWriter, WritesObjectsInColumnOrder) {
  const auto schema =
      MakeSchema({{.name = "z", .type = kLong},
                  {.name = "a \"q\"", .type = ArrayType(ScalarType(TypeKind::kDouble))}});
  const std::string text = TextOf(MakeNdjsonWriter, schema,
                                  {{"9223372036854775807", "[\"NaN\",1.5]"}, {"NULL", "NULL"}});
  EXPECT_EQ(text,
            "{\"z\":9223372036854775807,\"a \\\"q\\\"\":[\"NaN\",1.5]}\n"
            "{\"z\":null,\"a \\\"q\\\"\":null}\n");
  EXPECT_EQ(TextOf(MakeNdjsonWriter, schema, {}), "");
}

TEST(NdjsonWriter, WritesNoPartOfABadRow) {
  const auto schema = MakeSchema({{.name = "s", .type = kString}});
  BatchBuilder builder(schema);
  for (const char* value : {"good", "\xFF"}) {
    ASSERT_TRUE(builder.AppendText(0, value).ok());
    ASSERT_TRUE(builder.FinishRow().ok());
  }
  const auto batch = builder.Finish();
  std::string out;
  auto writer = MakeNdjsonWriter(schema, CollectInto(&out));
  const Status status = (*writer)->Write(*batch);
  EXPECT_EQ(status.error_class(), ErrorClass::kCharacterNotInRepertoire);
  EXPECT_EQ(status.detail("row"), "1");
  ASSERT_TRUE((*writer)->Finish().ok());
  EXPECT_EQ(out, "{\"s\":\"good\"}\n");
}

}  // namespace
}  // namespace spillway::data
