#include "face/cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::face::cli {
namespace {

using std::chrono::milliseconds;

sync::Progress Half() {
  sync::Progress progress;
  progress.rows = 500'000;
  progress.total_rows = 1'000'000;
  progress.bytes = 50'000'000;
  progress.elapsed = milliseconds(500);
  progress.remaining = milliseconds(500);
  progress.bottleneck = sync::Bottleneck::kTarget;
  return progress;
}

TEST(ProgressLine, ShowsShareRowsSpeedEtaAndWhatLimits) {
  EXPECT_EQ(ProgressLine(Half(), 120),
            "load ██████████░░░░░░░░░░  50%  500,000 rows  100 MB/s  ETA 1s  limited by the target "
            "server");
}

TEST(ProgressLine, ShortensTheBarFirst) {
  EXPECT_EQ(ProgressLine(Half(), 80),
            "load ████░░░░  50%  500,000 rows  100 MB/s  ETA 1s  limited by the target server");
}

TEST(ProgressLine, LeavesOutWhatDoesNotFit) {
  EXPECT_EQ(ProgressLine(Half(), 75),
            "load  50%  500,000 rows  100 MB/s  ETA 1s  limited by the target server");
  EXPECT_EQ(ProgressLine(Half(), 60),
            "load █████████░░░░░░░░░  50%  500,000 rows  100 MB/s  ETA 1s");
  EXPECT_EQ(ProgressLine(Half(), 45), "load  50%  500,000 rows  100 MB/s  ETA 1s");
}

TEST(ProgressLine, WithoutATotalThereIsNoShare) {
  sync::Progress progress = Half();
  progress.total_rows.reset();
  progress.remaining.reset();
  EXPECT_EQ(ProgressLine(progress, 80),
            "load  500,000 rows  100 MB/s  limited by the target server");
}

TEST(EventJson, IsOneObjectPerEvent) {
  EXPECT_EQ(EventJson("t", sync::PhaseFinished{sync::Phase::kLoad, milliseconds(12)}),
            R"({"synced_table":"t","event":"phase_finished","phase":"load","took_ms":12})");
  EXPECT_THAT(EventJson("t", sync::Event(Half())),
              testing::HasSubstr(R"("event":"progress","phase":"load","rows":500000)"));
}

}  // namespace
}  // namespace spillway::face::cli
