#ifndef SPILLWAY_DATA_TESTING_ROWS_H_
#define SPILLWAY_DATA_TESTING_ROWS_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/batch.h"
#include "data/batch_writer.h"
#include "data/builder.h"

/// Rows for tests: written as JSON, read as batches.
namespace spillway::data::testing {

/// A row's values as BatchBuilder::AppendJson takes them; the text NULL is NULL.
using Rows = std::vector<std::vector<std::string>>;

inline std::shared_ptr<const Schema> MakeSchema(std::vector<Field> fields) {
  return std::make_shared<const Schema>(Schema{std::move(fields)});
}

inline Batch MakeBatch(const std::shared_ptr<const Schema>& schema, const Rows& rows) {
  BatchBuilder builder(schema);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const base::Status status =
          row[i] == "NULL" ? builder.AppendNull(i) : builder.AppendJson(i, row[i]);
      EXPECT_EQ(status.ToString(), "ok") << row[i];
    }
    EXPECT_EQ(builder.FinishRow().ToString(), "ok");
  }
  auto batch = builder.Finish();
  EXPECT_TRUE(batch.ok()) << batch.status().ToString();
  return *std::move(batch);
}

/// Batches that are there already, then an error or the end.
class GivenBatches final : public BatchStream {
 public:
  GivenBatches(std::shared_ptr<const Schema> schema, std::vector<Batch> batches,
               base::Status end = {})
      : schema_(std::move(schema)), batches_(std::move(batches)), end_(std::move(end)) {}
  const std::shared_ptr<const Schema>& schema() const override { return schema_; }
  base::Result<std::optional<Batch>> Next(const base::Context& context) override {
    SPILLWAY_TRY(context.Check());
    if (next_ < batches_.size()) return std::optional<Batch>(std::move(batches_[next_++]));
    if (!end_.ok()) return end_;
    return std::optional<Batch>();
  }

 private:
  std::shared_ptr<const Schema> schema_;
  std::vector<Batch> batches_;
  std::size_t next_ = 0;
  base::Status end_;
};

/// A stream of one batch of `rows` (none: no batch), then `end`.
inline std::unique_ptr<BatchStream> MakeStream(const Schema& schema, const Rows& rows,
                                               base::Status end = {}) {
  const auto shared = std::make_shared<const Schema>(schema);
  std::vector<Batch> batches;
  if (!rows.empty()) batches.push_back(MakeBatch(shared, rows));
  return std::make_unique<GivenBatches>(shared, std::move(batches), std::move(end));
}

/// A sink that keeps the text.
inline TextSink CollectInto(std::string* out) {
  return [out](std::string_view text) {
    out->append(text);
    return base::Status();
  };
}

/// All that a writer made by `make(schema, sink)` gives for `rows`.
template <typename Make>
std::string TextOf(const Make& make, const std::shared_ptr<const Schema>& schema,
                   const Rows& rows) {
  std::string out;
  auto writer = make(schema, CollectInto(&out));
  EXPECT_TRUE(writer.ok()) << writer.status().ToString();
  EXPECT_EQ((*writer)->Write(MakeBatch(schema, rows)).ToString(), "ok");
  EXPECT_EQ((*writer)->Finish().ToString(), "ok");
  return out;
}

}  // namespace spillway::data::testing

#endif  // SPILLWAY_DATA_TESTING_ROWS_H_
