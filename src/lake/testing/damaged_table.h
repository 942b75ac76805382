#ifndef SPILLWAY_LAKE_TESTING_DAMAGED_TABLE_H_
#define SPILLWAY_LAKE_TESTING_DAMAGED_TABLE_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/testing/fuzz_folder.h"
#include "data/batch_writer.h"
#include "lake/lake.h"

/// Tables of tests/data, of which one file at a time is damaged as a fuzzer's bytes say, read
/// through the C ABI by the port that everything else uses. For fuzz targets only.
namespace spillway::lake::testing {

/// lakeio is not compiled with the fuzzer's coverage, so the kinds of its answers stand in for it.
__attribute__((section("__libfuzzer_extra_counters"))) inline std::uint8_t fuzz_answers[1 << 12];

/// Counts one kind of answer: an error by its class and the fixed beginning of its message.
/// INTERNAL is our bug, whatever the input was.
inline void CountAnswer(const base::Status& status) {
  std::string kind = "ok";
  if (!status.ok()) {
    if (status.code() == base::Code::kInternal) {
      std::fprintf(stderr, "INTERNAL for a foreign input: %s\n", status.ToString().c_str());
      std::abort();
    }
    kind = std::string(base::Describe(status.error_class()).name);
    for (const char c : status.message().substr(0, 80)) {
      if (c >= '0' && c <= '9') break;
      kind.push_back(c);
    }
  }
  ++fuzz_answers[std::hash<std::string>()(kind) % std::size(fuzz_answers)];
}

/// Takes numbers and texts off a fuzzer's bytes; zero and nothing when they are used up.
class FuzzBytes {
 public:
  explicit FuzzBytes(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::size_t Number(std::size_t width) {
    std::size_t value = 0;
    for (const char c : Text(width)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view Text(std::size_t most) {
    const std::string_view text = rest_.substr(0, most);
    rest_.remove_prefix(text.size());
    return text;
  }

 private:
  std::string_view rest_;
};

/// `bytes` after the damages that `input` lists: places from the start or the end, and what is
/// overwritten, inserted, erased, cut off, flipped or repeated there.
inline std::string Damage(std::string bytes, FuzzBytes input) {
  constexpr std::size_t kMostBytes = 1 << 20;
  while (!input.empty() && bytes.size() < kMostBytes) {
    const std::size_t what = input.Number(1);
    const std::size_t place = input.Number(2) % (bytes.size() + 1);
    const std::size_t at = (what & 0x80) != 0 ? bytes.size() - place : place;
    const std::size_t length = input.Number(1);
    switch (what % 6) {
      case 0:
        bytes.replace(at, std::min(length, bytes.size() - at), input.Text(length));
        break;
      case 1:
        bytes.insert(at, input.Text(length));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << length % 8));
        break;
      case 5:
        bytes.insert(at, std::string(bytes.substr(at, length)));
        break;
    }
  }
  return bytes;
}

/// Some tables and those of their files that may be damaged. Never destroyed: lakeio's threads live
/// until the process ends, and what they hold would look like a leak.
class DamagedTables {
 public:
  /// `names`: tables of tests/data/delta. `chosen`: whether a file, by its path below the table's
  /// folder, may be damaged.
  DamagedTables(const std::vector<std::string>& names,
                const std::function<bool(const std::string& path)>& chosen) {
    auto lake = OpenDeltaLake();
    if (!lake.ok()) std::abort();
    lake_ = *std::move(lake);
    for (const std::string& name : names) {
      const std::string command = "tar -xzf " SPILLWAY_TEST_DATA "/delta/" + name +
                                  ".tar.gz --exclude='.*.crc' -C " +
                                  base::testing::FuzzFolder().string();
      if (std::system(command.c_str()) != 0) std::abort();
      const std::filesystem::path root = base::testing::FuzzFolder() / name;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        if (!entry.is_regular_file() || entry.file_size() == 0) continue;
        if (!chosen(entry.path().lexically_relative(root).string())) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        files_.push_back(
            {root, entry.path(), std::string(std::istreambuf_iterator<char>(file), {})});
      }
    }
    if (files_.empty()) std::abort();
    std::sort(files_.begin(), files_.end(),
              [](const File& a, const File& b) { return a.path < b.path; });
    for (const File& file : files_) {
      if (!Read(file.table).ok()) std::abort();  // undamaged, everything must be readable
    }
  }

  /// Damages one file, reads its table to the end and mends it.
  void Try(std::string_view input) {
    FuzzBytes bytes(input);
    const File& file = files_[bytes.Number(1) % files_.size()];
    base::testing::WriteFile(file.path, Damage(file.content, bytes));
    CountAnswer(Read(file.table));
    base::testing::WriteFile(file.path, file.content);
  }

 private:
  struct File {
    std::filesystem::path table;
    std::filesystem::path path;
    std::string content;
  };

  /// Everything that can be asked of the latest version. Each value is made text, so that the
  /// sanitizer sees every buffer that crossed.
  base::Status Read(const std::filesystem::path& path) {
    const Location location{.url = path.string(), .storage_options = {}};
    SPILLWAY_TRY(lake_->History({}, location, 0).status());
    SPILLWAY_ASSIGN(const auto table, lake_->Open({}, location, VersionSpec()));
    SPILLWAY_TRY(table->Sum({}).status());
    SPILLWAY_ASSIGN(const Scan scan, table->Plan({}, {}));
    SPILLWAY_ASSIGN(const auto splits, table->Splits({}, scan, 4096));
    while (true) {
      SPILLWAY_ASSIGN(const std::optional<Split> split, splits->Next({}));
      if (!split) return base::Status();
      SPILLWAY_ASSIGN(const auto rows, lake_->Read({}, location, scan, split->bytes, {}));
      SPILLWAY_ASSIGN(const auto writer, data::MakeNdjsonWriter(scan.schema, [](std::string_view) {
                        return base::Status();
                      }));
      while (true) {
        SPILLWAY_ASSIGN(const auto batch, rows->Next({}));
        if (!batch) break;
        SPILLWAY_TRY(writer->Write(*batch));
      }
    }
  }

  std::unique_ptr<Lake> lake_;
  std::vector<File> files_;
};

}  // namespace spillway::lake::testing

#endif  // SPILLWAY_LAKE_TESTING_DAMAGED_TABLE_H_
