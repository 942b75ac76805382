#include "target/postgres/condition.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Status;

class ConditionTest : public LoadTest {
 protected:
  std::string State() {
    return plain_->Value("SELECT concat_ws('|', state, error_class, error) FROM spillway.status");
  }
};

TEST_P(ConditionTest, NothingIsWrittenWhereNoSyncHasWritten) {
  ASSERT_TRUE(target_->RecordPaused(Soon(), kId, table_, true).ok());
  ASSERT_TRUE(
      target_->RecordFailure(Soon(), kId, table_, "run", Status(ErrorClass::kInternal, "x")).ok());
  EXPECT_EQ(plain_->Value("SELECT to_regnamespace('spillway') IS NULL"), "t");
}

TEST_P(ConditionTest, AFailureLastsUntilALaterPublishOrItsEnd) {
  MustLoad(1, {{1, "a"}});
  EXPECT_EQ(State(), "online");
  const auto fail = [&](Status error) {
    EXPECT_TRUE(target_->RecordFailure(Soon(), kId, table_, "run-7", error).ok());
  };
  fail(Status(ErrorClass::kSourceNotFound, "it is gone").With("object", "file:///x"));
  EXPECT_EQ(State(), "failed|SOURCE_NOT_FOUND|it is gone: file:///x");
  fail(Status());
  EXPECT_EQ(State(), "online");
  fail(Status(ErrorClass::kInternal, std::string("a NUL: \0", 8)));
  EXPECT_EQ(State(), "failed|INTERNAL|text that cannot be stored; see the run's record");
  MustLoad(2, {{2, "b"}});
  EXPECT_EQ(State(), "online");
}

TEST_P(ConditionTest, AStageOfTheFailedRunDoesNotHideTheFailure) {
  auto stage = Begin(*target_, "run-1");
  ASSERT_TRUE(stage.ok()) << stage.status().ToString();
  EXPECT_EQ(State(), "loading");
  const Status error(ErrorClass::kInternal, "x");
  ASSERT_TRUE(target_->RecordFailure(Soon(), kId, table_, "run-1", error).ok());
  EXPECT_EQ(State(), "failed|INTERNAL|x");
}

TEST_P(ConditionTest, APauseIsShownUntilItEndsAndForgottenWithTheTable) {
  MustLoad(1, {{1, "a"}});
  ASSERT_TRUE(target_->RecordPaused(Soon(), kId, table_, true).ok());
  const std::string since = plain_->Value("SELECT paused_at FROM spillway.condition");
  ASSERT_TRUE(target_->RecordPaused(Soon(), kId, table_, true).ok());
  EXPECT_EQ(plain_->Value("SELECT paused_at FROM spillway.condition"), since);
  EXPECT_EQ(State(), "paused");
  ASSERT_TRUE(target_->RecordPaused(Soon(), kId, table_, false).ok());
  EXPECT_EQ(State(), "online");
  ASSERT_TRUE(target_->Forget(Soon(), kId, table_, true, std::chrono::seconds(5)).ok());
  EXPECT_EQ(plain_->Value("SELECT count(*) FROM spillway.condition"), "0");
}

SPILLWAY_ON_EACH_SERVER(ConditionTest);

}  // namespace
}  // namespace spillway::target::postgres
