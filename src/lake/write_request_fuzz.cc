// Requests to create a table and to append to it, damaged: done or refused by class; what was
// appended is counted.

#include <lakeio.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/builder.h"
#include "lake/delta_documents.h"
#include "lake/lakeio_call.h"
#include "lake/lakeio_handles.h"
#include "lake/testing/damaged_table.h"

namespace {

using namespace spillway;
using lake::testing::FuzzBytes;
using nlohmann::json;

constexpr const char* kCreate =
    R"({"schema":{"type":"struct","fields":[{"name":"id","type":"long","nullable":false,)"
    R"("metadata":{}},{"name":"name","type":"string","nullable":true,"metadata":{}}]},)"
    R"("partition_columns":["name"],"properties":{"delta.appendOnly":"true"},"name":"t"})";
constexpr const char* kAppend =
    R"({"operation":"WRITE","transaction":{"app_id":"fuzz","version":1},"target_file_bytes":1024})";

lakeio_runtime* Runtime() {
  static lakeio_runtime* const kRuntime = [] {
    lakeio_runtime* runtime = nullptr;
    if (!lake::FromLakeio(lakeio_runtime_new("{}", nullptr, nullptr, &runtime)).ok()) std::abort();
    return runtime;
  }();
  return kRuntime;
}

// `request`, damaged, with the place that it may not leave.
std::string Damaged(const char* request, const std::string& url, FuzzBytes* input) {
  const std::size_t length = input->Number(1);
  const std::string text = lake::testing::Damage(request, FuzzBytes(input->Text(length)));
  json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return text;  // it names no place
  document["url"] = url;
  document.erase("storage_options");
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

// Two rows of the table that kCreate makes.
class TwoRows final : public data::BatchStream {
 public:
  const std::shared_ptr<const data::Schema>& schema() const override { return schema_; }
  base::Result<std::optional<data::Batch>> Next(const base::Context&) override {
    if (std::exchange(given_, true)) return std::optional<data::Batch>();
    data::BatchBuilder builder(schema_);
    for (const char* text : {"1", "2"}) {
      SPILLWAY_TRY(builder.AppendText(0, text));
      SPILLWAY_TRY(builder.AppendText(1, text));
      SPILLWAY_TRY(builder.FinishRow());
    }
    SPILLWAY_ASSIGN(data::Batch batch, builder.Finish());
    return std::optional<data::Batch>(std::move(batch));
  }

 private:
  const std::shared_ptr<const data::Schema> schema_ =
      std::make_shared<const data::Schema>(data::Schema{
          {{.name = "id", .type = data::ScalarType(data::TypeKind::kLong), .nullable = false},
           {.name = "name", .type = data::ScalarType(data::TypeKind::kString)}}});
  bool given_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzBytes input(base::testing::AsText(bytes, size));
  const std::string folder = (base::testing::FuzzFolder() / "written").string();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  char* answer = nullptr;
  base::Status status = lake::FromLakeio(
      lakeio_table_create(Runtime(), nullptr, Damaged(kCreate, folder, &input).c_str(), &answer));
  lake::testing::CountAnswer(status);
  lakeio_string_free(answer);
  if (!status.ok()) return 0;
  ArrowArrayStream rows{};
  data::ExportStream(std::make_unique<TwoRows>(), {}, &rows);
  answer = nullptr;
  status = lake::FromLakeio(lakeio_table_append(
      Runtime(), nullptr, Damaged(kAppend, folder, &input).c_str(), &rows, &answer));
  const lake::LakeioText owned(answer);
  lake::testing::CountAnswer(status);
  if (!status.ok()) return 0;
  const auto appended = lake::ParseAppended(answer);
  if (!appended.ok() || (!appended->already && appended->rows != 2)) std::abort();
  return 0;
}
