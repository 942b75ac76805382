#include "base/name_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::base {
namespace {

using testing::ElementsAre;

TEST(NameList, Splits) {
  EXPECT_THAT(*SplitNames("shop.public.products", '.'), ElementsAre("shop", "public", "products"));
  EXPECT_THAT(*SplitNames(R"(shop."a.b"."say ""x""")", '.'),
              ElementsAre("shop", "a.b", "say \"x\""));
  EXPECT_THAT(*SplitNames("id, day ,\" x \"", ','), ElementsAre("id", "day", " x "));
  EXPECT_THAT(*SplitNames("a. b", '.'), ElementsAre("a", " b"));
  for (const char* wrong : {"", "a,", ",a", "\"a", "\"a\"b", "\"\"", "a, ,b"}) {
    EXPECT_FALSE(SplitNames(wrong, ',').ok()) << wrong;
  }
}

TEST(NameList, JoinIsTheInverse) {
  const std::vector<std::string> names = {"a", "b,c", "d.e", "\"", " f", "g ", "h\"i", "j k", "ü"};
  for (const char separator : {'.', ','}) {
    EXPECT_EQ(*SplitNames(JoinNames(names, separator), separator), names);
  }
  EXPECT_EQ(JoinNames(std::vector<std::string>{"shop", "public", "a.b"}, '.'),
            "shop.public.\"a.b\"");
}

}  // namespace
}  // namespace spillway::base
