#include "data/builder.h"

#include <nanoarrow/nanoarrow.h>

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "data/value_parse.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

constexpr int kMaxDepth = 100;

/// JSON with the text of its numbers, which nlohmann's own value would round.
struct JsonText {
  enum class Kind : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  std::string text;               ///< of numbers, strings; "true", "false"
  std::vector<JsonText> items;    ///< of arrays and objects
  std::vector<std::string> keys;  ///< of objects, as many as items
};

/// Builds a JsonText from nlohmann's events.
class JsonTextReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonText root;

  bool null() override { return Add({}); }
  bool boolean(bool value) override {
    return Add({JsonText::Kind::kBoolean, value ? "true" : "false", {}, {}});
  }
  bool number_integer(number_integer_t value) override {
    return Add({JsonText::Kind::kNumber, std::to_string(value), {}, {}});
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Add({JsonText::Kind::kNumber, std::to_string(value), {}, {}});
  }
  bool number_float(number_float_t, const string_t& text) override {
    return Add({JsonText::Kind::kNumber, text, {}, {}});
  }
  bool string(string_t& text) override { return Add({JsonText::Kind::kString, text, {}, {}}); }
  bool binary(binary_t&) override { return false; }
  bool start_array(std::size_t) override { return Open(JsonText::Kind::kArray); }
  bool end_array() override { return Close(); }
  bool start_object(std::size_t) override { return Open(JsonText::Kind::kObject); }
  bool end_object() override { return Close(); }
  bool key(string_t& name) override {
    open_.back().keys.push_back(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool Open(JsonText::Kind kind) {
    open_.push_back({kind, {}, {}, {}});
    return open_.size() <= kMaxDepth;
  }
  bool Close() {
    JsonText done = std::move(open_.back());
    open_.pop_back();
    return Add(std::move(done));
  }
  bool Add(JsonText value) {
    if (open_.empty()) {
      root = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }
  std::vector<JsonText> open_;
};

Status NoValue(const Type& type, std::string_view text) {
  return Status(ErrorClass::kInvalidArgument, "a text is no value of type " + type.ToString() +
                                                  ": " + std::string(text.substr(0, 100)));
}

Status Built(int code) {
  return code == NANOARROW_OK ? Status()
                              : Status(ErrorClass::kInternal,
                                       "a batch cannot be built: errno " + std::to_string(code));
}

Status AppendInteger(const Type& type, std::string_view text, std::int64_t low, std::int64_t high,
                     ArrowArray* array) {
  const auto value = ParseInteger(text);
  if (!value || *value < low || *value > high) return NoValue(type, text);
  return Built(ArrowArrayAppendInt(array, *value));
}

template <typename T>
Status AppendSized(const Type& type, std::string_view text, ArrowArray* array) {
  return AppendInteger(type, text, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                       array);
}

Status AppendBytes(std::string_view bytes, ArrowArray* array) {
  return Built(
      ArrowArrayAppendBytes(array, {{bytes.data()}, static_cast<std::int64_t>(bytes.size())}));
}

Status AppendDecimal(const Type& type, std::string_view text, ArrowArray* array) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto digits = static_cast<std::int32_t>(text.size() - point) - (point < text.size());
  const auto value = ParseDecimal(text, type.precision, type.scale);
  if (!value || digits != type.scale) return NoValue(type, text);
  ArrowDecimal decimal;
  ArrowDecimalInit(&decimal, 128, type.precision, type.scale);
  std::memcpy(decimal.words, &*value, sizeof(*value));
  return Built(ArrowArrayAppendDecimal(array, &decimal));
}

Status AppendScalar(const Type& type, std::string_view text, ArrowArray* array) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      if (text != "true" && text != "false") return NoValue(type, text);
      return Built(ArrowArrayAppendInt(array, text == "true" ? 1 : 0));
    case TypeKind::kByte:
      return AppendSized<std::int8_t>(type, text, array);
    case TypeKind::kShort:
      return AppendSized<std::int16_t>(type, text, array);
    case TypeKind::kInt:
      return AppendSized<std::int32_t>(type, text, array);
    case TypeKind::kLong:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
    case TypeKind::kDayTimeInterval:
      return AppendSized<std::int64_t>(type, text, array);
    case TypeKind::kYearMonthInterval: {
      const auto months = ParseInteger(text);
      if (!months || *months < std::numeric_limits<std::int32_t>::min() ||
          *months > std::numeric_limits<std::int32_t>::max()) {
        return NoValue(type, text);
      }
      ArrowInterval interval;
      ArrowIntervalInit(&interval, NANOARROW_TYPE_INTERVAL_MONTHS);
      interval.months = static_cast<std::int32_t>(*months);
      return Built(ArrowArrayAppendInterval(array, &interval));
    }
    case TypeKind::kFloat: {
      const auto value = ParseFloat(text);
      if (!value) return NoValue(type, text);
      return Built(ArrowArrayAppendDouble(array, static_cast<double>(*value)));
    }
    case TypeKind::kDouble: {
      const auto value = ParseDouble(text);
      if (!value) return NoValue(type, text);
      return Built(ArrowArrayAppendDouble(array, *value));
    }
    case TypeKind::kDecimal:
      return AppendDecimal(type, text, array);
    case TypeKind::kString:
    case TypeKind::kBinary:
      return AppendBytes(text, array);
    case TypeKind::kVariant:
      if (!nlohmann::json::accept(text)) return NoValue(type, text);
      return AppendBytes(text, array);
    case TypeKind::kDate: {
      const auto days = ParseDate(text);
      if (!days) return NoValue(type, text);
      return Built(ArrowArrayAppendInt(array, *days));
    }
    case TypeKind::kVoid:
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return NoValue(type, text);
  }
  return Status();
}

/// Text of a JSON value of which only the meaning counts (variants).
nlohmann::json Plain(const JsonText& value) {
  switch (value.kind) {
    case JsonText::Kind::kNull:
      return nullptr;
    case JsonText::Kind::kBoolean:
      return value.text == "true";
    case JsonText::Kind::kString:
      return value.text;
    case JsonText::Kind::kNumber:
    case JsonText::Kind::kArray:
    case JsonText::Kind::kObject:
      break;
  }
  return nullptr;
}

void FormatJsonText(const JsonText& value, std::string* out) {
  if (value.kind == JsonText::Kind::kArray || value.kind == JsonText::Kind::kObject) {
    const bool is_array = value.kind == JsonText::Kind::kArray;
    out->push_back(is_array ? '[' : '{');
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (i > 0) out->push_back(',');
      if (!is_array) out->append(nlohmann::json(value.keys[i]).dump()).push_back(':');
      FormatJsonText(value.items[i], out);
    }
    out->push_back(is_array ? ']' : '}');
  } else if (value.kind == JsonText::Kind::kNumber) {
    out->append(value.text);
  } else {
    out->append(Plain(value).dump());
  }
}

Status AppendJsonValue(const Type& type, const JsonText& value, ArrowArray* array);

Status AppendStruct(const Type& type, const JsonText& value, ArrowArray* array) {
  if (value.kind != JsonText::Kind::kObject || value.items.size() != type.children.size()) {
    return NoValue(type, "not an object of its fields");
  }
  for (std::size_t i = 0; i < type.children.size(); ++i) {
    const auto found = std::find(value.keys.begin(), value.keys.end(), type.children[i].name);
    if (found == value.keys.end()) return NoValue(type, "no field " + type.children[i].name);
    const auto index = static_cast<std::size_t>(found - value.keys.begin());
    SPILLWAY_TRY(AppendJsonValue(type.children[i].type, value.items[index], array->children[i]));
  }
  return Built(ArrowArrayFinishElement(array));
}

Status AppendMap(const Type& type, const JsonText& value, ArrowArray* array) {
  ArrowArray* const entries = array->children[0];
  for (const JsonText& pair : value.items) {
    if (pair.kind != JsonText::Kind::kArray || pair.items.size() != 2) {
      return NoValue(type, "an entry is no [key, value]");
    }
    for (std::size_t i = 0; i < 2; ++i) {
      SPILLWAY_TRY(AppendJsonValue(type.children[i].type, pair.items[i], entries->children[i]));
    }
    SPILLWAY_TRY(Built(ArrowArrayFinishElement(entries)));
  }
  return Built(ArrowArrayFinishElement(array));
}

Status AppendJsonValue(const Type& type, const JsonText& value, ArrowArray* array) {
  if (type.kind == TypeKind::kVariant) {
    std::string text;
    FormatJsonText(value, &text);
    return AppendBytes(text, array);
  }
  if (value.kind == JsonText::Kind::kNull) return Built(ArrowArrayAppendNull(array, 1));
  if (type.kind == TypeKind::kStruct) return AppendStruct(type, value, array);
  if (type.is_nested()) {
    if (value.kind != JsonText::Kind::kArray) return NoValue(type, "not an array");
    if (type.kind == TypeKind::kMap) return AppendMap(type, value, array);
    for (const JsonText& item : value.items) {
      SPILLWAY_TRY(AppendJsonValue(type.children[0].type, item, array->children[0]));
    }
    return Built(ArrowArrayFinishElement(array));
  }
  if (value.kind == JsonText::Kind::kArray || value.kind == JsonText::Kind::kObject) {
    return NoValue(type, "an array or object");
  }
  if (type.kind == TypeKind::kBinary) {
    const auto bytes = ParseHex(value.text);
    if (!bytes) return NoValue(type, value.text);
    return AppendBytes(*bytes, array);
  }
  if (type.kind == TypeKind::kString && value.kind != JsonText::Kind::kString) {
    return NoValue(type, value.text);
  }
  return AppendScalar(type, value.text, array);
}

}  // namespace

struct BatchBuilder::Impl {
  std::shared_ptr<const Schema> schema;  // shared with the batches made
  ArrowArray array{};
  Status status;  ///< of the building; after a failure nothing can be added

  ~Impl() {
    if (array.release != nullptr) array.release(&array);
  }

  void Start() {
    ArrowSchema arrow{};
    status = SchemaToArrow(*schema, &arrow);
    if (!status.ok()) return;
    status = Built(ArrowArrayInitFromSchema(&array, &arrow, nullptr));
    arrow.release(&arrow);
    if (status.ok()) status = Built(ArrowArrayStartAppending(&array));
  }

  Status Keep(Status outcome) {
    if (!outcome.ok()) status = outcome;
    return outcome;
  }

  /// The array of `column` when it can take a value for the present row.
  Result<ArrowArray*> Open(std::size_t column) {
    if (!status.ok()) return status;
    if (column >= schema->fields.size()) {
      return Status(ErrorClass::kInvalidArgument, "there is no column " + std::to_string(column));
    }
    if (array.children[column]->length != array.length) {
      return Keep(Status(ErrorClass::kInvalidArgument,
                         "a row has two values for column " + schema->fields[column].name));
    }
    return array.children[column];
  }
};

BatchBuilder::BatchBuilder(std::shared_ptr<const Schema> schema) : impl_(std::make_unique<Impl>()) {
  impl_->schema = std::move(schema);
  impl_->Start();
}
BatchBuilder::~BatchBuilder() = default;
BatchBuilder::BatchBuilder(BatchBuilder&&) noexcept = default;
BatchBuilder& BatchBuilder::operator=(BatchBuilder&&) noexcept = default;

Status BatchBuilder::AppendText(std::size_t column, std::string_view text) {
  SPILLWAY_ASSIGN(ArrowArray* const array, impl_->Open(column));
  return impl_->Keep(AppendScalar(impl_->schema->fields[column].type, text, array));
}

Status BatchBuilder::AppendNull(std::size_t column) {
  SPILLWAY_ASSIGN(ArrowArray* const array, impl_->Open(column));
  return impl_->Keep(Built(ArrowArrayAppendNull(array, 1)));
}

Status BatchBuilder::AppendJson(std::size_t column, std::string_view json) {
  SPILLWAY_ASSIGN(ArrowArray* const array, impl_->Open(column));
  JsonTextReader reader;
  if (!nlohmann::json::sax_parse(json, &reader)) {
    return impl_->Keep(Status(ErrorClass::kInvalidArgument,
                              "a text is no JSON: " + std::string(json.substr(0, 100))));
  }
  return impl_->Keep(AppendJsonValue(impl_->schema->fields[column].type, reader.root, array));
}

Status BatchBuilder::FinishRow() {
  SPILLWAY_TRY(Status(impl_->status));
  for (std::size_t i = 0; i < impl_->schema->fields.size(); ++i) {
    if (impl_->array.children[i]->length != impl_->array.length + 1) {
      return impl_->Keep(Status(ErrorClass::kInvalidArgument,
                                "a row has no value for column " + impl_->schema->fields[i].name));
    }
  }
  return impl_->Keep(Built(ArrowArrayFinishElement(&impl_->array)));
}

std::int64_t BatchBuilder::rows() const { return impl_->array.length; }

Result<Batch> BatchBuilder::Finish() {
  SPILLWAY_TRY(Status(impl_->status));
  for (std::size_t i = 0; i < impl_->schema->fields.size(); ++i) {
    if (impl_->array.children[i]->length != impl_->array.length) {
      return Status(ErrorClass::kInvalidArgument, "the last row is not finished");
    }
  }
  SPILLWAY_TRY(Built(ArrowArrayFinishBuildingDefault(&impl_->array, nullptr)));
  const ArrowArray built = impl_->array;
  impl_->array = ArrowArray{};
  impl_->Start();
  return Batch::Import(impl_->schema, built);
}

}  // namespace spillway::data
