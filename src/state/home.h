#ifndef SPILLWAY_STATE_HOME_H_
#define SPILLWAY_STATE_HOME_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spillway::state {

/// Looks an environment variable up; handed in so that tests choose it.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own environment.
Environment ProcessEnvironment();

/// The folder that holds all that Spillway keeps on this machine. A value: it opens nothing.
class Home {
 public:
  /// `chosen` (--home), else SPILLWAY_HOME, else /var/lib/spillway for root, else
  /// ${XDG_DATA_HOME:-$HOME/.local/share}/spillway; made absolute. Makes nothing.
  /// FILE_UNUSABLE when there is nothing to go by (no HOME).
  static base::Result<Home> Resolve(std::string_view chosen, const Environment& environment);

  /// Makes the folder and its parents where missing: 0700, for root 0711, so that the user who runs
  /// the local PostgreSQL can pass through. A folder that is there is left as it is, read-only ones
  /// too. FILE_UNUSABLE, STORE_NO_SPACE.
  base::Status Prepare() const;

  const std::string& path() const { return path_; }
  std::string state_file() const { return path_ + "/state.db"; }
  std::string secrets_file() const { return path_ + "/secrets.json"; }
  std::string locks() const { return path_ + "/locks"; }
  std::string logs() const { return path_ + "/logs"; }
  std::string lakebase() const { return path_ + "/lakebase"; }

 private:
  explicit Home(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_HOME_H_
