#include <thread>

#include "target/postgres/load_fixture_test.h"
#include "target/postgres/testing/tcp_gate.h"

namespace spillway::target::postgres {
namespace {

using std::chrono::milliseconds;
using testing::TcpGate;

class LateCommitTest : public LoadTest {};

// The COMMIT was received, takes its time, and nobody is there to hear of its end (the server does
// not look): who asks must wait for it, since what can be read meanwhile says the opposite of what
// will be.
TEST_P(LateCommitTest, ADoubtedCommitThatStillRunsIsWaitedFor) {
  MustLoad(1, {{1, "a"}});
  ASSERT_EQ(plain_->Execute("CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS"
                            " $$BEGIN PERFORM set_config('client_connection_check_interval', '0',"
                            " true); PERFORM pg_sleep(1.5); RETURN NULL; END$$;"
                            "CREATE CONSTRAINT TRIGGER late AFTER UPDATE OF version"
                            " ON spillway.position DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
                            " EXECUTE FUNCTION public.late()"),
            "");
  TcpGate gate(server_->port());
  auto target = OpenTarget(Replace(conninfo_, "port=" + std::to_string(server_->port()),
                                   "port=" + std::to_string(gate.port())),
                           1);
  auto publish = Prepare(*target, 2, {{2, "b"}});
  ASSERT_TRUE(publish.ok()) << publish.status().ToString();
  base::Result<CommitOutcome> outcome = CommitOutcome::kUnknown;
  {
    const std::jthread publisher([&] { outcome = PublishOne(*target, Soon(), *publish); });
    for (int i = 0; i < 3000; ++i) {
      if (plain_->Value("SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT'"
                        " AND state = 'active' AND wait_event = 'PgSleep'") == "1") {
        break;
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    gate.CutAll();
  }
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(*outcome, CommitOutcome::kCommitted);
  EXPECT_EQ(Read(), std::vector<std::string>{"2|b"});
}

SPILLWAY_ON_EACH_SERVER(LateCommitTest);

}  // namespace
}  // namespace spillway::target::postgres
