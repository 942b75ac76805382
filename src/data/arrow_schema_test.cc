#include <gtest/gtest.h>

#include "data/schema.h"
#include "data/testing/every_type.h"

namespace spillway::data {
namespace {

using base::ErrorClass;

TEST(ArrowSchema, RoundTrips) {
  Schema schema = testing::EveryType();
  schema.fields[2].id = 42;
  schema.fields.back().type.children[1].id = 43;
  ArrowSchema arrow{};
  ASSERT_TRUE(SchemaToArrow(schema, &arrow).ok());
  const auto parsed = SchemaFromArrow(arrow);
  arrow.release(&arrow);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(*parsed, schema);
}

TEST(ArrowSchema, RefusesWhatHasNoCounterpart) {
  Schema schema{{{.name = "c", .type = ScalarType(TypeKind::kLong)}}};
  for (const char* format : {"L", "U", "tsn:UTC", "tsu:Europe/Berlin", "d:40,2,256", "d:5,-1",
                             "ttu", "w:3", "vu", "nonsense", ""}) {
    ArrowSchema arrow{};
    ASSERT_TRUE(SchemaToArrow(schema, &arrow).ok());
    const char* const own = arrow.children[0]->format;
    arrow.children[0]->format = format;
    const auto parsed = SchemaFromArrow(arrow);
    arrow.children[0]->format = own;
    arrow.release(&arrow);
    ASSERT_FALSE(parsed.ok()) << format;
    EXPECT_EQ(parsed.status().error_class(), ErrorClass::kUnsupportedColumnType);
    EXPECT_EQ(parsed.status().detail("column"), "c");
  }
  Schema geometry{{{.name = "g", .type = ScalarType(TypeKind::kGeometry)}}};
  ArrowSchema arrow{};
  EXPECT_FALSE(SchemaToArrow(geometry, &arrow).ok());
  EXPECT_EQ(arrow.release, nullptr);
}

}  // namespace
}  // namespace spillway::data
