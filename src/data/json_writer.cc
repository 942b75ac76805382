#include "data/json_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "data/utf8.h"
#include "data/value_text.h"

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

/// Bytes being written, with room asked for ahead of each value.
class Buffer {
 public:
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin()); }
  char* begin() const { return bytes_.get(); }
  void Clear() { at_ = bytes_.get(); }
  /// A place for `count` bytes; what is used of it is told by Advance.
  char* Room(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) < count) Grow(count);
    return at_;
  }
  void Advance(char* end) { at_ = end; }
  void Put(char c) {
    *Room(1) = c;
    ++at_;
  }
  void Put(std::string_view text) {
    char* const room = Room(text.size());
    std::memcpy(room, text.data(), text.size());
    at_ = room + text.size();
  }

 private:
  void Grow(std::size_t count) {
    const std::size_t used = size();
    const std::size_t capacity = std::max<std::size_t>(
        std::max<std::size_t>(256, used + count), 2 * static_cast<std::size_t>(end_ - begin()));
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (used > 0) std::memcpy(larger.get(), bytes_.get(), used);
    bytes_ = std::move(larger);
    at_ = bytes_.get() + used;
    end_ = bytes_.get() + capacity;
  }
  std::unique_ptr<char[]> bytes_;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

/// What a byte of a string needs: 0 copied, 1 the start of a longer sequence, else the letter after
/// the backslash ('u' for \u00XX).
constexpr std::array<unsigned char, 256> MakeEscapes() {
  std::array<unsigned char, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = 'u';
  for (std::size_t c = 0x80; c < 0x100; ++c) table[c] = 1;
  table['"'] = '"';
  table['\\'] = '\\';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  return table;
}
constexpr std::array<unsigned char, 256> kEscapes = MakeEscapes();

/// True when none of eight bytes needs more than copying.
bool IsPlain(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const auto has_zero = [](std::uint64_t x) { return (x - kOnes) & ~x & kHigh; };
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHigh;
  return ((word & kHigh) | below_space | has_zero(word ^ (kOnes * '"')) |
          has_zero(word ^ (kOnes * '\\'))) == 0;
}

/// Bytes that `text` may take between quotes: exact for long texts, a bound for short ones.
std::size_t QuotedRoom(std::string_view text) {
  constexpr std::size_t kLong = 4096;
  if (text.size() < kLong) return 6 * text.size() + 2;
  std::size_t room = text.size() + 2;
  for (const char c : text) {
    const unsigned char escape = kEscapes[static_cast<unsigned char>(c)];
    room += escape <= 1 ? 0 : escape == 'u' ? 5 : 1;
  }
  return room;
}

/// Writes `text` between quotes at `out`, which has room for QuotedRoom bytes. Returns the end,
/// or nullptr at invalid UTF-8, or at a NUL when `refuse_nul`.
char* WriteString(std::string_view text, bool refuse_nul, char* out) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  *out++ = '"';
  while (at < end) {
    while (end - at >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      if (!IsPlain(word)) break;
      std::memcpy(out, at, 8);
      at += 8;
      out += 8;
    }
    if (at == end) break;
    const unsigned char escape = kEscapes[*at];
    if (escape == 0) {
      *out++ = static_cast<char>(*at++);
    } else if (escape == 1) {
      const std::size_t length = Utf8SequenceLength(at, end);
      if (length == 0) return nullptr;
      std::memcpy(out, at, length);
      at += length;
      out += length;
    } else {
      if (*at == 0 && refuse_nul) return nullptr;
      *out++ = '\\';
      *out++ = static_cast<char>(escape);
      if (escape == 'u') {
        *out++ = '0';
        *out++ = '0';
        *out++ = static_cast<char>('0' + (*at >> 4));
        *out++ = "0123456789abcdef"[*at & 15];
      }
      ++at;
    }
  }
  *out++ = '"';
  return out;
}

/// Whether JSON text holds the escape of U+0000 (an even run of backslashes before \u0000 is none).
bool HasEscapedNul(std::string_view json) {
  for (std::size_t at = json.find('\\'); at != std::string_view::npos && at + 1 < json.size();
       at = json.find('\\', at + 2)) {
    if (json.substr(at + 1, 5) == "u0000") return true;
  }
  return false;
}

std::string_view NonFiniteWord(double value) {
  return std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
}

/// The NaN or infinity that `text` begins with; "" when it begins with neither.
std::string_view NonFinitePrefix(std::string_view text) {
  for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
    if (text.starts_with(word)) return word;
  }
  return "";
}

/// Where in JSON text the first NaN or infinity outside of strings is; its end when there is none.
/// REQUIRES: it does not begin inside of a string.
std::size_t FindNonFinite(std::string_view json) {
  bool in_string = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    if (json[at] == '"') in_string = !in_string;
    if (in_string && json[at] == '\\') ++at;
    if (!in_string && !NonFinitePrefix(json.substr(at)).empty()) return at;
  }
  return json.size();
}

/// One level of the type, bound to a column.
struct Node {
  const Type* type = nullptr;
  std::string path;
  std::string label;  ///< of a struct's field: ,"name":
  std::vector<Node> children;
  std::optional<ColumnView> view;
};

Status Refuse(ErrorClass error_class, const JsonOptions& options, const std::string& path,
              std::string_view reason) {
  std::string where = options.column;
  if (!path.empty()) where += where.empty() ? path : "." + path;
  return Status(error_class,
                "a value has no JSON form: column " + where + ": " + std::string(reason))
      .With("column", options.column)
      .With("path", path)
      .With("reason", reason);
}

Result<Node> Compile(const Type& type, const JsonOptions& options, std::string path) {
  if (type.kind == TypeKind::kGeometry || type.kind == TypeKind::kGeography) {
    return Status(ErrorClass::kUnsupportedColumnType,
                  "type " + type.ToString() + " has no JSON form: column " + options.column)
        .With("column", options.column)
        .With("path", path);
  }
  Node node{.type = &type, .path = std::move(path), .label = {}, .children = {}, .view = {}};
  for (const Field& child : type.children) {
    SPILLWAY_ASSIGN(Node compiled,
                    Compile(child.type, options,
                            node.path.empty() ? child.name : node.path + "." + child.name));
    if (type.kind == TypeKind::kStruct) {
      compiled.label = node.children.empty() ? "" : ",";
      AppendJsonString(child.name, &compiled.label);
      compiled.label.push_back(':');
    }
    node.children.push_back(std::move(compiled));
  }
  return node;
}

void BindNode(const ColumnView& view, Node* node) {
  node->view = view;
  if (node->type->kind == TypeKind::kStruct) {
    for (std::size_t i = 0; i < node->children.size(); ++i) {
      BindNode(view.field(i), &node->children[i]);
    }
  } else if (node->type->kind == TypeKind::kArray) {
    BindNode(view.all_elements(), &node->children[0]);
  } else if (node->type->kind == TypeKind::kMap) {
    const auto [keys, values] = view.all_entries();
    BindNode(keys, &node->children[0]);
    BindNode(values, &node->children[1]);
  }
}

}  // namespace

struct JsonWriter::Impl {
  Type type;
  JsonOptions options;
  Node root;
  Buffer buffer;
  Buffer key_json;  ///< JSON of a nested map key, before it is quoted
  std::vector<std::pair<std::size_t, std::size_t>> keys;  ///< bounds in `buffer`, a stack of maps

  Status Write(const Node& node, std::int64_t row, Buffer* out);
  Status WriteScalar(const Node& node, std::int64_t row, Buffer* out);
  Status WriteMap(const Node& node, std::int64_t row, Buffer* out);
  Status WriteKey(const Node& node, std::int64_t row, Buffer* out);
  Status WriteStringValue(const Node& node, std::string_view text, bool key, Buffer* out);
  /// JSON text in which NaN and infinities stand bare.
  Status WriteVariant(const Node& node, std::string_view json, Buffer* out);
  /// Invalid UTF-8 as its bytes.
  static void WriteMarked(std::string_view bytes, bool key, Buffer* out);
  Status WriteNonFinite(const Node& node, std::string_view word, Buffer* out);
  /// Whether two of the keys from `first` are equal; reorders them.
  bool HasRepeatedKey(std::size_t first, const Buffer& out);
};

void JsonWriter::Impl::WriteMarked(std::string_view bytes, bool key, Buffer* out) {
  out->Put(key ? "\"base64:" : R"({"base64":")");
  char* const room = out->Room(Base64Size(bytes.size()));
  out->Advance(WriteBase64(bytes, room));
  out->Put(key ? "\"" : "\"}");
}

Status JsonWriter::Impl::WriteStringValue(const Node& node, std::string_view text, bool key,
                                          Buffer* out) {
  char* const room = out->Room(QuotedRoom(text));
  char* const end = WriteString(text, options.nul == JsonOptions::Nul::kRefuse, room);
  if (end == nullptr) {
    if (options.damaged == JsonOptions::Damaged::kMark && TextPrefix(text) < text.size() &&
        text[TextPrefix(text)] != '\0') {
      WriteMarked(text, key, out);
      return Status();
    }
    const bool nul = TextPrefix(text) < text.size() && text[TextPrefix(text)] == '\0';
    return Refuse(ErrorClass::kCharacterNotInRepertoire, options, node.path,
                  nul ? "a NUL byte in a string" : "a string is not valid UTF-8");
  }
  out->Advance(end);
  return Status();
}

Status JsonWriter::Impl::WriteNonFinite(const Node& node, std::string_view word, Buffer* out) {
  if (options.non_finite == JsonOptions::NonFinite::kRefuse) {
    return Refuse(ErrorClass::kValueOutOfRange, options, node.path,
                  std::string(word) + std::string(kNonFiniteInJson));
  }
  out->Put('"');
  out->Put(word);
  out->Put('"');
  return Status();
}

Status JsonWriter::Impl::WriteScalar(const Node& node, std::int64_t row, Buffer* out) {
  const ColumnView& view = *node.view;
  char* const room = out->Room(kMaxScalarText);
  const auto quoted = [&](char* end) {
    *room = '"';
    *end++ = '"';
    out->Advance(end);
    return Status();
  };
  const auto plain = [&](char* end) {
    out->Advance(end);
    return Status();
  };
  switch (node.type->kind) {
    case TypeKind::kBoolean:
      out->Put(view.boolean(row) ? "true" : "false");
      return Status();
    case TypeKind::kByte:
      return plain(WriteInteger(view.values<std::int8_t>()[row], room));
    case TypeKind::kShort:
      return plain(WriteInteger(view.values<std::int16_t>()[row], room));
    case TypeKind::kInt:
      return plain(WriteInteger(view.values<std::int32_t>()[row], room));
    case TypeKind::kLong:
      return plain(WriteInteger(view.values<std::int64_t>()[row], room));
    case TypeKind::kFloat: {
      const float value = view.values<float>()[row];
      if (std::isfinite(value)) return plain(WriteFloat(value, room));
      return WriteNonFinite(node, NonFiniteWord(value), out);
    }
    case TypeKind::kDouble: {
      const double value = view.values<double>()[row];
      if (std::isfinite(value)) return plain(WriteDouble(value, room));
      return WriteNonFinite(node, NonFiniteWord(value), out);
    }
    case TypeKind::kDecimal:
      return plain(WriteDecimal(view.decimal(row), node.type->scale, room));
    case TypeKind::kDate:
      return quoted(WriteDate(view.values<std::int32_t>()[row], room + 1));
    case TypeKind::kTimestamp:
      return quoted(WriteTimestamp(view.values<std::int64_t>()[row], true, room + 1));
    case TypeKind::kTimestampNtz:
      return quoted(WriteTimestamp(view.values<std::int64_t>()[row], false, room + 1));
    case TypeKind::kYearMonthInterval:
      return quoted(WriteYearMonthInterval(view.values<std::int32_t>()[row], room + 1));
    case TypeKind::kDayTimeInterval:
      return quoted(WriteDayTimeInterval(view.values<std::int64_t>()[row], room + 1));
    case TypeKind::kString:
      return WriteStringValue(node, view.bytes(row), false, out);
    case TypeKind::kBinary: {
      const std::string_view bytes = view.bytes(row);
      char* const start = out->Room(Base64Size(bytes.size()) + 2);
      *start = '"';
      char* end = WriteBase64(bytes, start + 1);
      *end++ = '"';
      out->Advance(end);
      return Status();
    }
    case TypeKind::kVariant:
      return WriteVariant(node, view.bytes(row), out);
    case TypeKind::kVoid:
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      break;
  }
  SPILLWAY_CHECK(false);
  return Status();
}

Status JsonWriter::Impl::WriteVariant(const Node& node, std::string_view json, Buffer* out) {
  if (options.nul == JsonOptions::Nul::kRefuse && HasEscapedNul(json)) {
    return Refuse(ErrorClass::kCharacterNotInRepertoire, options, node.path,
                  "a NUL byte in a string");
  }
  const bool is_finite =
      json.find("NaN") == std::string_view::npos && json.find("Infinity") == std::string_view::npos;
  while (!is_finite) {
    const std::size_t at = FindNonFinite(json);
    const std::string_view word = NonFinitePrefix(json.substr(at));
    if (word.empty()) break;
    out->Put(json.substr(0, at));
    SPILLWAY_TRY(WriteNonFinite(node, word, out));
    json.remove_prefix(at + word.size());
  }
  out->Put(json);
  return Status();
}

Status JsonWriter::Impl::Write(const Node& node, std::int64_t row, Buffer* out) {
  if (node.view->IsNull(row)) {
    out->Put("null");
    return Status();
  }
  if (node.type->kind == TypeKind::kStruct) {
    out->Put('{');
    for (const Node& child : node.children) {
      out->Put(child.label);
      SPILLWAY_TRY(Write(child, row, out));
    }
    out->Put('}');
    return Status();
  }
  if (node.type->kind == TypeKind::kArray) {
    const std::int32_t* const bounds = node.view->offsets() + row;
    out->Put('[');
    for (std::int64_t i = bounds[0]; i < bounds[1]; ++i) {
      if (i > bounds[0]) out->Put(',');
      SPILLWAY_TRY(Write(node.children[0], i, out));
    }
    out->Put(']');
    return Status();
  }
  if (node.type->kind == TypeKind::kMap) return WriteMap(node, row, out);
  return WriteScalar(node, row, out);
}

Status JsonWriter::Impl::WriteMap(const Node& node, std::int64_t row, Buffer* out) {
  const std::int32_t* const bounds = node.view->offsets() + row;
  const std::size_t first_key = keys.size();
  out->Put('{');
  for (std::int64_t i = bounds[0]; i < bounds[1]; ++i) {
    if (i > bounds[0]) out->Put(',');
    const std::size_t begin = out->size();
    SPILLWAY_TRY(WriteKey(node.children[0], i, out));
    keys.emplace_back(begin, out->size());
    out->Put(':');
    SPILLWAY_TRY(Write(node.children[1], i, out));
  }
  out->Put('}');
  const bool repeated =
      options.damaged == JsonOptions::Damaged::kRefuse && HasRepeatedKey(first_key, *out);
  keys.resize(first_key);
  if (repeated) {
    return Refuse(ErrorClass::kValueOutOfRange, options, node.path, "a map repeats a key");
  }
  return Status();
}

bool JsonWriter::Impl::HasRepeatedKey(std::size_t first, const Buffer& out) {
  const auto text = [&](const std::pair<std::size_t, std::size_t>& bounds) {
    return std::string_view(out.begin() + bounds.first, bounds.second - bounds.first);
  };
  const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
  if (keys.size() - first <= 8) {
    for (auto a = begin; a != keys.end(); ++a) {
      for (auto b = begin; b != a; ++b) {
        if (text(*a) == text(*b)) return true;
      }
    }
    return false;
  }
  std::sort(begin, keys.end(), [&](const auto& a, const auto& b) { return text(a) < text(b); });
  return std::adjacent_find(begin, keys.end(), [&](const auto& a, const auto& b) {
           return text(a) == text(b);
         }) != keys.end();
}

Status JsonWriter::Impl::WriteKey(const Node& node, std::int64_t row, Buffer* out) {
  if (node.view->IsNull(row)) {
    if (options.damaged == JsonOptions::Damaged::kMark) {
      out->Put("\"null\"");
      return Status();
    }
    return Refuse(ErrorClass::kValueOutOfRange, options, node.path, "a map key is NULL");
  }
  if (node.type->kind == TypeKind::kString) {
    return WriteStringValue(node, node.view->bytes(row), true, out);
  }
  // A value that is not written as a JSON string becomes one: its JSON text between quotes.
  const std::size_t start = out->size();
  SPILLWAY_TRY(Write(node, row, out));
  if (out->begin()[start] == '"' && node.type->kind != TypeKind::kVariant) return Status();
  key_json.Clear();
  key_json.Put(std::string_view(out->begin() + start, out->size() - start));
  out->Advance(out->begin() + start);
  return WriteStringValue(node, std::string_view(key_json.begin(), key_json.size()), true, out);
}

Result<JsonWriter> JsonWriter::Make(const Type& type, JsonOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->type = type;
  impl->options = std::move(options);
  SPILLWAY_ASSIGN(impl->root, Compile(impl->type, impl->options, ""));
  return JsonWriter(std::move(impl));
}

JsonWriter::JsonWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonWriter::JsonWriter(JsonWriter&&) noexcept = default;
JsonWriter& JsonWriter::operator=(JsonWriter&&) noexcept = default;
JsonWriter::~JsonWriter() = default;

void JsonWriter::Bind(const ColumnView& column) { BindNode(column, &impl_->root); }

Status JsonWriter::Append(std::int64_t row, std::string* out) {
  impl_->buffer.Clear();
  impl_->keys.clear();
  SPILLWAY_TRY(impl_->Write(impl_->root, row, &impl_->buffer));
  out->append(impl_->buffer.begin(), impl_->buffer.size());
  return Status();
}

void AppendJsonString(std::string_view text, std::string* out) {
  const std::size_t used = out->size();
  out->resize(used + QuotedRoom(text));
  char* const end = WriteString(text, false, out->data() + used);
  SPILLWAY_CHECK(end != nullptr);
  out->resize(static_cast<std::size_t>(end - out->data()));
}

}  // namespace spillway::data
