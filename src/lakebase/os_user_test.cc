#include "lakebase/os_user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace spillway::lakebase {
namespace {

TEST(OsUser, IsNeverRootForAServer) {
  const auto user = ServerUser();
  ASSERT_TRUE(user.ok()) << user.status().ToString();
  EXPECT_NE(user->uid, 0u);
  EXPECT_EQ(user->is_self, geteuid() != 0);
  EXPECT_FALSE(user->groups.empty());
}

TEST(OsUser, IsFoundByNumber) {
  const auto self = UserByNumber(geteuid());
  ASSERT_TRUE(self.ok());
  EXPECT_TRUE(self->is_self);
  const auto stranger = UserByNumber(4242424);
  if (geteuid() == 0) {
    ASSERT_TRUE(stranger.ok());
    EXPECT_EQ(stranger->name, "4242424");
    EXPECT_FALSE(stranger->is_self);
  } else {
    EXPECT_EQ(stranger.status().error_class(), base::ErrorClass::kLocalPostgres);
  }
}

}  // namespace
}  // namespace spillway::lakebase
