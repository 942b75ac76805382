#include "target/postgres/session/resolve.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <memory>
#include <utility>

#include "base/mutex.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// A request to glibc's resolver threads, which write to it until it is done.
struct Lookup {
  std::string host;
  addrinfo hints{};
  gaicb request{};

  Lookup() = default;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    if (request.ar_result != nullptr) freeaddrinfo(request.ar_result);
  }
  bool done() { return gai_error(&request) != EAI_INPROGRESS; }
};

// Lookups that nobody waits for any longer, kept until they are done.
class Abandoned {
 public:
  static Abandoned& All() {
    static auto& all = *new Abandoned();
    return all;
  }
  void Add(std::unique_ptr<Lookup> lookup) {
    base::MutexLock lock(mutex_);
    std::erase_if(lookups_, [](const auto& old) { return old->done(); });
    if (gai_cancel(&lookup->request) == EAI_NOTCANCELED) lookups_.push_back(std::move(lookup));
  }

 private:
  base::Mutex mutex_;
  std::vector<std::unique_ptr<Lookup>> lookups_ GUARDED_BY(mutex_);
};

Status Unresolved(const std::string& host, int error) {
  return Status(ErrorClass::kConnectionError,
                "the name of host " + host + " cannot be resolved: " + gai_strerror(error))
      .With("host", host)
      .Mend("Check the host in the connection string, and the name server.");
}

}  // namespace

Result<std::vector<std::string>> ResolveHost(const Context& context, const std::string& host) {
  auto lookup = std::make_unique<Lookup>();
  lookup->host = host;
  lookup->hints.ai_socktype = SOCK_STREAM;
  lookup->request.ar_name = lookup->host.c_str();
  lookup->request.ar_request = &lookup->hints;
  std::array<gaicb*, 1> list = {&lookup->request};
  if (const int error = getaddrinfo_a(GAI_NOWAIT, list.data(), 1, nullptr); error != 0) {
    return Unresolved(host, error);
  }
  while (!lookup->done()) {
    if (Status going = context.Check(); !going.ok()) {
      Abandoned::All().Add(std::move(lookup));
      return std::move(going).While("resolve the name of host " + host);
    }
    constexpr long kSlice = 20'000'000;  // 20 ms
    const timespec slice{0, kSlice};
    const std::array<const gaicb*, 1> waited = {&lookup->request};
    gai_suspend(waited.data(), 1, &slice);
  }
  if (const int error = gai_error(&lookup->request); error != 0) return Unresolved(host, error);
  std::vector<std::string> addresses;
  for (const addrinfo* at = lookup->request.ar_result; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text.data());
    }
  }
  if (addresses.empty()) return Unresolved(host, EAI_NONAME);
  return addresses;
}

}  // namespace spillway::target::postgres
