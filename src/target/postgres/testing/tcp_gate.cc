#include "target/postgres/testing/tcp_gate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <list>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"

namespace spillway::target::postgres::testing {
namespace {

// Finds statements, and COMMIT among them, in what a client sends.
class ClientMessages {
 public:
  // True when `bytes` end the text of a query that is COMMIT. Adds the queries ended to
  // `statements`.
  bool Feed(std::string_view bytes, int* statements) {
    bool commit = false;
    while (!bytes.empty()) {
      if (body_left_ == 0) {
        head_ += bytes.front();
        bytes.remove_prefix(1);
        const std::size_t type = started_ ? 1 : 0;
        if (head_.size() < type + 4) continue;
        std::uint32_t length = 0;
        std::memcpy(&length, head_.data() + type, 4);
        body_left_ = ntohl(length) - 4;
        query_ = started_ && head_.front() == 'Q';
        started_ = true;
        head_.clear();
        body_.clear();
        continue;
      }
      const std::string_view piece = bytes.substr(0, body_left_);
      if (query_) body_ += piece;
      body_left_ -= piece.size();
      bytes.remove_prefix(piece.size());
      if (body_left_ == 0 && query_) ++*statements;
      if (body_left_ == 0 && query_ && body_ == std::string_view("COMMIT\0", 7)) commit = true;
    }
    return commit;
  }

 private:
  bool started_ = false;
  bool query_ = false;
  std::size_t body_left_ = 0;
  std::string head_;
  std::string body_;
};

struct Pair {
  int client = -1;
  int server = -1;
  ClientMessages messages;
  bool lose_answer = false;
};

bool SendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

}  // namespace

struct TcpGate::Impl {
  int server_port = 0;
  int listener = -1;
  int port = 0;
  std::atomic<CommitFate> fate = CommitFate::kPass;
  std::atomic<int> lost = 0;
  std::atomic<bool> refuse = false;
  std::atomic<int> statements_left = 0;
  std::atomic<bool> cut_all = false;
  std::list<Pair> pairs;  // of the thread
  std::jthread thread;

  static void Close(int* socket) {
    if (*socket >= 0) close(*socket);
    *socket = -1;
  }

  void Accept() {
    Pair pair;
    pair.client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (pair.client < 0) return;
    pair.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port);
    const int on = 1;
    setsockopt(pair.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (refuse ||
        connect(pair.server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      Close(&pair.client);
      Close(&pair.server);
      return;
    }
    pairs.push_back(std::move(pair));
  }

  // Passes what the client sent; false when the pair is to be cut.
  bool FromClient(Pair* pair, std::string_view bytes) {
    int statements = 0;
    const bool commit = pair->messages.Feed(bytes, &statements);
    if (statements > 0 && statements_left > 0) {
      statements_left -= statements;
      if (statements_left <= 0) return false;
    }
    if (commit) {
      const CommitFate decided = fate.exchange(CommitFate::kPass);
      if (decided != CommitFate::kPass) ++lost;
      switch (decided) {
        case CommitFate::kPass:
          break;
        case CommitFate::kLoseBefore:
          return false;
        case CommitFate::kLoseAfter:
          pair->lose_answer = true;
          break;
        case CommitFate::kSwallow:
          Close(&pair->client);
          return true;
      }
    }
    return SendAll(pair->server, bytes);
  }

  // Moves what is there from one end to the other; false when the pair is over.
  bool Move(Pair* pair, bool from_client) {
    std::array<char, 65536> buffer;
    const ssize_t got =
        recv(from_client ? pair->client : pair->server, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (from_client) return FromClient(pair, bytes);
    return !pair->lose_answer && pair->client >= 0 && SendAll(pair->client, bytes);
  }

  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<pollfd> polled = {{listener, POLLIN, 0}};
      std::vector<std::pair<Pair*, bool>> ends;
      for (Pair& pair : pairs) {
        if (pair.client >= 0) {
          polled.push_back({pair.client, POLLIN, 0});
          ends.emplace_back(&pair, true);
        }
        polled.push_back({pair.server, POLLIN, 0});
        ends.emplace_back(&pair, false);
      }
      poll(polled.data(), polled.size(), 20);
      std::vector<Pair*> over;
      for (std::size_t i = 0; i < ends.size(); ++i) {
        auto [pair, from_client] = ends[i];
        if (polled[i + 1].revents == 0 || (from_client && pair->client < 0)) continue;
        if (!Move(pair, from_client)) over.push_back(pair);
      }
      const bool cut = cut_all.exchange(false);
      pairs.remove_if([&](Pair& pair) {
        if (!cut && std::find(over.begin(), over.end(), &pair) == over.end()) return false;
        Close(&pair.client);
        Close(&pair.server);
        return true;
      });
      if (polled[0].revents != 0) Accept();
    }
    for (Pair& pair : pairs) {
      Close(&pair.client);
      Close(&pair.server);
    }
  }
};

TcpGate::TcpGate(int server_port) : impl_(std::make_unique<Impl>()) {
  impl_->server_port = server_port;
  impl_->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  SPILLWAY_CHECK(bind(impl_->listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  SPILLWAY_CHECK(listen(impl_->listener, 64) == 0);
  SPILLWAY_CHECK(getsockname(impl_->listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  impl_->port = ntohs(address.sin_port);
  impl_->thread =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->Run(stop); });
}

TcpGate::~TcpGate() {
  impl_->thread.request_stop();
  impl_->thread.join();
  close(impl_->listener);
}

int TcpGate::port() const { return impl_->port; }
void TcpGate::DecideNextCommit(CommitFate fate) { impl_->fate = fate; }
void TcpGate::CutAtStatement(int number) { impl_->statements_left = number; }
bool TcpGate::cut_is_due() const { return impl_->statements_left > 0; }
int TcpGate::commits_lost() const { return impl_->lost; }
void TcpGate::Refuse(bool refuse) { impl_->refuse = refuse; }
void TcpGate::CutAll() {
  impl_->cut_all = true;
  while (impl_->cut_all) std::this_thread::yield();
}

}  // namespace spillway::target::postgres::testing
