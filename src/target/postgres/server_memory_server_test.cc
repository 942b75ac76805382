#include "target/postgres/server_memory.h"
#include "target/postgres/session/server_fixture_test.h"

namespace spillway::target::postgres {
namespace {

TEST(ServerMemoryTest, ABtreeIsWhatHasNoOtherMethod) {
  for (const std::string clause : {"(a)", " (lower(a)) WHERE b", "using btree (a)",
                                   "USING  BTREE (a)", "\n USING\tbtree(a)", "(using_gin)"}) {
    EXPECT_TRUE(IsBtree(clause)) << clause;
  }
  for (const std::string clause : {"USING gin (a)", "using hnsw (a)", " Using\nhash (a)"}) {
    EXPECT_FALSE(IsBtree(clause)) << clause;
  }
}

class ServerMemoryServerTest : public ServerTest {
 protected:
  // What a transaction is left with after `set`, where the server gives `given`.
  std::string Memory(const std::string& given, const Sql& set,
                     const std::string& setting = "maintenance_work_mem") {
    EXPECT_EQ(plain_->Execute("ALTER ROLE spillway SET " + setting + " = '" + given + "'"), "");
    auto connection = Connect(conninfo_);
    EXPECT_TRUE(connection->Execute(Soon(), Sql() << "BEGIN").ok());
    const base::Status done = connection->Execute(Soon(), set);
    EXPECT_TRUE(done.ok()) << done.ToString();
    auto rows =
        connection->Query(Soon(), Sql() << "SELECT current_setting(" << Literal(setting) << ")");
    EXPECT_TRUE(rows.ok());
    return std::string(rows->text(0, 0));
  }
};

TEST_P(ServerMemoryServerTest, EveryProcessOfASortGetsOneRun) {
  const TableName table{"public", "Small table"};
  ASSERT_EQ(plain_->Execute("CREATE TABLE public.\"Small table\" (a int);"
                            "ALTER ROLE spillway SET max_parallel_maintenance_workers = 2"),
            "");
  const Sql set = SetSortMemory(table, kIndexMemory);
  EXPECT_EQ(Memory("1GB", set), "96MB");
  EXPECT_EQ(Memory("1MB", set), "96MB");
  ASSERT_EQ(plain_->Execute("ALTER ROLE spillway SET max_parallel_maintenance_workers = 0"), "");
  EXPECT_EQ(Memory("1GB", set), "32MB");
  // What cannot be merged in one pass, or is not known to be, keeps what there is.
  const Sql unknown = SetSortMemory({"public", "unknown"}, kIndexMemory);
  EXPECT_EQ(Memory("1GB", unknown), "1GB");
  EXPECT_EQ(Memory("64MB", unknown), "256MB");
  plain_->Execute("ALTER ROLE spillway RESET ALL");
}

TEST_P(ServerMemoryServerTest, OtherMethodsKeepWhatTheServerGives) {
  const Sql raise = RaiseIndexMemory(kIndexMemory);
  EXPECT_EQ(Memory("1GB", raise), "1GB");
  EXPECT_EQ(Memory("64MB", raise), "256MB");
  EXPECT_EQ(Memory("4MB", RaiseWorkMemory(1 << 26), "work_mem"), "64MB");
  EXPECT_EQ(Memory("65MB", RaiseWorkMemory(1 << 26), "work_mem"), "65MB");
  plain_->Execute("ALTER ROLE spillway RESET ALL");
}

SPILLWAY_ON_EACH_SERVER(ServerMemoryServerTest);

}  // namespace
}  // namespace spillway::target::postgres
