#ifndef SPILLWAY_LAKEBASE_BRANCH_FOLDER_H_
#define SPILLWAY_LAKEBASE_BRANCH_FOLDER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "state/home.h"

/// Where the files of local clusters lie (docs/formats/lakebase.md): project folders, in each a
/// record per branch, and a folder per branch named by its uid.
namespace spillway::lakebase {

/// What is kept of a branch. Written whole at each change.
struct BranchRecord {
  std::string uid;                    ///< br-…; the server's cluster_name
  std::optional<std::uint16_t> port;  ///< absent until it was used once
};

/// Names of one branch's files.
class BranchFolder {
 public:
  BranchFolder(const state::Home& home, const std::string& uid)
      : path_(ProjectFolder(home) + "/" + uid), logs_(home.logs()), uid_(uid) {}

  static std::string ProjectFolder(const state::Home& home) { return home.lakebase() + "/local"; }
  static std::string RecordFile(const state::Home& home) {
    return ProjectFolder(home) + "/production.json";
  }
  static std::string LockFile(const state::Home& home) { return ProjectFolder(home) + "/lock"; }

  const std::string& uid() const { return uid_; }
  const std::string& path() const { return path_; }
  std::string data() const { return path_ + "/data"; }
  std::string password_file() const { return path_ + "/pgpass"; }
  std::string settings_file() const { return path_ + "/spillway.conf"; }
  /// Where the Unix socket goes: in the branch's folder, or under /tmp when that path is too long
  /// for a socket's address.
  std::string socket_folder() const;
  std::string log_file() const { return logs_ + "/postgresql-" + uid_ + ".log"; }

 private:
  std::string path_;
  std::string logs_;
  std::string uid_;
};

/// nullopt when there is no cluster yet. LOCAL_POSTGRES when the record is damaged, or gone while a
/// branch beside it has data. Needs no lock.
base::Result<std::optional<BranchRecord>> ReadBranchRecord(const state::Home& home);
base::Status WriteBranchRecord(const state::Home& home, const BranchRecord& record);

/// The password in a branch's password file. LOCAL_POSTGRES when the file is gone or damaged.
base::Result<base::Secret> ReadPassword(const BranchFolder& folder);
/// The same; a file as earlier releases wrote it, whose line is for any host, is written anew.
base::Result<base::Secret> KeepPassword(const BranchFolder& folder);
/// The same; made when there is none.
base::Result<base::Secret> MakePassword(const BranchFolder& folder);

inline constexpr const char* kHost = "127.0.0.1";  ///< where a server listens, beside its socket
inline constexpr const char* kServerUser = "spillway";
inline constexpr const char* kDatabase = "databricks_postgres";

}  // namespace spillway::lakebase

#endif  // SPILLWAY_LAKEBASE_BRANCH_FOLDER_H_
