#include "service/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::service {
namespace {

using base::ErrorClass;
using testing::HasSubstr;

Configuration OneOfEach(const std::string& file, const std::string& url) {
  Configuration configuration;
  configuration.targets = {{"shop", url, "", {file, {2, 3}}}};
  configuration.sources = {{"lake.t", "/lake/t", {}, {file, {4, 3}}}};
  TableDeclaration table;
  table.definition.target = "shop";
  table.definition.table = {"public", file};
  table.origin = {file, {6, 3}};
  configuration.tables = {table};
  return configuration;
}

TEST(Configuration, FilesAddUp) {
  Configuration both = OneOfEach("a.yaml", "postgresql://db");
  ASSERT_TRUE(Merge(OneOfEach("b.yaml", "postgresql://db"), &both).ok());
  EXPECT_EQ(both.targets.size(), 1U);
  EXPECT_EQ(both.sources.size(), 1U);
  EXPECT_EQ(both.tables.size(), 2U);
}

TEST(Configuration, TwoOfOneNameAreRefusedWithBothPlaces) {
  Configuration both = OneOfEach("a.yaml", "postgresql://db");
  const base::Status tables = Merge(OneOfEach("a.yaml", "postgresql://db"), &both);
  EXPECT_EQ(tables.error_class(), ErrorClass::kInvalidDefinition);
  EXPECT_THAT(std::string(tables.message()),
              HasSubstr("a.yaml:6:3: synced table shop.public.\"a.yaml\" is defined twice; the "
                        "other place is a.yaml:6:3"));
  const base::Status targets = Merge(OneOfEach("b.yaml", "postgresql://other"), &both);
  EXPECT_THAT(std::string(targets.message()),
              HasSubstr("b.yaml:2:3: target shop is defined twice"));
}

TEST(Configuration, AtKeepsWhatTheErrorSays) {
  const base::Status error =
      At({"a.yaml", {3, 9}},
         base::Status(ErrorClass::kNotYetSupported, "mode x").With("field", "mode").Mend("Do y."));
  EXPECT_EQ(error.error_class(), ErrorClass::kNotYetSupported);
  EXPECT_EQ(error.message(), "a.yaml:3:9: mode x");
  EXPECT_EQ(error.mend(), "Do y.");
  EXPECT_EQ(error.detail("field"), "mode");
  EXPECT_EQ(error.detail("line"), "3");
  EXPECT_TRUE(At({}, base::Status()).ok());
}

}  // namespace
}  // namespace spillway::service
