#include "lakebase/branch_folder.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "base/shell_word.h"
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

Status Unusable(const std::string& path, const std::string& how) {
  return Status(ErrorClass::kLocalPostgres,
                "the record of the local PostgreSQL is " + how + ": " + path)
      .With("path", path);
}

Status Damaged(const std::string& path) {
  return Unusable(path, "damaged")
      .Mend(
          "Restore it: {\"format\": 1, \"uid\": \"br-…\"}, the uid being the name of the folder "
          "beside it.");
}

Status Gone(const state::Home& home, const std::string& uid) {
  return Unusable(BranchFolder::RecordFile(home), "gone")
      .Mend("Restore it: {\"format\": 1, \"uid\": \"" + uid +
            "\"}. When the cluster is not wanted any more, move its folder away: mv " +
            base::ShellWord(BranchFolder(home, uid).path()) + " " +
            base::ShellWord(home.path() + "/" + uid));
}

std::string Random() {
  std::string text = base::NewUuid() + base::NewUuid();
  text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
  return text;
}

// What follows the host in a line of the password file: port and database are anything.
std::string BehindHost() { return std::string(":*:*:") + kServerUser + ":"; }

// The lines of the password file: for this server's hosts only, since psql may be sent to another.
std::string PasswordLines(const BranchFolder& folder, const Secret& password) {
  std::string socket;
  for (const char c : folder.socket_folder()) {
    if (c == ':' || c == '\\') socket.push_back('\\');
    socket.push_back(c);
  }
  std::string lines;
  for (const std::string& host : {std::string(kHost), std::string("localhost"), socket}) {
    lines += host + BehindHost() + password.Reveal() + "\n";
  }
  return lines;
}

// Whether a new cluster may be given this uid; it names a folder.
bool IsUid(std::string_view text) {
  return text.starts_with("br-") && text.size() > 3 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

// The uid of a branch that has data; empty: none.
std::string FindBranch(const state::Home& home) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(BranchFolder::ProjectFolder(home), error), end;
       !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (IsUid(name) && std::filesystem::exists(BranchFolder(home, name).data(), ignored)) {
      return name;
    }
  }
  return {};
}

}  // namespace

std::string BranchFolder::socket_folder() const {
  std::string folder = path_ + "/run";
  return folder.size() <= kLongestSocketFolder ? folder : "/tmp/spillway-" + uid_;
}

Result<std::optional<BranchRecord>> ReadBranchRecord(const state::Home& home) {
  const std::string path = BranchFolder::RecordFile(home);
  SPILLWAY_ASSIGN(auto content, state::ReadSmallFile(path));
  if (!content) {
    const std::string branch = FindBranch(home);
    if (branch.empty()) return std::optional<BranchRecord>();
    // Another's first start may have written it meanwhile, as it does before it makes data. Without
    // it data would be forgotten.
    SPILLWAY_ASSIGN(content, state::ReadSmallFile(path));
    if (!content) return Gone(home, branch);
  }
  const json document = json::parse(*content, nullptr, false);
  if (!document.is_object() || document.value("format", json()) != json(kFormat)) {
    return Damaged(path);
  }
  BranchRecord record;
  const json uid = document.value("uid", json());
  const json port = document.value("port", json());
  if (!uid.is_string() || !IsUid(uid.get<std::string>())) return Damaged(path);
  record.uid = uid.get<std::string>();
  if (!port.is_null()) {
    if (!port.is_number_unsigned() || port.get<std::uint64_t>() == 0 ||
        port.get<std::uint64_t>() > UINT16_MAX) {
      return Damaged(path);
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
  const std::string line = kHost + BehindHost();
  const std::string old_line = "*" + BehindHost();  // for any host, as older files have it
  const bool is_old = content && content->starts_with(old_line);
  if (!content || !(is_old || content->starts_with(line))) {
    const auto project = std::filesystem::path(folder.path()).parent_path().string();
    return Status(ErrorClass::kLocalPostgres,
                  "the local PostgreSQL's password cannot be read from " + folder.password_file())
        .With("path", folder.password_file())
        .Mend("Restore the file: a line " + line + "PASSWORD. When it is lost, move " +
              folder.path() + " and the record beside it out of " + project +
              ": its tables can be synced again.");
  }
  std::string password = content->substr(is_old ? old_line.size() : line.size());
  password.resize(std::min(password.size(), password.find('\n')));
  return Secret(std::move(password));
}

Result<Secret> KeepPassword(const BranchFolder& folder) {
  SPILLWAY_ASSIGN(Secret password, ReadPassword(folder));
  SPILLWAY_ASSIGN(const auto content, state::ReadSmallFile(folder.password_file()));
  const std::string lines = PasswordLines(folder, password);
  if (content != lines) {
    SPILLWAY_TRY(state::ReplaceFile(folder.password_file(), lines, 0600));
  }
  return password;
}

Result<Secret> MakePassword(const BranchFolder& folder) {
  SPILLWAY_ASSIGN(const auto content, state::ReadSmallFile(folder.password_file()));
  if (content) return KeepPassword(folder);
  Secret password(Random());
  SPILLWAY_TRY(state::ReplaceFile(folder.password_file(), PasswordLines(folder, password), 0600));
  return password;
}

}  // namespace spillway::lakebase
