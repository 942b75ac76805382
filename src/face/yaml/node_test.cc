#include "face/yaml/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::face::yaml {
namespace {

using testing::HasSubstr;

NodeKind KindOf(const std::string& scalar) {
  const auto node = Parse({"t.yaml", scalar});
  EXPECT_TRUE(node.ok()) << scalar << ": " << node.status().ToString();
  return node.ok() ? (*node)->kind : NodeKind::kEmpty;
}

TEST(Node, CoreSchemaTypes) {
  for (const char* text : {"1", "-1", "+12", "0x1F", "0o17", "007"}) {
    EXPECT_EQ(KindOf(text), NodeKind::kInteger) << text;
  }
  for (const char* text : {"1.5", "-.5", "1.", "1e3", "-1.5E-3", ".inf", "-.INF", ".nan"}) {
    EXPECT_EQ(KindOf(text), NodeKind::kFloat) << text;
  }
  for (const char* text : {"true", "False", "TRUE"}) EXPECT_EQ(KindOf(text), NodeKind::kBoolean);
  for (const char* text : {"null", "~", "Null", "NULL"}) EXPECT_EQ(KindOf(text), NodeKind::kNull);
  for (const char* text : {"yes", "no", "on", "1_000", "15m", "50%", "1:30", "2024-01-01", "1.2.3",
                           "\"5\"", "'true'", "!!str 5", "| \n  5", ".", "-", "e3", "truely"}) {
    if (std::string(text) == "-") continue;  // a list of nothing
    EXPECT_EQ(KindOf(text), NodeKind::kText) << text;
  }
  EXPECT_EQ(KindOf(""), NodeKind::kEmpty);
}

std::string Refused(const std::string& text) {
  const base::Status status = Parse({"t.yaml", text}).status();
  EXPECT_FALSE(status.ok()) << text;
  return status.ok() ? "" : std::string(status.message());
}

TEST(Node, RefusesWithThePlace) {
  EXPECT_EQ(Refused("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"),
            "t.yaml:5:3: the key 'c' is given twice\n    c: 3\n    ^");
  EXPECT_THAT(Refused("a:\n\tb: 1\n"), HasSubstr("t.yaml:2:1: a tab indents this line"));
  EXPECT_THAT(Refused("a: [1\n"), HasSubstr("no YAML"));
  EXPECT_THAT(Refused("a: 'b''\n"), HasSubstr("t.yaml:1:4: a quote is never closed"));
  EXPECT_THAT(Refused("a: \"b\\\"\n"), HasSubstr("t.yaml:1:4: a quote is never closed"));
  EXPECT_THAT(Refused("a: 1\n---\nb: 2\n"), HasSubstr("a second document"));
  EXPECT_THAT(Refused("a: !custom 1\n"), HasSubstr("t.yaml:1:4: a tag"));
  EXPECT_THAT(Refused("[a]: 1\n"), HasSubstr("a key is a list"));
  EXPECT_THAT(Refused("~: 1\n"), HasSubstr("a key is null"));
  EXPECT_THAT(Refused("a: *b\n"), HasSubstr("t.yaml:1:4"));
  EXPECT_THAT(Refused("a: \xff\n"), HasSubstr("t.yaml:1:4: a NUL character, or bytes"));
  EXPECT_THAT(Refused("a: &x [*x]\n"), HasSubstr("t.yaml"));
  EXPECT_FALSE(Parse({"t.yaml", std::string(100'000, '[')}).ok());
}

TEST(Node, AliasesAreWhatTheyName) {
  const auto node = Parse({"t.yaml", "a: &x {b: 1}\nc: *x\n"});
  ASSERT_TRUE(node.ok()) << node.status().ToString();
  EXPECT_EQ((*node)->members[0].second, (*node)->members[1].second);
}

TEST(Node, KnowsWhereThingsAre) {
  const auto node = Parse({"t.yaml", "ü: 1\nb: [x, \"y\"]\n"});
  ASSERT_TRUE(node.ok());
  const Node& list = *(*node)->members[1].second;
  EXPECT_EQ(list.byte, 9U);
  EXPECT_EQ(list.items[1]->byte, 13U);
}

}  // namespace
}  // namespace spillway::face::yaml
