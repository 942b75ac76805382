#include "target/postgres/delete_guard.h"
#include "target/postgres/load_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class DeleteGuardTest : public LoadTest {
 protected:
  base::Result<Published> Apply(std::int64_t version, const Cells& cells, double percent) {
    SPILLWAY_ASSIGN(Publish publish, Prepare(*target_, version, cells));
    publish.way = PublishWay::kApply;
    publish.max_delete_percent = percent;
    return target_->PublishStages(Soon(), {publish});
  }
  static std::string Counts(const PublishedTable& table) {
    const auto text = [](std::optional<std::int64_t> n) { return n ? std::to_string(*n) : "?"; };
    return text(table.inserted) + " " + text(table.updated) + " " + text(table.deleted) + " " +
           text(table.unchanged);
  }
};

TEST_P(DeleteGuardTest, TooManyDeletesAreRefused) {
  Cells cells;
  for (int i = 0; i < 10; ++i) cells.emplace_back(i, "x");
  const Cells five(cells.begin(), cells.begin() + 5);
  const Cells four(cells.begin(), cells.begin() + 4);
  for (const bool keyed : {true, false}) {
    plain_->Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    if (!keyed) index_.primary_key.clear();
    MustLoad(1, cells);
    for (const PublishWay way : {PublishWay::kSwap, PublishWay::kApply}) {
      auto publish = Prepare(*target_, 2, four);
      ASSERT_TRUE(publish.ok()) << publish.status().ToString();
      publish->way = way;
      publish->max_delete_percent = 50;
      const auto refused = target_->PublishStages(Soon(), {*publish});
      EXPECT_CLASS(refused.status(), kTooManyDeletes);
      EXPECT_NE(refused.status().message().find("6 of the 10 rows"), std::string::npos)
          << refused.status().ToString();
      EXPECT_EQ(Read().size(), 10u);
      EXPECT_CLASS(Apply(3, {}, 99).status(), kTooManyDeletes);
    }
    auto publish = Prepare(*target_, 4, five);
    ASSERT_TRUE(publish.ok());
    publish->max_delete_percent = 50;
    const auto swapped = target_->PublishStages(Soon(), {*publish});
    ASSERT_TRUE(swapped.ok()) << swapped.status().ToString();
    EXPECT_EQ(Counts(swapped->tables[0]), "0 ? 5 ?");
  }
}

SPILLWAY_ON_EACH_SERVER(DeleteGuardTest);

}  // namespace
}  // namespace spillway::target::postgres
