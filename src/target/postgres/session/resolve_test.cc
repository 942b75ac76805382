#include "target/postgres/session/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>

namespace spillway::target::postgres {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;

TEST(ResolveTest, GivesTheAddressesAsNumbers) {
  const auto addresses = ResolveHost(base::Context(), "localhost");
  ASSERT_TRUE(addresses.ok()) << addresses.status().ToString();
  EXPECT_THAT(*addresses, Contains(AnyOf("127.0.0.1", "::1")));
}

TEST(ResolveTest, ANameThatCannotBeOneIsAConnectionError) {
  const auto addresses = ResolveHost(base::Context(), std::string(300, 'x'));
  ASSERT_FALSE(addresses.ok());
  EXPECT_EQ(addresses.status().error_class(), base::ErrorClass::kConnectionError);
}

TEST(ResolveTest, AStopEndsIt) {
  std::stop_source source;
  source.request_stop();
  // Reserved by RFC 6761: it has no address, whoever is asked.
  const auto addresses = ResolveHost({base::Deadline(), source.get_token()}, "name.invalid");
  ASSERT_FALSE(addresses.ok());
  EXPECT_THAT(addresses.status().error_class(),
              AnyOf(base::ErrorClass::kCancelled, base::ErrorClass::kConnectionError));
}

}  // namespace
}  // namespace spillway::target::postgres
