#include "base/absolute_path.h"

#include <filesystem>
#include <system_error>

namespace spillway::base {

std::string AbsolutePath(std::string_view folder, std::string_view path) {
  namespace fs = std::filesystem;
  fs::path absolute = "/";
  for (const fs::path& part : fs::path(folder) / fs::path(path)) {
    if (part == "..") {
      std::error_code ignored;
      if (fs::is_symlink(absolute, ignored)) {
        if (fs::path led = fs::canonical(absolute, ignored); !ignored) absolute = std::move(led);
      }
      absolute = absolute.parent_path();
    } else if (part != "." && !part.empty()) {
      absolute /= part;
    }
  }
  return absolute.string();
}

}  // namespace spillway::base
