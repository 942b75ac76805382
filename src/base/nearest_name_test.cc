#include "base/nearest_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::base {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NearestName, CountsEditsAndSwaps) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("orders", "odrers"), 1u);
  EXPECT_EQ(EditDistance("Orders", "ORDERS"), 0u);
  EXPECT_EQ(EditDistance("ca", "abc"), 3u);  // optimal string alignment, not the unrestricted form
}

TEST(NearestName, IsSymmetric) {
  const std::vector<std::string> words = {"", "a", "lake", "lkae", "lake.sales", "sales.lake", "é"};
  for (const auto& a : words) {
    for (const auto& b : words) EXPECT_EQ(EditDistance(a, b), EditDistance(b, a)) << a << " " << b;
  }
}

TEST(NearestName, PutsTheBestFirst) {
  const std::vector<std::string> names = {"lake.sales.orders", "lake.sales.products",
                                          "lake.sales.product_tags", "other"};
  EXPECT_THAT(NearestNames("lake.sales.prodcuts", names, 3),
              ElementsAre("lake.sales.products", "lake.sales.orders", "lake.sales.product_tags"));
  EXPECT_THAT(NearestNames("lake.sales.prodcuts", names, 1), ElementsAre("lake.sales.products"));
  EXPECT_THAT(NearestNames("products", names, 3), ElementsAre("lake.sales.products"));
}

TEST(NearestName, OffersNothingFarFetched) {
  const std::vector<std::string> names = {"shop", "warehouse"};
  EXPECT_THAT(NearestNames("zzzzzzzz", names, 3), IsEmpty());
  EXPECT_THAT(NearestNames("ab", names, 3), IsEmpty());
  EXPECT_THAT(NearestNames("", names, 3), IsEmpty());
  EXPECT_THAT(NearestNames(std::string(100000, 'x'), names, 3), IsEmpty());
}

}  // namespace
}  // namespace spillway::base
