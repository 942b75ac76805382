#include "lakebase/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

namespace spillway::lakebase {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// Inodes of the sockets that listen on `port`, from one of the kernel's tables, whose columns are
// "sl local_address rem_address st … inode" (proc(5)).
void AddListeners(const char* table, std::uint16_t port, std::set<std::string>* inodes) {
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::array<std::string, 10> column;
    for (auto& word : column) words >> word;
    const auto colon = column[1].rfind(':');
    if (colon == std::string::npos || column[3] != "0A") continue;
    unsigned local = 0;
    const char* digits = column[1].data() + colon + 1;
    std::from_chars(digits, column[1].data() + column[1].size(), local, 16);
    if (local == port) inodes->insert("socket:[" + column[9] + "]");
  }
}

bool HoldsOneOf(const std::filesystem::path& process, const std::set<std::string>& inodes) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(process / "fd", error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code unreadable;
    const auto link = std::filesystem::read_symlink(entry->path(), unreadable);
    if (!unreadable && inodes.contains(link.string())) return true;
  }
  return false;
}

}  // namespace

bool IsPortFree(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return false;
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free =
      bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      listen(listener, 1) == 0;
  close(listener);
  return is_free;
}

Result<std::uint16_t> ChoosePort(std::string_view seed) {
  constexpr unsigned kCount = kLastPort - kFirstPort + 1;
  const auto start = static_cast<unsigned>(std::hash<std::string_view>()(seed) % kCount);
  for (unsigned i = 0; i < kCount; ++i) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + (start + i) % kCount);
    if (IsPortFree(port)) return port;
  }
  return Status(ErrorClass::kLocalPostgres, "no port from " + std::to_string(kFirstPort) + " to " +
                                                std::to_string(kLastPort) + " is free on 127.0.0.1")
      .Mend("Choose another one: spillway pg start --port N.");
}

std::optional<PortHolder> FindPortHolder(std::uint16_t port) {
  std::set<std::string> inodes;
  AddListeners("/proc/net/tcp", port, &inodes);
  AddListeners("/proc/net/tcp6", port, &inodes);
  if (inodes.empty()) return std::nullopt;
  PortHolder holder;
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::int64_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || !HoldsOneOf(entry->path(), inodes)) continue;
    // A server's children share its socket; the lowest pid is most likely its own.
    if (holder.pid != 0 && pid > holder.pid) continue;
    holder.pid = pid;
    std::ifstream(entry->path() / "comm") >> holder.program;
  }
  return holder;
}

Status PortTaken(std::uint16_t port) {
  const auto holder = FindPortHolder(port);
  std::string who = "another program";
  if (holder && holder->pid != 0) {
    who = "process " + std::to_string(holder->pid) + " (" + holder->program + ")";
  } else if (holder) {
    who = "a process of another user";
  }
  return Status(ErrorClass::kLocalPostgres,
                "port " + std::to_string(port) + " of the local PostgreSQL is taken by " + who)
      .With("port", std::to_string(port))
      .With("pid", holder && holder->pid != 0 ? std::to_string(holder->pid) : "")
      .With("program", holder ? holder->program : "")
      .Mend("End that program, or choose another port, which is kept: spillway pg start --port N.");
}

}  // namespace spillway::lakebase
