#include "lakebase/port.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace spillway::lakebase {
namespace {

// A listening socket on a port that the system chooses.
class Listener {
 public:
  explicit Listener(int family) : socket_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (listen(socket_, 1) != 0) return;
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
    port_ = ntohs(family == AF_INET ? reinterpret_cast<sockaddr_in*>(&address)->sin_port
                                    : reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

TEST(Port, IsFreeOrTaken) {
  std::uint16_t port = 0;
  {
    const Listener listener(AF_INET);
    port = listener.port();
    ASSERT_NE(port, 0);
    EXPECT_FALSE(IsPortFree(port));
  }
  EXPECT_TRUE(IsPortFree(port));
}

TEST(Port, NamesItsHolder) {
  for (const int family : {AF_INET, AF_INET6}) {
    const Listener listener(family);
    if (listener.port() == 0) continue;  // no IPv6 here
    const auto holder = FindPortHolder(listener.port());
    ASSERT_TRUE(holder.has_value());
    EXPECT_EQ(holder->pid, getpid());
    EXPECT_FALSE(holder->program.empty());
    EXPECT_EQ(PortTaken(listener.port()).detail("pid"), std::to_string(getpid()));
  }
  EXPECT_FALSE(FindPortHolder(1).has_value());
}

TEST(Port, IsChosenFromTheRange) {
  const auto port = ChoosePort("seed");
  ASSERT_TRUE(port.ok());
  EXPECT_GE(*port, kFirstPort);
  EXPECT_LE(*port, kLastPort);
}

}  // namespace
}  // namespace spillway::lakebase
