#ifndef SPILLWAY_BASE_TESTING_FUZZ_FOLDER_H_
#define SPILLWAY_BASE_TESTING_FUZZ_FOLDER_H_

#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

/// What fuzz targets of parsers that read files share.
namespace spillway::base::testing {

/// A folder in memory where there is one; removed at the process's end. Made once.
inline const std::filesystem::path& FuzzFolder() {
  static const struct Folder {
    Folder() {
      const std::filesystem::path memory = "/dev/shm";
      std::string pattern =
          ((std::filesystem::is_directory(memory) ? memory
                                                  : std::filesystem::temp_directory_path()) /
           "spillway-fuzz-XXXXXX")
              .string();
      if (mkdtemp(pattern.data()) == nullptr) std::abort();
      path = pattern;
    }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
  } folder;
  return folder.path;
}

/// Replaces a file; aborts when it cannot.
inline void WriteFile(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) std::abort();
}

inline std::string_view AsText(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace spillway::base::testing

#endif  // SPILLWAY_BASE_TESTING_FUZZ_FOLDER_H_
