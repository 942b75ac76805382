// Feeds foreign bytes as values to the encoder, under ASan. What comes out must be rows that can be
// walked by their lengths, what is refused must have a reason, and JSON that another parser takes
// must be taken.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "data/builder.h"
#include "data/utf8.h"
#include "target/postgres/copy/append_all_test.h"
#include "target/postgres/copy/copy_encoder.h"
#include "target/postgres/copy/json_syntax.h"
#include "target/postgres/copy/type_table.h"

namespace {

using namespace spillway;
using data::TypeKind;
using target::postgres::CheckJson;
using target::postgres::CopyEncoder;
using target::postgres::JsonTarget;

struct Spec {
  TypeKind kind;
  const char* target;
};
constexpr Spec kSpecs[] = {
    {TypeKind::kString, "text"},  {TypeKind::kString, "varchar(5)"}, {TypeKind::kString, "char(9)"},
    {TypeKind::kString, "uuid"},  {TypeKind::kString, "json"},       {TypeKind::kString, "jsonb"},
    {TypeKind::kBinary, "bytea"}, {TypeKind::kBinary, "uuid"},       {TypeKind::kString, "bytea"},
};

std::uint32_t Read(const std::string& bytes, std::size_t at, std::size_t width) {
  SPILLWAY_CHECK(at + width <= bytes.size());
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

void Walk(const std::string& bytes, std::size_t rows, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    SPILLWAY_CHECK(Read(bytes, at, 2) == columns);
    at += 2;
    for (std::size_t i = 0; i < columns; ++i) {
      const std::uint32_t length = Read(bytes, at, 4);
      at += 4 + (length == 0xFFFFFFFF ? 0 : length);
    }
  }
  SPILLWAY_CHECK(at == bytes.size());
}

/// Values of one column: pieces of `input` between line feeds; an empty piece is NULL.
void EncodeColumn(const Spec& spec, std::string_view input) {
  data::Schema schema{{{.name = "c", .type = data::ScalarType(spec.kind)}}};
  data::BatchBuilder builder(std::make_shared<const data::Schema>(schema));
  std::size_t rows = 0;
  while (!input.empty()) {
    const std::string_view piece = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), piece.size() + 1));
    const base::Status status =
        piece.empty() ? builder.AppendNull(0) : builder.AppendText(0, piece);
    if (!status.ok() || !builder.FinishRow().ok()) return;
    ++rows;
  }
  const auto batch = builder.Finish();
  if (!batch.ok()) return;
  target::Column column;
  column.name = "c";
  column.source_type = schema.fields[0].type;
  column.target_type = spec.target;
  auto encoder = CopyEncoder::Make(schema, {column}, {});
  SPILLWAY_CHECK(encoder.ok());
  std::string bytes;
  const base::Status status = AppendAll(*encoder, *batch, 0, batch->rows(), &bytes);
  if (status.ok()) {
    Walk(bytes, rows, 1);
  } else {
    SPILLWAY_CHECK(bytes.empty());
    SPILLWAY_CHECK(status.code() == base::Code::kBadRow && !status.detail("reason").empty());
  }
}

void CompareJson(const std::string& text) {
  if (data::TextPrefix(text) != text.size()) return;
  const bool taken = !CheckJson(text, JsonTarget::kJson);
  if (nlohmann::json::accept(text)) {
    SPILLWAY_CHECK(taken || std::count(text.begin(), text.end(), '[') +
                                    std::count(text.begin(), text.end(), '{') >
                                target::postgres::kMaxJsonDepth);
  }
  SPILLWAY_CHECK(taken || CheckJson(text, JsonTarget::kJsonb));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  EncodeColumn(kSpecs[bytes[0] % std::size(kSpecs)], input);
  CompareJson(std::string(input));
  // A definition's word is foreign as well.
  static_cast<void>(target::postgres::ParsePostgresType(input));
  return 0;
}
