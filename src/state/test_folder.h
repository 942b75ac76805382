#ifndef SPILLWAY_STATE_TEST_FOLDER_H_
#define SPILLWAY_STATE_TEST_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

namespace spillway::state {

/// A fresh folder for a test, removed at its end.
class TestFolder {
 public:
  /// Under `parent`, by default the system's temporary folder.
  explicit TestFolder(const std::string& parent = std::filesystem::temp_directory_path().string()) {
    path_ = parent + "/spillway-test-XXXXXX";
    SPILLWAY_CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace spillway::state

#endif  // SPILLWAY_STATE_TEST_FOLDER_H_
