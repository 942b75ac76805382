#include "data/batch.h"

#include <cerrno>
#include <string>

#include "data/error_json.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

Status Misfit(const std::string& path, const std::string& reason) {
  return Status(ErrorClass::kInternal,
                "an Arrow array does not fit its schema: " + path + ": " + reason)
      .With("column", path);
}

/// How an array of one type must look: its own buffers (validity included) and children.
struct Shape {
  std::int64_t buffers = 2;
  std::size_t children = 0;
  std::int64_t value_bits = 0;  ///< of fixed-width values; 0: none
  bool offsets = false;
};

Result<Shape> ShapeOf(const Type& type, const std::string& path) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return Shape{.value_bits = 1};
    case TypeKind::kByte:
      return Shape{.value_bits = 8};
    case TypeKind::kShort:
      return Shape{.value_bits = 16};
    case TypeKind::kInt:
    case TypeKind::kFloat:
    case TypeKind::kDate:
    case TypeKind::kYearMonthInterval:
      return Shape{.value_bits = 32};
    case TypeKind::kLong:
    case TypeKind::kDouble:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kDayTimeInterval:
      return Shape{.value_bits = 64};
    case TypeKind::kDecimal:
      return Shape{.value_bits = 128};
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kVariant:
      return Shape{.buffers = 3, .offsets = true};
    case TypeKind::kArray:
    case TypeKind::kMap:
      return Shape{.children = 1, .offsets = true};
    case TypeKind::kStruct:
      return Shape{.buffers = 1, .children = type.children.size()};
    case TypeKind::kVoid:
      return Shape{.buffers = 0};
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      break;
  }
  return Misfit(path, "no Arrow form of " + type.ToString() + " is known");
}

Status CheckArray(const Type& type, const ArrowArray& array, std::int64_t rows,
                  const std::string& path);

Status CheckChild(const Type& type, const ArrowArray& parent, std::size_t index, std::int64_t rows,
                  const std::string& path) {
  if (parent.children == nullptr || parent.children[index] == nullptr) {
    return Misfit(path, "the array is missing");
  }
  return CheckArray(type, *parent.children[index], rows, path);
}

/// Checks an array that must hold at least `rows` rows, counts and pointers only: values are the
/// producer's to vouch for, as the C data interface has no buffer lengths.
Status CheckArray(const Type& type, const ArrowArray& array, std::int64_t rows,
                  const std::string& path) {
  SPILLWAY_ASSIGN(const Shape shape, ShapeOf(type, path));
  if (array.length < 0 || array.offset < 0) return Misfit(path, "negative length or offset");
  if (array.length < rows) {
    return Misfit(
        path, std::to_string(array.length) + " rows, expected at least " + std::to_string(rows));
  }
  if (array.dictionary != nullptr) return Misfit(path, "dictionary encoding");
  if (array.n_buffers != shape.buffers) {
    return Misfit(path, std::to_string(array.n_buffers) + " buffers, expected " +
                            std::to_string(shape.buffers));
  }
  if (static_cast<std::size_t>(array.n_children) != shape.children) {
    return Misfit(path, std::to_string(array.n_children) + " children, expected " +
                            std::to_string(shape.children));
  }
  if (shape.buffers > 0 && array.buffers == nullptr) return Misfit(path, "no buffers");
  const std::int64_t end = array.offset + array.length;
  if (shape.value_bits > 0 && array.length > 0 && array.buffers[1] == nullptr) {
    return Misfit(path, "no values");
  }
  if (array.null_count > 0 && shape.buffers > 0 && array.buffers[0] == nullptr) {
    return Misfit(path, "NULLs without a validity bitmap");
  }
  std::int64_t bound = 0;
  if (shape.offsets && array.length > 0) {
    const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
    if (offsets == nullptr) return Misfit(path, "no offsets");
    bound = offsets[end];
    if (offsets[array.offset] < 0 || bound < offsets[array.offset]) {
      return Misfit(path, "offsets descend");
    }
    if (shape.buffers == 3 && bound > 0 && array.buffers[2] == nullptr) {
      return Misfit(path, "no bytes");
    }
  }
  switch (type.kind) {
    case TypeKind::kStruct:
      for (std::size_t i = 0; i < type.children.size(); ++i) {
        SPILLWAY_TRY(
            CheckChild(type.children[i].type, array, i, end, path + "." + type.children[i].name));
      }
      return Status();
    case TypeKind::kArray:
      return CheckChild(type.children[0].type, array, 0, bound, path + ".element");
    case TypeKind::kMap: {
      return CheckChild(StructType(type.children), array, 0, bound, path);
    }
    case TypeKind::kBoolean:
    case TypeKind::kByte:
    case TypeKind::kShort:
    case TypeKind::kInt:
    case TypeKind::kLong:
    case TypeKind::kFloat:
    case TypeKind::kDouble:
    case TypeKind::kDecimal:
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kVariant:
    case TypeKind::kYearMonthInterval:
    case TypeKind::kDayTimeInterval:
    case TypeKind::kVoid:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return Status();
  }
  return Status();
}

bool HasNullRow(const ArrowArray& array) {
  if (array.null_count == 0 || array.buffers[0] == nullptr) return false;
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  for (std::int64_t i = array.offset; i < array.offset + array.length; ++i) {
    if (((bits[i >> 3] >> (i & 7)) & 1) == 0) return true;
  }
  return false;
}

Status CheckTable(const Schema& schema, const ArrowArray& array) {
  if (array.release == nullptr) return Misfit("table", "released");
  if (static_cast<std::size_t>(array.n_children) != schema.fields.size()) {
    return Misfit("table", std::to_string(array.n_children) + " columns, expected " +
                               std::to_string(schema.fields.size()));
  }
  if (array.n_buffers != 1 || array.buffers == nullptr || array.length < 0 || array.offset < 0) {
    return Misfit("table", "it is no struct array");
  }
  if (HasNullRow(array)) return Misfit("table", "a row is NULL");
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    SPILLWAY_TRY(CheckChild(schema.fields[i].type, array, i, array.offset + array.length,
                            schema.fields[i].name));
  }
  return Status();
}

std::int64_t SizeOf(const ColumnView& view) {
  const std::int64_t rows = view.rows();
  if (rows == 0) return 0;
  std::int64_t size = view.validity() == nullptr ? 0 : (rows + 7) / 8;
  switch (view.type().kind) {
    case TypeKind::kBoolean:
      return size + (rows + 7) / 8;
    case TypeKind::kByte:
      return size + rows;
    case TypeKind::kShort:
      return size + 2 * rows;
    case TypeKind::kInt:
    case TypeKind::kFloat:
    case TypeKind::kDate:
    case TypeKind::kYearMonthInterval:
      return size + 4 * rows;
    case TypeKind::kLong:
    case TypeKind::kDouble:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kDayTimeInterval:
      return size + 8 * rows;
    case TypeKind::kDecimal:
      return size + 16 * rows;
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kVariant:
      return size + 4 * rows + view.offsets()[rows] - view.offsets()[0];
    case TypeKind::kArray:
      return size + 4 * rows +
             SizeOf(view.all_elements().Slice(view.offsets()[0],
                                              view.offsets()[rows] - view.offsets()[0]));
    case TypeKind::kMap: {
      const auto [keys, values] = view.all_entries();
      const std::int64_t first = view.offsets()[0];
      const std::int64_t length = view.offsets()[rows] - first;
      return size + 4 * rows + SizeOf(keys.Slice(first, length)) +
             SizeOf(values.Slice(first, length));
    }
    case TypeKind::kStruct:
      for (std::size_t i = 0; i < view.type().children.size(); ++i) size += SizeOf(view.field(i));
      return size;
    case TypeKind::kVoid:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return 0;
  }
  return size;
}

bool SameLayout(const std::vector<Field>& a, const std::vector<Field>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || a[i].type.kind != b[i].type.kind ||
        a[i].type.precision != b[i].type.precision || a[i].type.scale != b[i].type.scale ||
        !SameLayout(a[i].type.children, b[i].type.children)) {
      return false;
    }
  }
  return true;
}

/// Owns an Arrow stream.
class ImportedStream final : public BatchStream {
 public:
  explicit ImportedStream(ArrowArrayStream stream) : stream_(stream) {}
  ImportedStream(const ImportedStream&) = delete;
  ImportedStream& operator=(const ImportedStream&) = delete;
  ~ImportedStream() override { Close(); }

  Status Open(std::shared_ptr<const Schema> expected) {
    ArrowSchema arrow{};
    if (const int code = stream_.get_schema(&stream_, &arrow); code != 0) return Error(code);
    auto own = SchemaFromArrow(arrow);
    if (arrow.release != nullptr) arrow.release(&arrow);
    if (!own.ok()) return std::move(own).status();
    if (expected != nullptr) {
      if (!SameLayout(own->fields, expected->fields)) {
        return Status(ErrorClass::kInternal, "a stream of rows has another schema than planned: " +
                                                 StructType(own->fields).ToString() +
                                                 ", expected " +
                                                 StructType(expected->fields).ToString());
      }
      schema_ = std::move(expected);
    } else {
      schema_ = std::make_shared<const Schema>(*std::move(own));
    }
    return Status();
  }

  const std::shared_ptr<const Schema>& schema() const override { return schema_; }

  Result<std::optional<Batch>> Next(const base::Context& context) override {
    if (stream_.release == nullptr) return std::optional<Batch>();
    if (Status status = context.Check(); !status.ok()) {
      Close();
      return status;
    }
    ArrowArray array{};
    if (const int code = stream_.get_next(&stream_, &array); code != 0) {
      Status error = Error(code);
      Close();
      return error;
    }
    if (array.release == nullptr) {
      Close();
      return std::optional<Batch>();
    }
    auto batch = Batch::Import(schema_, array);
    if (!batch.ok()) {
      Close();
      return std::move(batch).status();
    }
    return std::optional<Batch>(*std::move(batch));
  }

 private:
  Status Error(int code) {
    const char* text = stream_.get_last_error(&stream_);
    if (text != nullptr) return ParseErrorJson(text);
    return Status(ErrorClass::kInternal,
                  "an Arrow stream failed without a word: errno " + std::to_string(code));
  }
  void Close() {
    if (stream_.release != nullptr) stream_.release(&stream_);
    stream_.release = nullptr;
  }

  ArrowArrayStream stream_;
  std::shared_ptr<const Schema> schema_;  // shared with the batches, which may outlive the stream
};

/// What stands behind an exported stream.
struct Exported {
  std::unique_ptr<BatchStream> batches;
  base::Context context;
  std::string last_error;
  bool failed = false;

  int Fail(const Status& error) {
    failed = true;
    last_error = FormatErrorJson(error);
    return EIO;
  }
};

Exported& Behind(ArrowArrayStream* stream) { return *static_cast<Exported*>(stream->private_data); }

int ExportedSchema(ArrowArrayStream* stream, ArrowSchema* out) {
  Exported& exported = Behind(stream);
  const Status status = SchemaToArrow(*exported.batches->schema(), out);
  return status.ok() ? 0 : exported.Fail(status);
}

int ExportedNext(ArrowArrayStream* stream, ArrowArray* out) {
  Exported& exported = Behind(stream);
  if (exported.failed) return EIO;
  try {
    auto next = exported.batches->Next(exported.context);
    if (!next.ok()) return exported.Fail(next.status());
    *out = *next ? std::move(**next).Release() : ArrowArray{};
    return 0;
  } catch (const std::exception& error) {  // the caller may be of another language
    return exported.Fail(
        Status(ErrorClass::kInternal,
               std::string("a stream of rows ended in an exception: ") + error.what()));
  }
}

const char* ExportedError(ArrowArrayStream* stream) {
  const Exported& exported = Behind(stream);
  return exported.last_error.empty() ? nullptr : exported.last_error.c_str();
}

void ExportedRelease(ArrowArrayStream* stream) {
  delete static_cast<Exported*>(stream->private_data);
  stream->release = nullptr;
  stream->private_data = nullptr;
}

}  // namespace

Result<Batch> Batch::Import(std::shared_ptr<const Schema> schema, ArrowArray array) {
  Status status = CheckTable(*schema, array);
  Batch batch(std::move(schema), array);  // releases it when the check failed
  if (!status.ok()) return status;
  return batch;
}

Batch::Batch(std::shared_ptr<const Schema> schema, ArrowArray array)
    : schema_(std::move(schema)), array_(array) {}

Batch::Batch(Batch&& other) noexcept : schema_(std::move(other.schema_)), array_(other.array_) {
  other.array_ = ArrowArray{};
}

Batch& Batch::operator=(Batch&& other) noexcept {
  if (this != &other) {
    if (array_.release != nullptr) array_.release(&array_);
    schema_ = std::move(other.schema_);
    array_ = other.array_;
    other.array_ = ArrowArray{};
  }
  return *this;
}

Batch::~Batch() {
  if (array_.release != nullptr) array_.release(&array_);
}

ColumnView Batch::column(std::size_t index) const {
  return {schema_->fields[index].type, *array_.children[index], array_.offset, array_.length};
}

std::int64_t Batch::byte_size() const {
  std::int64_t size = 0;
  for (std::size_t i = 0; i < column_count(); ++i) size += SizeOf(column(i));
  return size;
}

Batch Batch::First(std::int64_t count) && {
  // A struct array may be shorter than its children.
  array_.length = count;
  if (array_.null_count > 0) array_.null_count = -1;
  return std::move(*this);
}

ArrowArray Batch::Release() && {
  const ArrowArray array = array_;
  array_ = ArrowArray{};
  return array;
}

Result<std::unique_ptr<BatchStream>> ImportStream(ArrowArrayStream stream,
                                                  std::shared_ptr<const Schema> schema) {
  auto imported = std::make_unique<ImportedStream>(stream);
  SPILLWAY_TRY(imported->Open(std::move(schema)));
  return std::unique_ptr<BatchStream>(std::move(imported));
}

void ExportStream(std::unique_ptr<BatchStream> batches, base::Context context,
                  ArrowArrayStream* out) {
  *out = ArrowArrayStream{
      .get_schema = ExportedSchema,
      .get_next = ExportedNext,
      .get_last_error = ExportedError,
      .release = ExportedRelease,
      .private_data = new Exported{
          .batches = std::move(batches), .context = std::move(context), .last_error = {}}};
}

}  // namespace spillway::data
