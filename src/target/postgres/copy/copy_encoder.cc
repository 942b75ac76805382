#include "target/postgres/copy/copy_encoder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/hex.h"
#include "data/json_writer.h"
#include "data/utf8.h"
#include "data/value_text.h"
#include "target/postgres/copy/column_encoder.h"

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
using data::ColumnView;

/// Rows that are made ready together: their bytes stay in the second-level cache.
constexpr std::int64_t kMaxBlockRows = 512;
constexpr std::int64_t kMinBlockRows = 8;
/// What a row in the binary format counts its fields with.
constexpr std::size_t kMaxColumns = 1600;

/// True when none of `count` rows from `first` is NULL.
bool AllPresent(const ColumnView& column, std::int64_t first, std::int64_t count) {
  if (!column.may_have_nulls()) return true;
  bool present = true;
  for (std::int64_t row = first; row < first + count; ++row) present &= !column.IsNull(row);
  return present;
}

/// Text for people: what is not printable or not UTF-8 is escaped, and a long text cut.
std::string Readable(std::string_view text) {
  constexpr std::size_t kMaxBytes = 100;
  std::string readable;
  while (!text.empty() && readable.size() < kMaxBytes) {
    const auto* const at = reinterpret_cast<const unsigned char*>(text.data());
    const std::size_t length = data::Utf8SequenceLength(at, at + text.size());
    if (length == 0 || *at < 0x20 || *at == 0x7F) {
      readable += "\\x" + base::HexText(text.substr(0, 1));
      text.remove_prefix(1);
    } else {
      readable += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  if (!text.empty()) readable += "…";
  return readable;
}

}  // namespace

struct CopyEncoder::Impl {
  struct Column {
    std::string name;
    bool key = false;
    bool required = false;  ///< NULL is a bad value
    data::Type type;
    std::unique_ptr<ColumnEncoder> encoder;
  };

  std::vector<Column> columns;
  std::vector<std::size_t> key;
  std::vector<ColumnView> views;  ///< of the batch in hand; empty between calls
  std::vector<WireField> fields;
  std::int64_t block_rows = kMaxBlockRows;

  /// Makes up to `count` rows from `first` ready. Returns how many, or kBad.
  std::int64_t Prepare(std::int64_t first, std::int64_t count);
  /// Writes ready rows. Returns their end; sets `*bad` when a numeric did not fit.
  char* Write(std::int64_t count, char* out, bool* bad) const;
  /// The first value of `row` that cannot be stored, if there is one.
  std::optional<BadRow> FindBad(std::int64_t row) const;
  BadRow Report(std::int64_t row, const Column& column, BadValue bad) const;
  std::string KeyText(std::int64_t row) const;
  /// Appends up to `count` rows from `first`. Returns how many, or kBad, nothing being appended.
  std::int64_t EncodeBlock(std::int64_t first, std::int64_t count, std::string* out);
  /// Appends the rows but the bad ones, which there are, to `*bad`; without `bad` the first one is
  /// the error.
  Status EncodeAround(std::int64_t first, std::int64_t count, std::string* out,
                      std::vector<BadRow>* bad);
  Status Encode(const data::Batch& batch, std::int64_t first, std::int64_t count, std::string* out,
                std::vector<BadRow>* bad);
};

std::int64_t CopyEncoder::Impl::Prepare(std::int64_t first, std::int64_t count) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::int64_t ready = columns[i].encoder->Prepare(views[i], first, count, &fields[i]);
    if (ready == ColumnEncoder::kBad) return ColumnEncoder::kBad;
    count = std::min(count, ready);
    if (columns[i].required && !AllPresent(views[i], first, count)) return ColumnEncoder::kBad;
  }
  return count;
}

char* CopyEncoder::Impl::Write(std::int64_t count, char* out, bool* bad) const {
  const WireField* const begin = fields.data();
  const WireField* const end = begin + fields.size();
  const auto field_count = static_cast<std::uint16_t>(fields.size());
  bool any_bad = false;
  for (std::int64_t row = 0; row < count; ++row) {
    StoreBig16(out, field_count);
    out += 2;
    for (const WireField* field = begin; field != end; ++field) {
      out = WriteField(*field, row, out, &any_bad);
    }
  }
  *bad = any_bad;
  return out;
}

std::string CopyEncoder::Impl::KeyText(std::int64_t row) const {
  std::string text;
  for (const std::size_t index : key) {
    if (!text.empty()) text += ", ";
    const ColumnView& view = views[index];
    if (view.IsNull(row)) {
      text += "NULL";
      continue;
    }
    if (columns[index].type.kind == data::TypeKind::kString) {
      text += Readable(view.bytes(row));
      continue;
    }
    data::JsonOptions options;
    options.non_finite = data::JsonOptions::NonFinite::kString;
    options.nul = data::JsonOptions::Nul::kEscape;
    auto writer = data::JsonWriter::Make(columns[index].type, std::move(options));
    std::string json;
    const bool written = writer.ok() && writer->Append(view, row, &json).ok();
    const bool quoted = json.size() >= 2 && json.front() == '"';
    const std::string_view value(json);
    text += written ? Readable(quoted ? value.substr(1, value.size() - 2) : value) : "?";
  }
  return text;
}

BadRow CopyEncoder::Impl::Report(std::int64_t row, const Column& column, BadValue bad) const {
  BadRow report;
  report.column = column.name;
  report.key = KeyText(row);
  report.reason = std::move(bad.reason);
  report.error_class = bad.error_class;
  report.row = row;
  return report;
}

std::optional<BadRow> CopyEncoder::Impl::FindBad(std::int64_t row) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Column& column = columns[i];
    if (views[i].IsNull(row)) {
      if (column.key) {
        return Report(row, column,
                      {ErrorClass::kPrimaryKeyConstraintViolation, "NULL in the primary key"});
      }
      if (column.required) {
        return Report(row, column,
                      {ErrorClass::kValueOutOfRange, "NULL in a column that is NOT NULL"});
      }
    } else if (auto bad = column.encoder->Check(views[i], row)) {
      return Report(row, column, *std::move(bad));
    }
  }
  return std::nullopt;
}

std::int64_t CopyEncoder::Impl::EncodeBlock(std::int64_t first, std::int64_t count,
                                            std::string* out) {
  const std::int64_t ready = Prepare(first, std::min(block_rows, count));
  if (ready == ColumnEncoder::kBad) return ready;
  // Few rows with many bytes: the next block asks for about as many, so that little is prepared in
  // vain.
  block_rows = std::clamp(ready * 2, kMinBlockRows, kMaxBlockRows);
  std::size_t bound = static_cast<std::size_t>(ready) * (2 + 4 * fields.size()) + kWireSlack;
  for (const WireField& field : fields) bound += static_cast<std::size_t>(field.payload_bound);
  const std::size_t used = out->size();
  if (out->capacity() < used + bound) out->reserve(std::max(used + bound, 2 * out->capacity()));
  out->resize(used + bound);
  bool bad = false;
  const char* const written = Write(ready, out->data() + used, &bad);
  out->resize(bad ? used : static_cast<std::size_t>(written - out->data()));
  return bad ? ColumnEncoder::kBad : ready;
}

Status CopyEncoder::Impl::EncodeAround(std::int64_t first, std::int64_t count, std::string* out,
                                       std::vector<BadRow>* bad) {
  std::int64_t good_from = first;
  bool any = false;
  for (std::int64_t row = first; row <= first + count; ++row) {
    std::optional<BadRow> found;
    if (row < first + count && !(found = FindBad(row))) continue;
    // The good rows before the bad one, or before the end.
    while (good_from < row) {
      const std::int64_t ready = EncodeBlock(good_from, row - good_from, out);
      if (ready == ColumnEncoder::kBad) {
        return Status(ErrorClass::kInternal, "rows were refused and no reason is found: rows " +
                                                 std::to_string(good_from) + " to " +
                                                 std::to_string(row - 1));
      }
      good_from += ready;
    }
    if (!found) break;
    bad->push_back(*std::move(found));
    good_from = row + 1;
    any = true;
  }
  if (any) return Status();
  return Status(ErrorClass::kInternal, "rows were refused and no reason is found: rows " +
                                           std::to_string(first) + " to " +
                                           std::to_string(first + count - 1));
}

Status CopyEncoder::Impl::Encode(const data::Batch& batch, std::int64_t first, std::int64_t count,
                                 std::string* out, std::vector<BadRow>* bad) {
  if (batch.column_count() != columns.size() || first < 0 || count < 0 ||
      first > batch.rows() - count) {
    return Status(ErrorClass::kInternal, "a batch does not have the rows and columns to encode: " +
                                             std::to_string(batch.rows()) + " rows, " +
                                             std::to_string(batch.column_count()) + " columns");
  }
  for (std::size_t i = 0; i < columns.size(); ++i) views.push_back(batch.column(i));
  const std::int64_t end = first + count;
  while (first < end) {
    const std::int64_t asked = std::min(block_rows, end - first);
    std::int64_t done = EncodeBlock(first, asked, out);
    if (done == ColumnEncoder::kBad) {
      SPILLWAY_TRY(EncodeAround(first, asked, out, bad));
      done = asked;
    }
    first += done;
  }
  return Status();
}

Result<CopyEncoder> CopyEncoder::Make(const data::Schema& schema,
                                      const std::vector<target::Column>& columns,
                                      std::vector<std::size_t> key, const EncodeOptions& options) {
  auto impl = std::make_unique<Impl>();
  if (schema.fields.size() != columns.size() || columns.size() > kMaxColumns) {
    return Status(ErrorClass::kInternal, "the target's columns are not those of the batches: " +
                                             std::to_string(schema.fields.size()) + " and " +
                                             std::to_string(columns.size()));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const target::Column& column = columns[i];
    const auto named = [&](Status status) {
      return std::move(status).While("encode column " + column.name).With("column", column.name);
    };
    auto type = ParsePostgresType(column.target_type);
    if (!type.ok()) return named(std::move(type).status());
    auto encoder = MakeColumnEncoder(schema.fields[i].type, *type, column.name, options);
    if (!encoder.ok()) return named(std::move(encoder).status());
    impl->columns.push_back({.name = column.name,
                             .key = false,
                             .required = column.not_null,
                             .type = schema.fields[i].type,
                             .encoder = *std::move(encoder)});
  }
  for (const std::size_t index : key) {
    SPILLWAY_CHECK(index < columns.size());
    impl->columns[index].key = true;
    impl->columns[index].required = true;
  }
  impl->key = std::move(key);
  impl->fields.resize(columns.size());
  impl->views.reserve(columns.size());
  return CopyEncoder(std::move(impl));
}

CopyEncoder::CopyEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CopyEncoder::CopyEncoder(CopyEncoder&&) noexcept = default;
CopyEncoder& CopyEncoder::operator=(CopyEncoder&&) noexcept = default;
CopyEncoder::~CopyEncoder() = default;

void CopyEncoder::AppendHeader(std::string* out) {
  // Signature, flags, length of the header's extension.
  out->append("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
}

void CopyEncoder::AppendTrailer(std::string* out) { out->append("\377\377", 2); }

Status CopyEncoder::AppendGood(const data::Batch& batch, std::int64_t first, std::int64_t count,
                               std::string* out, std::vector<BadRow>* bad) {
  const std::size_t before = out->size();
  Status status = impl_->Encode(batch, first, count, out, bad);
  impl_->views.clear();
  if (!status.ok()) out->resize(before);
  return status;
}

}  // namespace spillway::target::postgres
