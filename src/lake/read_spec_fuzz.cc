// Read specs as a caller of the C ABI might write them, well formed or not: compiled or refused by
// class; what was compiled can be listed and read.

#include <lakeio.h>

#include <nlohmann/json.hpp>

#include "lake/lakeio_call.h"
#include "lake/lakeio_handles.h"
#include "lake/testing/damaged_table.h"

namespace {

using namespace spillway;
using lake::testing::FuzzBytes;
using nlohmann::json;

constexpr const char* kColumns[] = {"pi",   "pdec", "pb", "pts", "ptn", "pdb",
                                    "pbin", "id",   "v",  "",    "PI",  "no such"};
constexpr const char* kTypes[] = {"long",         "integer",        "short",   "byte",
                                  "float",        "double",         "boolean", "date",
                                  "timestamp",    "timestamp_ntz",  "string",  "binary",
                                  "decimal(9,2)", "decimal(38,38)", "void",    "array<long>"};
constexpr const char* kValues[] = {"0",
                                   "-1",
                                   "1.50",
                                   "true",
                                   "NaN",
                                   "1e400",
                                   "2024-02-30",
                                   "zz",
                                   "00ff",
                                   "",
                                   "2024-01-01",
                                   "-Infinity",
                                   "9223372036854775808",
                                   "2024-01-01T00:00:00.000001+05:45",
                                   "\xff",
                                   "1969-12-31 23:59:59.999999"};
constexpr const char* kComparisons[] = {
    "=", "<>", "<", "<=", ">", ">=", "is_distinct", "is_not_distinct"};
constexpr int kDeepest = 40;

template <std::size_t N>
std::string Pick(const char* const (&texts)[N], FuzzBytes* bytes) {
  return texts[bytes->Number(1) % N];
}

json Column(FuzzBytes* bytes) {
  json path = json::array({Pick(kColumns, bytes)});
  if (bytes->Number(1) % 8 == 0) path.push_back(Pick(kColumns, bytes));
  return {{"column", path}};
}

json Literal(FuzzBytes* bytes) {
  json value;
  if (const std::size_t kind = bytes->Number(1); kind % 8 == 1) {
    value = std::string(bytes->Text(kind / 8));
  } else if (kind % 8 != 0) {
    value = Pick(kValues, bytes);
  }
  return {{"type", Pick(kTypes, bytes)}, {"value", value}};
}

json Operand(FuzzBytes* bytes) {
  return bytes->Number(1) % 2 == 0 ? Column(bytes) : Literal(bytes);
}

json Predicate(FuzzBytes* bytes, int depth) {
  const std::size_t kind = bytes->empty() || depth > kDeepest ? 0 : bytes->Number(1);
  switch (kind % 8) {
    case 1:
    case 2: {
      json args = json::array();
      for (std::size_t i = 0; i < kind / 8 % 4; ++i) args.push_back(Predicate(bytes, depth + 1));
      return {{"op", kind % 8 == 1 ? "and" : "or"}, {"args", args}};
    }
    case 3:
      return {{"op", "not"}, {"arg", Predicate(bytes, depth + 1)}};
    case 4:
      return {{"op", kind / 8 % 2 == 0 ? "is_null" : "is_not_null"}, {"arg", Column(bytes)}};
    case 5: {
      json values = json::array();
      for (std::size_t i = 0; i < kind / 8; ++i) values.push_back(Literal(bytes));
      return {{"op", "in"}, {"arg", Operand(bytes)}, {"values", values}};
    }
    case 6:
      return {{"op", "like"},
              {"arg", Column(bytes)},
              {"pattern", std::string(bytes->Text(kind / 8))},
              {"escape", kind / 128 == 0 ? json("\\") : json()}};
    case 7:
      return {
          {"op", Pick(kComparisons, bytes)}, {"left", Operand(bytes)}, {"right", Operand(bytes)}};
    default:
      return {{"op", "literal"}, {"value", kind == 0 ? json(true) : json()}};
  }
}

/// A table opened twice: through the port, and bare.
class World {
 public:
  World() {
    const std::string command = "tar -xzf " SPILLWAY_TEST_DATA "/delta/part_types.tar.gz -C " +
                                base::testing::FuzzFolder().string();
    if (std::system(command.c_str()) != 0) std::abort();
    location_.url = (base::testing::FuzzFolder() / "part_types").string();
    auto lake = lake::OpenDeltaLake();
    if (!lake.ok()) std::abort();
    lake_ = *std::move(lake);
    auto table = lake_->Open({}, location_, lake::VersionSpec());
    if (!table.ok()) std::abort();
    table_ = *std::move(table);
    lakeio_runtime* runtime = nullptr;
    if (!lake::FromLakeio(lakeio_runtime_new("{}", nullptr, nullptr, &runtime)).ok()) std::abort();
    runtime_.reset(runtime);
    const std::string request = json{{"url", location_.url}}.dump();
    lakeio_table* bare = nullptr;
    if (!lake::FromLakeio(lakeio_table_open(runtime, nullptr, request.c_str(), &bare)).ok()) {
      std::abort();
    }
    bare_.reset(bare);
  }

  base::Status Try(const std::string& read_spec) {
    char* text = nullptr;
    SPILLWAY_TRY(
        lake::FromLakeio(lakeio_table_scan(bare_.get(), nullptr, read_spec.c_str(), &text)));
    const lake::LakeioText owned(text);
    const lake::Scan scan{text, nullptr};
    SPILLWAY_ASSIGN(const auto splits, table_->Splits({}, scan, 0));
    while (true) {
      SPILLWAY_ASSIGN(const auto split, splits->Next({}));
      if (!split) return base::Status();
      SPILLWAY_ASSIGN(const auto rows, lake_->Read({}, location_, scan, split->bytes, {}));
      while (true) {
        SPILLWAY_ASSIGN(const auto batch, rows->Next({}));
        if (!batch) break;
      }
    }
  }

 private:
  lake::Location location_;
  std::unique_ptr<lake::Lake> lake_;
  std::unique_ptr<lake::Table> table_;
  lake::LakeioRuntime runtime_;
  lake::LakeioTable bare_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static auto& world = *new World();  // lakeio's threads live until the process ends
  FuzzBytes input(base::testing::AsText(bytes, size));
  const std::size_t kind = input.Number(1);
  json spec = {{"predicate", Predicate(&input, 0)}};
  if (kind % 2 == 1)
    spec["columns"] = json::array({Pick(kColumns, &input), Pick(kColumns, &input)});
  if (kind % 4 >= 2) spec["row_position"] = true;
  std::string text = spec.dump(-1, ' ', false, json::error_handler_t::replace);
  if (kind % 8 >= 6) text = lake::testing::Damage(std::move(text), input);
  lake::testing::CountAnswer(world.Try(text));
  return 0;
}
