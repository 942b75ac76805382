// Writes the sample Delta table of `make demo`: products with a history of three commits.
//   spillway-sample-table FOLDER
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "data/batch.h"
#include "data/builder.h"
#include "data/schema.h"
#include "lake/lake.h"

namespace {

using spillway::base::Context;
using spillway::base::Result;
using spillway::base::Status;
namespace data = spillway::data;
namespace lake = spillway::lake;

constexpr std::string_view kSchema = R"json({"type":"struct","fields":[
  {"name":"product_id","type":"long","nullable":false,"metadata":{}},
  {"name":"name","type":"string","nullable":true,"metadata":{}},
  {"name":"category","type":"string","nullable":true,"metadata":{}},
  {"name":"price","type":"decimal(10,2)","nullable":true,"metadata":{}},
  {"name":"tags","type":{"type":"array","elementType":"string","containsNull":true},
   "nullable":true,"metadata":{}},
  {"name":"in_stock","type":"boolean","nullable":true,"metadata":{}},
  {"name":"updated_at","type":"timestamp","nullable":true,"metadata":{}}]})json";

// 2026-01-01T00:00:00Z in microseconds.
constexpr std::int64_t kStart = 1767225600000000;

// The products with keys [first, last) as one batch.
class Products : public data::BatchStream {
 public:
  Products(std::shared_ptr<const data::Schema> schema, std::int64_t first, std::int64_t last)
      : schema_(std::move(schema)), next_(first), last_(last) {}

  const std::shared_ptr<const data::Schema>& schema() const override { return schema_; }

  Result<std::optional<data::Batch>> Next(const Context&) override {
    if (next_ == last_) return std::optional<data::Batch>();
    data::BatchBuilder builder(schema_);
    for (; next_ < last_; ++next_) SPILLWAY_TRY(AppendProduct(&builder));
    SPILLWAY_ASSIGN(data::Batch batch, builder.Finish());
    return std::optional<data::Batch>(std::move(batch));
  }

 private:
  Status AppendProduct(data::BatchBuilder* builder) {
    constexpr std::string_view kCategories[] = {"kitchen", "garden", "books", "tools"};
    const std::string id = std::to_string(next_);
    SPILLWAY_TRY(builder->AppendText(0, id));
    SPILLWAY_TRY(builder->AppendText(1, "Product " + id));
    SPILLWAY_TRY(builder->AppendText(2, kCategories[next_ % 4]));
    SPILLWAY_TRY(builder->AppendText(3, std::to_string(1 + next_ % 500) + ".99"));
    SPILLWAY_TRY(builder->AppendJson(4, next_ % 3 == 0 ? R"(["new","sale"])" : R"(["regular"])"));
    SPILLWAY_TRY(next_ % 10 == 0 ? builder->AppendNull(5)
                                 : builder->AppendText(5, next_ % 2 == 0 ? "true" : "false"));
    SPILLWAY_TRY(builder->AppendText(6, std::to_string(kStart + next_ * 1'000'000)));
    return builder->FinishRow();
  }

  std::shared_ptr<const data::Schema> schema_;
  std::int64_t next_;
  std::int64_t last_;
};

Status WriteSample(const std::string& folder) {
  SPILLWAY_ASSIGN(const auto delta, lake::OpenDeltaLake());
  const lake::Location location{folder, {}};
  lake::CreateSpec spec;
  SPILLWAY_ASSIGN(spec.schema, data::ParseDeltaSchema(kSchema));
  spec.name = "products";
  const Context context;
  SPILLWAY_TRY(delta->Create(context, location, spec));
  const auto schema = std::make_shared<const data::Schema>(spec.schema);
  for (const std::int64_t first : {0, 5000, 9000}) {
    const std::int64_t last = first == 0 ? 5000 : first == 5000 ? 9000 : 10000;
    SPILLWAY_TRY(delta
                     ->Append(context, location, std::make_unique<Products>(schema, first, last),
                              std::nullopt)
                     .status());
  }
  return Status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: spillway-sample-table FOLDER\n");
    return 2;
  }
  if (const Status status = WriteSample(argv[1]); !status.ok()) {
    std::fprintf(stderr, "spillway-sample-table: %s\n", status.ToString().c_str());
    return 1;
  }
  return 0;
}
