#include "lakebase/server_settings.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <thread>

namespace spillway::lakebase {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

std::string Megabytes(std::int64_t bytes) { return std::to_string(bytes / kMiB) + "MB"; }

// The limit of our control group (version 2, then 1), or the largest number when there is none.
std::int64_t GroupLimit() {
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::string text;
    std::ifstream(path) >> text;
    std::int64_t limit = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (parsed.ec == std::errc() && limit > 0) return limit;
  }
  return INT64_MAX;
}

}  // namespace

Machine MeasureMachine(const std::string& folder) {
  Machine machine;
  struct sysinfo memory{};
  if (sysinfo(&memory) == 0) {
    machine.memory_bytes = static_cast<std::int64_t>(memory.totalram) * memory.mem_unit;
  }
  machine.memory_bytes = std::min(machine.memory_bytes, GroupLimit());
  struct statvfs disk{};
  if (statvfs(folder.c_str(), &disk) == 0) {
    machine.free_disk_bytes = static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
  }
  utsname system{};
  int major = 0;
  int minor = 0;
  if (uname(&system) == 0 && std::sscanf(system.release, "%d.%d", &major, &minor) == 2) {
    machine.syncfs_reports_errors = major > 5 || (major == 5 && minor >= 8);
  }
  machine.cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return machine;
}

std::string ServerSettings(const Machine& machine) {
  const auto share = [&](std::int64_t part, std::int64_t least, std::int64_t most) {
    return Megabytes(std::clamp(machine.memory_bytes / part, least * kMiB, most * kMiB));
  };
  const std::int64_t log_size = std::clamp(machine.free_disk_bytes / 10, 256 * kMiB, 8192 * kMiB);
  const std::string workers = std::to_string(std::min(machine.cores, 8));
  std::string text =
      "# Written by Spillway at every start: changes here are lost. Use ALTER SYSTEM, or the end "
      "of\n"
      "# postgresql.conf.\n"
      "fsync = on\n"
      "full_page_writes = on\n"
      "synchronous_commit = on\n";
  const auto set = [&](const char* name, const std::string& value) {
    text += std::string(name) + " = '" + value + "'\n";
  };
  set("shared_buffers", share(8, 128, 1024));
  set("effective_cache_size", share(2, 256, 65536));
  set("maintenance_work_mem", share(32, 64, 512));
  set("work_mem", share(512, 4, 64));
  set("wal_buffers", "16MB");
  set("max_wal_size", Megabytes(log_size));
  set("min_wal_size", Megabytes(std::min(log_size / 4, 1024 * kMiB)));
  set("checkpoint_timeout", "15min");
  set("checkpoint_completion_target", "0.9");
  set("max_worker_processes", std::to_string(std::max(8, machine.cores)));
  set("max_parallel_workers", workers);
  set("max_parallel_maintenance_workers", workers);
  set("random_page_cost", "1.1");
  set("max_connections", "100");
  // The server's user has the name of the bookkeeping schema, where "$user" would put its tables.
  set("search_path", "public");
  set("password_encryption", "scram-sha-256");
  set("log_line_prefix", "%m [%p] %q%u@%d ");
  set("log_timezone", "UTC");
  set("timezone", "UTC");
  set("lc_messages", "C");
  // After a crash all files are synced before recovery; one call per file system is much faster.
  if (machine.syncfs_reports_errors) set("recovery_init_sync_method", "syncfs");
  return text;
}

}  // namespace spillway::lakebase
