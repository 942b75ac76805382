#include "data/batch.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "data/builder.h"
#include "data/error_json.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Status;

std::shared_ptr<const Schema> Make(std::vector<Field> fields) {
  return std::make_shared<const Schema>(Schema{std::move(fields)});
}

Batch Build(const std::shared_ptr<const Schema>& schema,
            const std::vector<std::vector<std::string>>& rows) {
  BatchBuilder builder(schema);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      EXPECT_EQ(builder.AppendJson(i, row[i]).ToString(), "ok");
    }
    EXPECT_TRUE(builder.FinishRow().ok());
  }
  auto batch = builder.Finish();
  EXPECT_TRUE(batch.ok()) << batch.status().ToString();
  return *std::move(batch);
}

/// A struct array over borrowed buffers, for layouts that builders never make.
struct Borrowed {
  ArrowArray column{};
  ArrowArray table{};
  std::vector<const void*> buffers;
  const void* none = nullptr;
  ArrowArray* child = &column;

  Borrowed(std::int64_t length, std::int64_t offset, std::vector<const void*> column_buffers)
      : buffers(std::move(column_buffers)) {
    column.length = length;
    column.offset = offset;
    column.null_count = -1;
    column.n_buffers = static_cast<std::int64_t>(buffers.size());
    column.buffers = buffers.data();
    table.length = length;
    table.n_buffers = 1;
    table.buffers = &none;
    table.n_children = 1;
    table.children = &child;
    table.release = [](ArrowArray* array) { array->release = nullptr; };
  }
};

TEST(Batch, ReadsScalars) {
  const auto schema = Make({{.name = "i", .type = ScalarType(TypeKind::kInt)},
                            {.name = "d", .type = DecimalType(38, 2)},
                            {.name = "s", .type = ScalarType(TypeKind::kString)},
                            {.name = "b", .type = ScalarType(TypeKind::kBoolean)}});
  const Batch batch =
      Build(schema, {{"1", "\"-12345678901234567890123456789012345.67\"", "\"ä\"", "true"},
                     {"null", "0.05", "null", "false"}});
  ASSERT_EQ(batch.rows(), 2);
  EXPECT_EQ(batch.column(0).values<std::int32_t>()[0], 1);
  EXPECT_TRUE(batch.column(0).IsNull(1));
  EXPECT_EQ(static_cast<std::int64_t>(batch.column(1).decimal(0) % 1000), -567);
  EXPECT_EQ(static_cast<std::int64_t>(batch.column(1).decimal(1)), 5);
  EXPECT_FALSE(batch.column(1).may_have_nulls());
  EXPECT_EQ(batch.column(2).bytes(0), "ä");
  EXPECT_TRUE(batch.column(3).boolean(0));
  EXPECT_FALSE(batch.column(3).boolean(1));
  EXPECT_EQ(batch.byte_size(), (1 + 8) + 32 + (1 + 8 + 2) + 1);
}

TEST(Batch, ReadsNestedRowByRow) {
  const auto schema = Make(
      {{.name = "a", .type = ArrayType(ScalarType(TypeKind::kLong))},
       {.name = "m", .type = MapType(ScalarType(TypeKind::kString), ScalarType(TypeKind::kInt))},
       {.name = "s", .type = StructType({{.name = "x", .type = ScalarType(TypeKind::kDate)}})}});
  const Batch batch = Build(schema, {{"[1,null]", "[[\"k\",1]]", "{\"x\":\"1970-01-02\"}"},
                                     {"null", "[]", "null"},
                                     {"[3]", "[[\"a\",2],[\"b\",null]]", "{\"x\":null}"}});
  const ColumnView array = batch.column(0);
  EXPECT_EQ(array.elements(0).rows(), 2);
  EXPECT_TRUE(array.elements(0).IsNull(1));
  EXPECT_TRUE(array.IsNull(1));
  EXPECT_EQ(array.elements(2).values<std::int64_t>()[0], 3);
  const auto [keys, values] = batch.column(1).entries(2);
  EXPECT_EQ(keys.bytes(1), "b");
  EXPECT_TRUE(values.IsNull(1));
  EXPECT_EQ(values.values<std::int32_t>()[0], 2);
  EXPECT_EQ(batch.column(1).entries(1).first.rows(), 0);
  EXPECT_EQ(batch.column(2).field(0).values<std::int32_t>()[0], 1);
  EXPECT_TRUE(batch.column(2).IsNull(1));
  EXPECT_TRUE(batch.column(2).field(0).IsNull(2));
}

TEST(Batch, HonoursOffsetsOfTableAndColumns) {
  const auto schema = Make({{.name = "s", .type = ScalarType(TypeKind::kString)}});
  const std::int32_t offsets[] = {0, 1, 3, 6, 6};
  const std::uint8_t validity[] = {0b0111};
  Borrowed array(3, 1, {validity, offsets, "abbccc"});
  array.table.offset = 1;
  array.table.length = 2;
  const auto batch = Batch::Import(schema, array.table);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  const ColumnView view = batch->column(0);
  EXPECT_EQ(view.rows(), 2);
  EXPECT_EQ(view.bytes(0), "ccc");
  EXPECT_FALSE(view.IsNull(0));
  EXPECT_TRUE(view.IsNull(1));
  EXPECT_EQ(view.Slice(1, 1).bytes(0), "");
}

TEST(Batch, TakesArraysWithoutRowsAndBuffers) {
  const auto schema = Make({{.name = "s", .type = ScalarType(TypeKind::kString)}});
  Borrowed array(0, 0, {nullptr, nullptr, nullptr});
  const auto batch = Batch::Import(schema, array.table);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  EXPECT_EQ(batch->rows(), 0);
  EXPECT_EQ(batch->column(0).offsets()[0], 0);
  EXPECT_EQ(batch->byte_size(), 0);
}

TEST(Batch, VoidIsAlwaysNull) {
  const auto schema = Make({{.name = "v", .type = ScalarType(TypeKind::kVoid)}});
  Borrowed array(2, 0, {});
  const auto batch = Batch::Import(schema, array.table);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  EXPECT_TRUE(batch->column(0).IsNull(1));
  EXPECT_TRUE(batch->column(0).may_have_nulls());
}

TEST(Batch, RefusesWhatDoesNotFit) {
  const auto text = Make({{.name = "s", .type = ScalarType(TypeKind::kString)}});
  const auto number = Make({{.name = "s", .type = ScalarType(TypeKind::kLong)}});
  const std::int64_t values[] = {1, 2};
  const std::int32_t descending[] = {0, 5, -1};
  const auto refused = [](const std::shared_ptr<const Schema>& schema, Borrowed array) {
    array.child = &array.column;
    array.table.children = &array.child;
    array.table.buffers = &array.none;
    array.column.buffers = array.buffers.data();
    const auto batch = Batch::Import(schema, array.table);
    return !batch.ok() && batch.status().error_class() == ErrorClass::kInternal;
  };
  EXPECT_TRUE(refused(text, Borrowed(2, 0, {nullptr, values})));
  EXPECT_TRUE(refused(number, Borrowed(2, 0, {nullptr, nullptr})));
  EXPECT_TRUE(refused(text, Borrowed(2, 0, {nullptr, descending, "abcde"})));
  EXPECT_TRUE(refused(text, Borrowed(2, 0, {nullptr, nullptr, nullptr})));
  Borrowed is_short(1, 0, {nullptr, values});
  is_short.table.length = 2;
  EXPECT_TRUE(refused(number, is_short));
  Borrowed nulls(2, 0, {nullptr, values});
  nulls.column.null_count = 1;
  EXPECT_TRUE(refused(number, nulls));
  Borrowed released(2, 0, {nullptr, values});
  released.table.release = nullptr;
  EXPECT_TRUE(refused(number, released));
  EXPECT_FALSE(refused(number, Borrowed(2, 0, {nullptr, values})));
}

/// Gives the batches it was made with, then an error or the end.
class Canned final : public BatchStream {
 public:
  Canned(std::shared_ptr<const Schema> schema, int batches, Status error)
      : schema_(std::move(schema)), batches_(batches), error_(std::move(error)) {}
  const std::shared_ptr<const Schema>& schema() const override { return schema_; }
  base::Result<std::optional<Batch>> Next(const base::Context& context) override {
    SPILLWAY_TRY(context.Check());
    if (batches_-- > 0) return std::optional<Batch>(Build(schema_, {{"[1,2]"}, {"null"}}));
    if (!error_.ok()) return error_;
    return std::optional<Batch>();
  }

 private:
  std::shared_ptr<const Schema> schema_;
  int batches_;
  Status error_;
};

ArrowArrayStream Export(int batches, Status error, base::Context context = {}) {
  ArrowArrayStream stream{};
  const auto schema = Make({{.name = "a", .type = ArrayType(ScalarType(TypeKind::kLong))}});
  ExportStream(std::make_unique<Canned>(schema, batches, std::move(error)), std::move(context),
               &stream);
  return stream;
}

TEST(BatchStream, CrossesTheArrowInterface) {
  auto stream = ImportStream(Export(2, Status()));
  ASSERT_TRUE(stream.ok()) << stream.status().ToString();
  for (int i = 0; i < 2; ++i) {
    auto batch = (*stream)->Next({});
    ASSERT_TRUE(batch.ok() && *batch);
    EXPECT_EQ((**batch).column(0).elements(0).values<std::int64_t>()[1], 2);
  }
  for (int i = 0; i < 2; ++i) {
    auto batch = (*stream)->Next({});
    ASSERT_TRUE(batch.ok());
    EXPECT_FALSE(*batch);
  }
}

TEST(BatchStream, ErrorsKeepTheirClassAndEndTheStream) {
  auto stream = ImportStream(
      Export(1, Status(ErrorClass::kDataFileMissing, "gone").With("object", "s3://b/f")));
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE((*stream)->Next({}).ok());
  const auto error = (*stream)->Next({});
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.status().error_class(), ErrorClass::kDataFileMissing);
  EXPECT_EQ(error.status().message(), "gone");
  EXPECT_EQ(error.status().detail("object"), "s3://b/f");
}

TEST(BatchStream, StopsWhenAsked) {
  std::stop_source source;
  auto stream = ImportStream(Export(2, Status()));
  source.request_stop();
  const auto stopped = (*stream)->Next({{}, source.get_token()});
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.status().error_class(), ErrorClass::kCancelled);
  auto exported = ImportStream(Export(2, Status(), {{}, source.get_token()}));
  const auto within = (*exported)->Next({});
  ASSERT_FALSE(within.ok());
  EXPECT_EQ(within.status().error_class(), ErrorClass::kCancelled);
}

TEST(BatchStream, HoldsAStreamToItsPlannedSchema) {
  const auto same = Make({{.name = "a", .type = ArrayType(ScalarType(TypeKind::kLong), false)}});
  const auto other = Make({{.name = "a", .type = ArrayType(ScalarType(TypeKind::kInt))}});
  auto stream = ImportStream(Export(1, Status()), same);
  ASSERT_TRUE(stream.ok());
  EXPECT_EQ((*stream)->schema(), same);
  const auto refused = ImportStream(Export(1, Status()), other);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().error_class(), ErrorClass::kInternal);
}

}  // namespace
}  // namespace spillway::data
