#include "target/postgres/shape.h"

#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

constexpr const char* kA = R"x(["a","bigint",true,"","",null,null])x";
constexpr const char* kB = R"x(["b","text",false,"","",null,null])x";
constexpr const char* kKey = "\"PRIMARY KEY (a)\"";

std::string Shape(const std::string& columns, const std::string& key) {
  return R"x({"columns":[)x" + columns + R"x(],"key":)x" + key + "}";
}
std::string Both(const std::string& b) { return Shape(std::string(kA) + "," + b, kKey); }

TEST(Shape, DiffersInWhatDeterminesRows) {
  const std::string published = Both(kB);
  EXPECT_EQ(DescribeShapeDifference(published, published), "");
  EXPECT_EQ(DescribeShapeDifference(published, Shape(std::string(kA) + "," + kB, "null")),
            "the primary key changed");
  EXPECT_EQ(
      DescribeShapeDifference(published, Shape(R"x(["a","integer",true,"","",null,null])x", kKey)),
      "column a is integer, was bigint, column b is gone");
  EXPECT_EQ(DescribeShapeDifference(published, Both(R"x(["b","text",false,"","s","x",null])x")),
            "column b is generated in another way");
  EXPECT_EQ(DescribeShapeDifference(published, Both(R"x(["b","text",false,"","",null,"C"])x")),
            "column b has another collation");
}

TEST(Shape, WhatIsMissingOfOursIsNamed) {
  EXPECT_EQ(
      DescribeShapeDifference(
          Both(kB), Shape(R"x(["a","bigint",false,"","",null,null],)x" + std::string(kB), kKey)),
      "column a is no longer NOT NULL");
  const auto computed = [](const std::string& expression) {
    return Both(R"x(["b","text",false,"","s",")x" + expression + R"x(",null])x");
  };
  EXPECT_EQ(DescribeShapeDifference(computed("x"), computed("y")),
            "column b is generated in another way");
  const auto indexed = [](const std::string& indexes) {
    return R"x({"columns":[],"key":null,"indexes":[)x" + indexes + "]}";
  };
  EXPECT_EQ(DescribeShapeDifference(indexed(R"x("CREATE INDEX i ON public.t USING btree (a)")x"),
                                    indexed("")),
            "an index is gone: CREATE INDEX i ON public.t USING btree (a)");
  EXPECT_EQ(DescribeShapeDifference(indexed(R"x("CREATE INDEX i ON public.t USING btree (a)")x"),
                                    indexed(R"x("CREATE INDEX j ON public.t USING btree (a)")x")),
            "");
  EXPECT_EQ(
      DescribeShapeDifference(
          indexed(
              R"x("CREATE INDEX \"i ON x\" ON public.t USING btree (a) WHERE (b = ' WITH (c)')")x"),
          indexed(
              R"x("CREATE INDEX j ON public.t USING btree (a) WITH (fillfactor='70') WHERE (b = ' WITH (c)')")x")),
      "");
}

TEST(Shape, WhatOthersAddIsNoDifference) {
  EXPECT_EQ(DescribeShapeDifference(Both(kB), Both(R"x(["b","text",true,"","","'x'",null])x")), "");
  EXPECT_EQ(DescribeShapeDifference(
                Both(kB), Both(std::string(kB) + R"x(,["c","int",true,"","",null,null])x")),
            "");
}

TEST(Shape, DamagedByHandItClaimsNothing) {
  EXPECT_EQ(DescribeShapeDifference("{", "]"), "");
  EXPECT_EQ(ShapeList("{", "columns"), "[]");
  EXPECT_EQ(ShapeColumns(R"({"columns":[1,["a"],"b"]})"), std::vector<std::string>());
  for (const char* shape : {"{", "[]", "{}", R"({"key":null})", R"({"key":"PRIMARY KEY (a"})"}) {
    EXPECT_TRUE(ShapeKey(shape).empty()) << shape;
  }
}

TEST(Shape, TheKeysColumnsAreInItsOrder) {
  const std::string key = R"x({"key":"PRIMARY KEY (b, \"B, \"\"c)\", a) INCLUDE (d)"})x";
  EXPECT_EQ(ShapeKey(key), (std::vector<std::string>{"b", "B, \"c)", "a"}));
}

TEST(Shape, OnlySpillwaysOwnIsRecorded) {
  const std::string now =
      R"x({"columns":[)x" + std::string(kA) +
      R"x(],"key":"PRIMARY KEY (a)","indexes":["one","two"],"index_names":["i1","i2"]})x";
  Publish publish;
  publish.table_comment = "goods";
  publish.stage.columns = {{"a", {}, "bigint", true, "number"}};
  // b is of the stage, and the table lacks it.
  const std::string stage =
      Shape(R"x(["a","bigint",true,"","",null,"C"],)x" + std::string(kB), kKey);
  const std::string own = OwnShape(now, stage, {"a", "b"}, {"i2"}, publish);
  EXPECT_EQ(ShapeList(own, "columns"), "[" + std::string(kA) + "]");
  EXPECT_EQ(ShapeColumns(own), std::vector<std::string>{"a"});
  EXPECT_EQ(ShapeNotNull(own), std::vector<std::string>{"a"});
  EXPECT_EQ(ShapeList(own, "indexes"), R"(["one"])");
  EXPECT_EQ(ShapeList(own, "comments"), R"([["","goods"],["a","number"]])");
}

TEST(Shape, ColumnsOfOthersThatALoadWouldWriteAreFound) {
  const std::string now = Both(std::string(kB) + R"x(,["c","int",false,"","",null,null])x");
  const std::vector<Column> columns = {{"b", {}, "text", false, ""}, {"c", {}, "int", false, ""}};
  EXPECT_EQ(LoadedOverOthers(Both(kB), now, columns), std::vector<std::string>{"c"});
  EXPECT_EQ(LoadedOverOthers("", now, columns), std::vector<std::string>());
}

TEST(Shape, GeneratedColumnsAreFoundAndCompared) {
  const std::string now = Both(std::string(kB) + R"x(,["c","int",false,"","s","a * 2",null])x" +
                               R"x(,["d","int",false,"","",null,null])x");
  EXPECT_EQ(ShapeGenerated(now), std::vector<std::string>{"c"});
  const std::string other = Both(std::string(kB) + R"x(,["c","int",true,"","s","a * 2",null])x" +
                                 R"x(,["d","text",false,"","",null,null])x");
  EXPECT_TRUE(HaveSameColumn(now, other, "c"));
  EXPECT_FALSE(HaveSameColumn(now, other, "d"));
  EXPECT_FALSE(HaveSameColumn(now, Both(kB), "c"));
  EXPECT_FALSE(HaveSameColumn(now, "", "e"));
}

}  // namespace
}  // namespace spillway::target::postgres
