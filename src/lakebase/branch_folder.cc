#include "lakebase/branch_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "state/durable_file.h"

namespace spillway::lakebase {
namespace {

using base::ErrorClass;
using base::Result;
using base::Secret;
using base::Status;
using nlohmann::json;

// A socket's address holds 107 bytes and a NUL (unix(7)); the longest name in it is that of port
// 65535 with PostgreSQL's ".lock" beside.
constexpr std::size_t kLongestSocketFolder = 107 - std::string_view("/.s.PGSQL.65535").size();
constexpr int kFormat = 1;

Status Damaged(const std::string& path, const std::string& how) {
  return Status(ErrorClass::kLocalPostgres,
                "the record of the local PostgreSQL is " + how + ": " + path)
      .With("path", path)
      .Mend(
          "Restore it: {\"format\": 1, \"uid\": \"br-…\"}, the uid being the name of the folder "
          "beside it.");
}

std::string Random() {
  std::string text = base::NewUuid() + base::NewUuid();
  text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
  return text;
}

// The line of a .pgpass file: host, port and database are anything.
std::string PasswordLine(const Secret& password) {
  return std::string("*:*:*:") + kServerUser + ":" + password.Reveal() + "\n";
}

bool HasBranch(const state::Home& home) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(BranchFolder::ProjectFolder(home), error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with("br-")) return true;
  }
  return false;
}

}  // namespace

std::string BranchFolder::socket_folder() const {
  std::string folder = path_ + "/run";
  return folder.size() <= kLongestSocketFolder ? folder : "/tmp/spillway-" + uid_;
}

Result<std::optional<BranchRecord>> ReadBranchRecord(const state::Home& home) {
  const std::string path = BranchFolder::RecordFile(home);
  SPILLWAY_ASSIGN(const auto content, state::ReadSmallFile(path));
  if (!content) {
    // It is written before the folder is made: without it the data would be forgotten.
    if (HasBranch(home)) return Damaged(path, "gone");
    return std::optional<BranchRecord>();
  }
  const json document = json::parse(*content, nullptr, false);
  if (!document.is_object() || document.value("format", json()) != json(kFormat)) {
    return Damaged(path, "damaged");
  }
  BranchRecord record;
  const json uid = document.value("uid", json());
  const json port = document.value("port", json());
  if (!uid.is_string()) return Damaged(path, "damaged");
  record.uid = uid.get<std::string>();
  // It names a folder, so nothing but what a new cluster is given is accepted.
  const bool plain =
      record.uid.starts_with("br-") && record.uid.size() > 3 &&
      record.uid.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
  if (!plain) return Damaged(path, "damaged");
  if (!port.is_null()) {
    if (!port.is_number_unsigned() || port.get<std::uint64_t>() == 0 ||
        port.get<std::uint64_t>() > UINT16_MAX) {
      return Damaged(path, "damaged");
    }
    record.port = port.get<std::uint16_t>();
  }
  return std::optional<BranchRecord>(std::move(record));
}

Status WriteBranchRecord(const state::Home& home, const BranchRecord& record) {
  json document = {{"format", kFormat}, {"uid", record.uid}};
  if (record.port) document["port"] = *record.port;
  return state::ReplaceFile(BranchFolder::RecordFile(home), document.dump(2) + "\n", 0644);
}

Result<Secret> ReadPassword(const BranchFolder& folder) {
  SPILLWAY_ASSIGN(const auto content, state::ReadSmallFile(folder.password_file()));
  const std::string prefix = PasswordLine(Secret());
  const std::string_view before = std::string_view(prefix).substr(0, prefix.size() - 1);
  if (!content || !content->starts_with(before)) {
    return Status(ErrorClass::kLocalPostgres,
                  "the local PostgreSQL's password cannot be read from " + folder.password_file())
        .With("path", folder.password_file())
        .Mend("Restore the file: one line *:*:*:" + std::string(kServerUser) +
              ":PASSWORD. When it is lost, move " + folder.path() +
              " and the record beside it away: its tables can be synced again.");
  }
  std::string password = content->substr(before.size());
  password.resize(std::min(password.size(), password.find('\n')));
  return Secret(std::move(password));
}

Result<Secret> MakePassword(const BranchFolder& folder) {
  SPILLWAY_ASSIGN(const auto content, state::ReadSmallFile(folder.password_file()));
  if (content) return ReadPassword(folder);
  Secret password(Random());
  SPILLWAY_TRY(state::ReplaceFile(folder.password_file(), PasswordLine(password), 0600));
  return password;
}

}  // namespace spillway::lakebase
