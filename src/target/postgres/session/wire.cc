#include "target/postgres/session/wire.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "target/postgres/session/server_error.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

void IgnoreNotice(void*, const char*) {}

}  // namespace

Wire::Wire() : stop_event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Wire::~Wire() {
  PQfinish(pq_);
  if (stop_event_ >= 0) close(stop_event_);
}

Result<std::unique_ptr<Wire>> Wire::Connect(const Context& context, const Keywords& keywords,
                                            std::chrono::milliseconds timeout) {
  std::unique_ptr<Wire> wire(new Wire());
  wire->keywords_ = keywords;
  SPILLWAY_TRY(wire->Establish(context, keywords, timeout));
  return wire;
}

Status Wire::Establish(const Context& context, const Keywords& keywords,
                       std::chrono::milliseconds timeout) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : keywords) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  pq_ = PQconnectStartParams(keys.data(), values.data(), 1);
  if (stop_event_ < 0 || pq_ == nullptr) {
    return Status(ErrorClass::kInternal, "out of memory or file descriptors");
  }
  if (PQstatus(pq_) == CONNECTION_BAD) return ConnectError(pq_);
  // The SQLSTATE of a refused connection is only in the verbose text.
  PQsetErrorVerbosity(pq_, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(pq_, IgnoreNotice, nullptr);
  const Context bounded = context.Within(timeout);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return ConnectError(pq_);
    const auto waited = Wait(bounded, state == PGRES_POLLING_READING ? POLLIN : POLLOUT);
    if (!waited.ok()) {
      if (!context.Check().ok() || waited.status().error_class() != ErrorClass::kDeadlineExceeded) {
        return Status(waited.status()).While("connect");
      }
      return Status(ErrorClass::kConnectionError, "the server did not answer in time: " +
                                                      std::to_string(timeout.count()) + " ms");
    }
    state = PQconnectPoll(pq_);
  }
  PQsetErrorVerbosity(pq_, PQERRORS_DEFAULT);
  if (PQsetnonblocking(pq_, 1) != 0) {
    return Status(ErrorClass::kInternal, "libpq refuses non-blocking mode");
  }
  return Status();
}

bool Wire::usable() const { return pq_ != nullptr && PQstatus(pq_) == CONNECTION_OK; }

bool Wire::readable() const {
  pollfd polled{PQsocket(pq_), POLLIN, 0};
  return poll(&polled, 1, 0) != 0;
}

Result<short> Wire::Wait(const Context& context, short events) {
  SPILLWAY_TRY(context.Check());
  if (PQsocket(pq_) < 0) return Status(ErrorClass::kConnectionError, "the connection was lost");
  std::array<pollfd, 2> polled = {pollfd{PQsocket(pq_), events, 0}, pollfd{stop_event_, POLLIN, 0}};
  const bool stoppable = context.stop.stop_possible();
  // What an earlier stop left there, of a context that is not this one.
  std::uint64_t before = 0;
  [[maybe_unused]] const auto drained = read(stop_event_, &before, sizeof(before));
  const std::stop_callback wake(context.stop, [this] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(stop_event_, &one, sizeof(one));
  });
  while (true) {
    const auto left = context.deadline.Remaining();
    const int timeout =
        left ? static_cast<int>(std::min<std::int64_t>(left->count(), 3'600'000)) : -1;
    const int count = poll(polled.data(), stoppable ? 2 : 1, timeout);
    if (count < 0 && errno != EINTR) {
      return Status(ErrorClass::kInternal, "cannot wait for a socket: poll")
          .With("errno", std::to_string(errno));
    }
    if (count > 0 && polled[0].revents != 0) return polled[0].revents;
    SPILLWAY_TRY(context.Check());
  }
}

Status Wire::Flush(const Context& context) {
  while (true) {
    const int left = PQflush(pq_);
    if (left == 0) return Status();
    if (left < 0) return LostConnection("the connection was lost", pq_);
    SPILLWAY_ASSIGN(const short ready, Wait(context, POLLIN | POLLOUT));
    if ((ready & POLLIN) != 0 && PQconsumeInput(pq_) == 0) {
      return LostConnection("the connection was lost", pq_);
    }
  }
}

Result<std::unique_ptr<Wire>> Wire::ConnectAgain(const Context& context) const {
  Keywords keywords = keywords_;
  for (const auto& [key, value] : {std::pair("host", PQhost(pq_)), std::pair("port", PQport(pq_)),
                                   std::pair("hostaddr", PQhostaddr(pq_))}) {
    if (value != nullptr && *value != '\0') keywords.emplace_back(key, value);
  }
  const auto left = context.deadline.Remaining();
  return Connect(context, keywords, left.value_or(std::chrono::milliseconds(0)));
}

void Wire::Close() {
  PQfinish(pq_);
  pq_ = nullptr;
}

}  // namespace spillway::target::postgres
