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

TEST_P(DeleteGuardTest, AKeyOfAnotherTypeIsTheSameKey) {
  struct Case {
    std::string was, is;            // types
    std::string kept, gone, fresh;  // one value in both types, one of the first, one of the second
  };
  const std::vector<Case> cases = {
      {"date", "timestamp", "2024-01-01", "2024-01-02", "2024-01-02 00:00:01"},
      {"date", "timestamptz", "2024-01-01", "2024-01-02", "2024-01-02 00:00:01Z"},
      {"timestamp", "date", "2024-01-01", "2024-01-02", "2024-01-03"},
      {"smallint", "bigint", "1", "2", "3"},
      {"bigint", "numeric(12,2)", "1", "2", "2.01"},
      {"numeric(12,2)", "integer", "1", "2.01", "2"},
      {"real", "double precision", "0.5", "2", "3"},
      {"double precision", "numeric(12,2)", "0.5", "2", "2.01"},
      {"integer", "text", "1", "2", "x"},
      {"text", "integer", "1", "x", "2"},
      {"text", "varchar(9)", "a", "b", "c"},
      {"text", "uuid", "00000000-0000-0000-0000-000000000001", "b",
       "00000000-0000-0000-0000-000000000002"},
      {"boolean", "text", "true", "false", "x"},
      {"date", "text", "2024-01-01", "2024-01-02", "x"},
      {"date", "bigint", "2024-01-01", "2024-01-02", "5"},
      {"bytea", "text", "\\x61", "\\x62", "c"},
  };
  auto connection = Connect(conninfo_);
  for (const Case& c : cases) {
    // The kept one in a type that writes it otherwise: the last two have none.
    const std::string kept = c.is == "bigint" && c.was == "date" ? "0" : c.kept;
    ASSERT_EQ(plain_->Execute("DROP TABLE IF EXISTS public.a, public.b;"
                              "CREATE TABLE public.a (n int, k " +
                              c.was +
                              ");"
                              "INSERT INTO public.a VALUES (7, '" +
                              c.kept + "'), (7, '" + c.gone +
                              "'); CREATE TABLE public.b (n bigint, k " + c.is +
                              ");"
                              "INSERT INTO public.b VALUES (7, '" +
                              kept + "'), (7, '" + c.fresh + "')"),
              "");
    Publish publish;
    publish.stage.target = {"public", "a"};
    publish.stage.table = {"public", "b"};
    publish.index.primary_key = {"n", "k"};
    const auto counted = CountDeletes(Soon(), *connection, publish);
    ASSERT_TRUE(counted.ok()) << c.was << " " << c.is << ": " << counted.status().ToString();
    EXPECT_EQ(counted->present, 2);
    EXPECT_EQ(counted->deleted, kept == c.kept ? 1 : 2) << c.was << " " << c.is;
  }
}

SPILLWAY_ON_EACH_SERVER(DeleteGuardTest);

}  // namespace
}  // namespace spillway::target::postgres
