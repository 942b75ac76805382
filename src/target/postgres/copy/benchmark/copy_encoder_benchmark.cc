// What a row costs to encode, by shape of the table.

#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "data/builder.h"
#include "target/postgres/copy/copy_encoder.h"

namespace spillway::target::postgres {
namespace {

using data::TypeKind;
using Random = std::mt19937_64;

constexpr std::int64_t kRows = 8192;
constexpr std::uint64_t kSeed = 20260501;

/// A column: its types and a text for each row (JSON for nested types); empty text with `nulls` is
/// NULL.
struct ColumnSpec {
  data::Type type;
  std::string target;
  double null_share;
  std::string (*value)(Random&, std::int64_t row);
};

std::string Digits(std::uint64_t number) { return std::to_string(number); }

const ColumnSpec kLong = {data::ScalarType(TypeKind::kLong), "bigint", 0,
                          [](Random&, std::int64_t row) { return std::to_string(row); }};
const ColumnSpec kInt = {data::ScalarType(TypeKind::kInt), "integer", 0.02,
                         [](Random& random, std::int64_t) { return Digits(random() % 1000000); }};
const ColumnSpec kDouble = {
    data::ScalarType(TypeKind::kDouble), "double precision", 0,
    [](Random& random, std::int64_t) { return Digits(random() % 100000) + ".25"; }};
const ColumnSpec kDecimal = {
    data::DecimalType(12, 2), "numeric(12,2)", 0, [](Random& random, std::int64_t) {
      const std::uint64_t cents = random() % 100000000000;
      const std::string rest = Digits(100 + cents % 100).substr(1);
      return (random() % 2 == 0 ? "-" : "") + Digits(cents / 100) + "." + rest;
    }};
const ColumnSpec kWideDecimal = {
    data::DecimalType(38, 10), "numeric(38,10)", 0, [](Random& random, std::int64_t) {
      return Digits(random()) + "." + Digits(1000000000 + random() % 9000000000);
    }};
const ColumnSpec kDate = {data::ScalarType(TypeKind::kDate), "date", 0,
                          [](Random& random, std::int64_t) {
                            return "20" + Digits(10 + random() % 15) + "-0" +
                                   Digits(1 + random() % 9) + "-" + Digits(10 + random() % 19);
                          }};
const ColumnSpec kTimestamp = {data::ScalarType(TypeKind::kTimestamp), "timestamptz", 0,
                               [](Random& random, std::int64_t) {
                                 return Digits(1600000000000000 + random() % 100000000000000);
                               }};
const ColumnSpec kBoolean = {
    data::ScalarType(TypeKind::kBoolean), "boolean", 0,
    [](Random& random, std::int64_t) { return std::string(random() % 10 < 7 ? "true" : "false"); }};
const ColumnSpec kShort = {data::ScalarType(TypeKind::kShort), "smallint", 0,
                           [](Random& random, std::int64_t) { return Digits(random() % 400); }};
const ColumnSpec kCategory = {
    data::ScalarType(TypeKind::kString), "text", 0,
    [](Random& random, std::int64_t) { return "category-" + Digits(10 + random() % 30); }};
const ColumnSpec kCode = {data::ScalarType(TypeKind::kString), "text", 0.05,
                          [](Random& random, std::int64_t) {
                            std::string code(12, ' ');
                            for (char& c : code) c = static_cast<char>('a' + random() % 26);
                            return code;
                          }};
const ColumnSpec kLongText = {data::ScalarType(TypeKind::kString), "text", 0,
                              [](Random& random, std::int64_t) {
                                std::string text(124, ' ');
                                for (char& c : text) c = static_cast<char>('a' + random() % 26);
                                return text;
                              }};
const ColumnSpec kUmlauts = {data::ScalarType(TypeKind::kString), "text", 0,
                             [](Random& random, std::int64_t) {
                               std::string text;
                               for (int i = 0; i < 60; ++i) text += random() % 2 == 0 ? "ü" : "字";
                               return text;
                             }};
const ColumnSpec kTags = {data::ArrayType(data::ScalarType(TypeKind::kString)), "text[]", 0,
                          [](Random& random, std::int64_t) {
                            return "[\"red\",\"tag-" + Digits(random() % 100) + "\",null]";
                          }};
const ColumnSpec kTagsJson = {kTags.type, "jsonb", 0, kTags.value};
const ColumnSpec kUuid = {
    data::ScalarType(TypeKind::kString), "uuid", 0, [](Random& random, std::int64_t) {
      return "6ba7b810-9dad-11d1-80b4-" + Digits(100000000000 + random() % 1000);
    }};

data::Batch Build(const std::vector<ColumnSpec>& specs) {
  data::Schema schema;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    schema.fields.push_back({.name = "c" + std::to_string(i), .type = specs[i].type});
  }
  data::BatchBuilder builder(std::make_shared<const data::Schema>(std::move(schema)));
  Random random(kSeed);
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const bool null = std::uniform_real_distribution<>(0, 1)(random) < specs[i].null_share;
      const std::string text = specs[i].value(random, row);
      base::Status status = null                        ? builder.AppendNull(i)
                            : specs[i].type.is_nested() ? builder.AppendJson(i, text)
                                                        : builder.AppendText(i, text);
      SPILLWAY_CHECK(status.ok());
    }
    SPILLWAY_CHECK(builder.FinishRow().ok());
  }
  auto batch = builder.Finish();
  SPILLWAY_CHECK(batch.ok());
  return *std::move(batch);
}

CopyEncoder MakeEncoder(const data::Batch& batch, const std::vector<ColumnSpec>& specs) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    Column column;
    column.name = batch.schema().fields[i].name;
    column.source_type = specs[i].type;
    column.target_type = specs[i].target;
    columns.push_back(std::move(column));
  }
  auto encoder = CopyEncoder::Make(batch.schema(), columns, {0});
  SPILLWAY_CHECK(encoder.ok());
  return *std::move(encoder);
}

void Report(benchmark::State& state, std::size_t bytes) {
  using benchmark::Counter;
  state.counters["ns/row"] = Counter(static_cast<double>(kRows) * 1e-9,
                                     Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["bytes/row"] = static_cast<double>(bytes) / static_cast<double>(kRows);
}

// The rows have no bad one.
void AppendAll(CopyEncoder* encoder, const data::Batch& batch, std::string* out) {
  std::vector<BadRow> bad;
  SPILLWAY_CHECK(encoder->AppendGood(batch, 0, kRows, out, &bad).ok() && bad.empty());
}

void Encode(benchmark::State& state, const std::vector<ColumnSpec>& specs) {
  const data::Batch batch = Build(specs);
  CopyEncoder encoder = MakeEncoder(batch, specs);
  std::string out;
  for (auto _ : state) {
    out.clear();
    AppendAll(&encoder, batch, &out);
    benchmark::DoNotOptimize(out.data());
  }
  Report(state, out.size());
}

/// The same bytes, already encoded.
void Copied(benchmark::State& state, const std::vector<ColumnSpec>& specs) {
  const data::Batch batch = Build(specs);
  CopyEncoder encoder = MakeEncoder(batch, specs);
  std::string encoded;
  AppendAll(&encoder, batch, &encoded);
  std::string out(encoded.size(), '\0');
  for (auto _ : state) {
    std::memcpy(out.data(), encoded.data(), encoded.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  Report(state, out.size());
}

const std::vector<ColumnSpec> kNarrow = {kLong,      kInt,     kDouble, kDecimal,  kDate,
                                         kTimestamp, kBoolean, kShort,  kCategory, kCode};
const std::vector<ColumnSpec> kWide = {kLong,     kTimestamp, kLongText, kLongText, kLongText,
                                       kLongText, kLongText,  kLongText, kLongText, kLongText};

BENCHMARK_CAPTURE(Encode, narrow, kNarrow);
BENCHMARK_CAPTURE(Copied, narrow, kNarrow);
BENCHMARK_CAPTURE(Encode, wide, kWide);
BENCHMARK_CAPTURE(Copied, wide, kWide);
BENCHMARK_CAPTURE(Encode, bigint, std::vector<ColumnSpec>{kLong});
BENCHMARK_CAPTURE(Encode, numeric, std::vector<ColumnSpec>{kDecimal});
BENCHMARK_CAPTURE(Encode, wide_numeric, std::vector<ColumnSpec>{kWideDecimal});
BENCHMARK_CAPTURE(Encode, short_text, std::vector<ColumnSpec>{kCategory});
BENCHMARK_CAPTURE(Encode, other_scripts, std::vector<ColumnSpec>{kUmlauts});
BENCHMARK_CAPTURE(Encode, uuid, std::vector<ColumnSpec>{kUuid});
BENCHMARK_CAPTURE(Encode, text_array, std::vector<ColumnSpec>{kTags});
BENCHMARK_CAPTURE(Encode, jsonb_array, std::vector<ColumnSpec>{kTagsJson});

}  // namespace
}  // namespace spillway::target::postgres

BENCHMARK_MAIN();
