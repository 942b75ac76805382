#include "target/postgres/copy/scalar_columns.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "data/value_text.h"

namespace spillway::target::postgres {
namespace {

using data::ColumnView;
using data::TypeKind;

/// Days and microseconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
constexpr std::int64_t kEpochDays = 10957;
constexpr std::int64_t kEpochMicros = kEpochDays * 86400 * 1000000;
/// PostgreSQL's ranges (its IS_VALID_DATE and IS_VALID_TIMESTAMP), since its epoch; the ends are
/// not in them. The latest timestamp of the source is below PostgreSQL's.
constexpr std::int64_t kFirstDate = -2451545;
constexpr std::int64_t kEndDate = 2147483494 - 2451545;
constexpr std::int64_t kFirstTimestamp = -211813488000000000;
constexpr std::int64_t kMicrosPerDay = std::int64_t{86400} * 1000000;

/// The same bytes as Arrow's, but for their order.
class PlainColumn : public ColumnEncoder {
 public:
  PlainColumn(WireKind kind, std::int64_t width) : kind_(kind), width_(width) {}
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = std::min(count, kPreparedBytes / width_);
    SetKind(column, first, kind_, field);
    field->values = column.byte_data() + (column.validity_bit() + first) * width_;
    field->payload_bound = count * width_;
    return count;
  }
  std::optional<BadValue> Check(const ColumnView&, std::int64_t) override { return std::nullopt; }

 private:
  WireKind kind_;
  std::int64_t width_;
};

class BooleanColumn : public ColumnEncoder {
 public:
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = std::min(count, kPreparedBytes);
    SetKind(column, first, WireKind::kBool, field);
    field->values_bit = column.validity_bit() + first;
    field->values = column.byte_data();
    field->payload_bound = count;
    return count;
  }
  std::optional<BadValue> Check(const ColumnView&, std::int64_t) override { return std::nullopt; }
};

using RawDecimal = std::array<char, 16>;

std::string DecimalText(__int128 unscaled, std::int32_t scale) {
  // The text form is defined to 38 digits; a file may hold more.
  const auto bits = static_cast<unsigned __int128>(unscaled);
  if ((unscaled < 0 ? 0 - bits : bits) >= PowerOfTen(38)) return "a decimal of more than 38 digits";
  char text[data::kMaxScalarText];
  return std::string(text, data::WriteDecimal(unscaled, scale, text));
}

std::string IntegerText(std::int64_t value) { return std::to_string(value); }

BadValue OutOfRange(const std::string& value, std::string_view range) {
  return BadValue{base::ErrorClass::kValueOutOfRange,
                  value + " is outside the range of " + std::string(range)};
}

// Conversions: To() stores the target's value, or returns false; Range() names the target for
// people; Text() the value.

template <typename SourceType, typename TargetType>
struct IntegerToInteger {
  using Source = SourceType;
  using Target = TargetType;
  bool To(Source value, Target* out) const {
    *out = static_cast<Target>(value);
    return *out == value;
  }
  std::string Text(Source value) const { return IntegerText(value); }
  std::string_view Range() const {
    return sizeof(Target) == 2 ? "smallint" : sizeof(Target) == 4 ? "integer" : "bigint";
  }
};

template <typename SourceType>
struct IntegerToNumeric {
  using Source = SourceType;
  using Target = __int128;
  bool To(Source value, Target* out) const {
    *out = value;
    return true;
  }
  std::string Text(Source value) const { return IntegerText(value); }
  std::string_view Range() const { return "numeric"; }
};

template <typename TargetType>
struct DecimalToInteger {
  using Source = RawDecimal;
  using Target = TargetType;
  bool To(const Source& value, Target* out) const {
    __int128 unscaled;
    std::memcpy(&unscaled, value.data(), sizeof(unscaled));
    *out = static_cast<Target>(unscaled);
    return *out == unscaled;
  }
  std::string Text(const Source& value) const {
    __int128 unscaled;
    std::memcpy(&unscaled, value.data(), sizeof(unscaled));
    return DecimalText(unscaled, 0);
  }
  std::string_view Range() const {
    return sizeof(Target) == 2 ? "smallint" : sizeof(Target) == 4 ? "integer" : "bigint";
  }
};

/// To a smaller scale, where the digits left out are zeros.
struct DecimalToSmallerScale {
  using Source = RawDecimal;
  using Target = __int128;
  std::int32_t scale = 0;
  __int128 divisor = 1;
  bool To(const Source& value, Target* out) const {
    __int128 unscaled;
    std::memcpy(&unscaled, value.data(), sizeof(unscaled));
    *out = unscaled / divisor;
    return *out * divisor == unscaled;
  }
  std::string Text(const Source& value) const {
    __int128 unscaled;
    std::memcpy(&unscaled, value.data(), sizeof(unscaled));
    return DecimalText(unscaled, scale);
  }
  std::string_view Range() const { return "the column's numeric scale"; }
};

struct DateToDate {
  using Source = std::int32_t;
  using Target = std::int32_t;
  bool To(Source days, Target* out) const {
    const std::int64_t shifted = days - kEpochDays;
    *out = static_cast<Target>(shifted);
    return shifted >= kFirstDate && shifted < kEndDate;
  }
  std::string Text(Source days) const {
    char text[data::kMaxScalarText];
    return std::string(text, data::WriteDate(days, text));
  }
  std::string_view Range() const { return "date (4714-11-24 BC to 5874897-12-31)"; }
};

template <bool kUtc>
struct TimestampToTimestamp {
  using Source = std::int64_t;
  using Target = std::int64_t;
  bool To(Source micros, Target* out) const {
    // Wraps for values that are refused anyway.
    *out = static_cast<std::int64_t>(static_cast<std::uint64_t>(micros) -
                                     static_cast<std::uint64_t>(kEpochMicros));
    return micros >= kFirstTimestamp + kEpochMicros;
  }
  std::string Text(Source micros) const {
    char text[data::kMaxScalarText];
    return std::string(text, data::WriteTimestamp(micros, kUtc, text));
  }
  std::string_view Range() const {
    return kUtc ? "timestamptz (from 4714-11-24 BC)" : "timestamp (from 4714-11-24 BC)";
  }
};

/// Converts each value into an array of its own.
template <typename Conversion>
class ConvertedColumn : public ColumnEncoder {
 public:
  using Source = typename Conversion::Source;
  using Target = typename Conversion::Target;

  ConvertedColumn(WireKind kind, Conversion conversion, NumericFormat numeric = {})
      : kind_(kind), conversion_(conversion), numeric_(numeric) {}

  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = std::min(count, kPreparedBytes / static_cast<std::int64_t>(sizeof(Target)));
    converted_.resize(static_cast<std::size_t>(count));
    const Source* const values = column.values<Source>() + first;
    bool good = true;
    for (std::int64_t i = 0; i < count; ++i) {
      good &= conversion_.To(values[i], &converted_[static_cast<std::size_t>(i)]);
    }
    // What is under a NULL may be anything.
    if (!good && HasBad(column, first, count)) return kBad;
    SetKind(column, first, kind_, field);
    field->values = converted_.data();
    field->numeric = numeric_;
    field->payload_bound = count * static_cast<std::int64_t>(
                                       kind_ == WireKind::kNumeric ? kNumericRoom : sizeof(Target));
    return count;
  }

  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    const Source& value = column.values<Source>()[row];
    Target target{};
    if (!conversion_.To(value, &target)) {
      return OutOfRange(conversion_.Text(value), conversion_.Range());
    }
    if constexpr (sizeof(Target) == sizeof(__int128)) {
      if (!NumericFits(target, numeric_)) {
        return OutOfRange(conversion_.Text(value), "the column's numeric precision");
      }
    }
    return std::nullopt;
  }

 private:
  bool HasBad(const ColumnView& column, std::int64_t first, std::int64_t count) const {
    const Source* const values = column.values<Source>();
    Target target{};
    for (std::int64_t row = first; row < first + count; ++row) {
      if (!column.IsNull(row) && !conversion_.To(values[row], &target)) return true;
    }
    return false;
  }

  WireKind kind_;
  Conversion conversion_;
  NumericFormat numeric_;
  std::vector<Target> converted_;
};

/// Decimals whose scale the target has room for.
class NumericColumn : public ColumnEncoder {
 public:
  NumericColumn(std::int32_t scale, NumericFormat format) : scale_(scale), format_(format) {}
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = std::min(count, kPreparedBytes / static_cast<std::int64_t>(kNumericRoom));
    SetKind(column, first, WireKind::kNumeric, field);
    field->values = column.values<RawDecimal>() + first;
    field->numeric = format_;
    field->payload_bound = count * static_cast<std::int64_t>(kNumericRoom);
    return count;
  }
  std::optional<BadValue> Check(const ColumnView& column, std::int64_t row) override {
    const __int128 value = column.decimal(row);
    if (NumericFits(value, format_)) return std::nullopt;
    return OutOfRange(DecimalText(value, scale_), "the column's numeric precision");
  }

 private:
  std::int32_t scale_;
  NumericFormat format_;
};

/// float as double precision.
class WidenedRealColumn : public ColumnEncoder {
 public:
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    count = std::min(count, kPreparedBytes / static_cast<std::int64_t>(sizeof(double)));
    const float* const values = column.values<float>() + first;
    widened_.assign(values, values + count);
    SetKind(column, first, WireKind::kDouble, field);
    field->values = widened_.data();
    field->payload_bound = count * static_cast<std::int64_t>(sizeof(double));
    return count;
  }
  std::optional<BadValue> Check(const ColumnView&, std::int64_t) override { return std::nullopt; }

 private:
  std::vector<double> widened_;
};

/// Months, or microseconds of which whole days are counted as days: the same parts as Spark adds to
/// a timestamp.
class IntervalColumn : public ColumnEncoder {
 public:
  explicit IntervalColumn(bool months) : months_(months) {}
  std::int64_t Prepare(const ColumnView& column, std::int64_t first, std::int64_t count,
                       WireField* field) override {
    constexpr std::int64_t kWidth = 16;
    count = std::min(count, kPreparedBytes / kWidth);
    bytes_.resize(static_cast<std::size_t>(count * kWidth));
    offsets_.resize(static_cast<std::size_t>(count) + 1);
    char* out = bytes_.data();
    for (std::int64_t i = 0; i < count; ++i, out += kWidth) {
      std::int64_t micros = 0, days = 0;
      std::int32_t months = 0;
      if (months_) {
        months = column.values<std::int32_t>()[first + i];
      } else {
        micros = column.values<std::int64_t>()[first + i];
        days = micros / kMicrosPerDay;
        micros %= kMicrosPerDay;
      }
      StoreBig64(out, static_cast<std::uint64_t>(micros));
      StoreBig32(out + 8, static_cast<std::uint32_t>(days));
      StoreBig32(out + 12, static_cast<std::uint32_t>(months));
      offsets_[static_cast<std::size_t>(i) + 1] = static_cast<std::int32_t>((i + 1) * kWidth);
    }
    SetKind(column, first, WireKind::kBytes, field);
    field->values = bytes_.data();
    field->offsets = offsets_.data();
    field->readable_end = static_cast<std::int32_t>(count * kWidth);
    field->payload_bound = count * kWidth;
    return count;
  }
  std::optional<BadValue> Check(const ColumnView&, std::int64_t) override { return std::nullopt; }

 private:
  bool months_;
  std::vector<char> bytes_;
  std::vector<std::int32_t> offsets_;
};

template <typename Source>
std::unique_ptr<ColumnEncoder> MakeIntegerColumn(const PostgresType& target) {
  const auto converted = [](auto conversion, WireKind kind) -> std::unique_ptr<ColumnEncoder> {
    return std::make_unique<ConvertedColumn<decltype(conversion)>>(kind, conversion);
  };
  if (target.kind == PostgresKind::kSmallint) {
    if (sizeof(Source) == 2) return std::make_unique<PlainColumn>(WireKind::kTwo, 2);
    return converted(IntegerToInteger<Source, std::int16_t>{}, WireKind::kTwo);
  }
  if (target.kind == PostgresKind::kInteger) {
    if (sizeof(Source) == 4) return std::make_unique<PlainColumn>(WireKind::kFour, 4);
    return converted(IntegerToInteger<Source, std::int32_t>{}, WireKind::kFour);
  }
  if (target.kind == PostgresKind::kBigint) {
    if (sizeof(Source) == 8) return std::make_unique<PlainColumn>(WireKind::kEight, 8);
    return converted(IntegerToInteger<Source, std::int64_t>{}, WireKind::kEight);
  }
  if (target.kind == PostgresKind::kNumeric) {
    return std::make_unique<ConvertedColumn<IntegerToNumeric<Source>>>(
        WireKind::kNumeric, IntegerToNumeric<Source>{},
        NumericFormat::Make(0, target.precision, target.scale));
  }
  return nullptr;
}

std::unique_ptr<ColumnEncoder> MakeDecimalColumn(const data::Type& source,
                                                 const PostgresType& target) {
  if (target.kind == PostgresKind::kNumeric) {
    const bool constrained = target.precision > 0;
    const std::int32_t display_scale = constrained ? target.scale : source.scale;
    if (display_scale < source.scale) {
      const DecimalToSmallerScale conversion{
          source.scale, static_cast<__int128>(PowerOfTen(source.scale - display_scale))};
      return std::make_unique<ConvertedColumn<DecimalToSmallerScale>>(
          WireKind::kNumeric, conversion,
          NumericFormat::Make(display_scale, target.precision, display_scale));
    }
    // An unconstrained column takes what the source's type can hold.
    const std::int32_t precision = constrained ? target.precision : source.precision;
    return std::make_unique<NumericColumn>(
        source.scale, NumericFormat::Make(source.scale, precision, display_scale));
  }
  if (source.scale != 0) return nullptr;
  if (target.kind == PostgresKind::kSmallint) {
    return std::make_unique<ConvertedColumn<DecimalToInteger<std::int16_t>>>(
        WireKind::kTwo, DecimalToInteger<std::int16_t>{});
  }
  if (target.kind == PostgresKind::kInteger) {
    return std::make_unique<ConvertedColumn<DecimalToInteger<std::int32_t>>>(
        WireKind::kFour, DecimalToInteger<std::int32_t>{});
  }
  if (target.kind == PostgresKind::kBigint) {
    return std::make_unique<ConvertedColumn<DecimalToInteger<std::int64_t>>>(
        WireKind::kEight, DecimalToInteger<std::int64_t>{});
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<ColumnEncoder> MakeScalarColumn(const data::Type& source,
                                                const PostgresType& target) {
  switch (source.kind) {
    case TypeKind::kBoolean:
      return std::make_unique<BooleanColumn>();
    case TypeKind::kByte:
      return MakeIntegerColumn<std::int8_t>(target);
    case TypeKind::kShort:
      return MakeIntegerColumn<std::int16_t>(target);
    case TypeKind::kInt:
      return MakeIntegerColumn<std::int32_t>(target);
    case TypeKind::kLong:
      return MakeIntegerColumn<std::int64_t>(target);
    case TypeKind::kFloat:
      if (target.kind == PostgresKind::kDouble) return std::make_unique<WidenedRealColumn>();
      return std::make_unique<PlainColumn>(WireKind::kReal, 4);
    case TypeKind::kDouble:
      return std::make_unique<PlainColumn>(WireKind::kDouble, 8);
    case TypeKind::kDecimal:
      return MakeDecimalColumn(source, target);
    case TypeKind::kDate:
      return std::make_unique<ConvertedColumn<DateToDate>>(WireKind::kFour, DateToDate{});
    case TypeKind::kTimestamp:
      return std::make_unique<ConvertedColumn<TimestampToTimestamp<true>>>(
          WireKind::kEight, TimestampToTimestamp<true>{});
    case TypeKind::kTimestampNtz:
      return std::make_unique<ConvertedColumn<TimestampToTimestamp<false>>>(
          WireKind::kEight, TimestampToTimestamp<false>{});
    case TypeKind::kYearMonthInterval:
      return std::make_unique<IntervalColumn>(true);
    case TypeKind::kDayTimeInterval:
      return std::make_unique<IntervalColumn>(false);
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kArray:
    case TypeKind::kMap:
    case TypeKind::kStruct:
    case TypeKind::kVariant:
    case TypeKind::kVoid:
    case TypeKind::kGeometry:
    case TypeKind::kGeography:
      return nullptr;
  }
  return nullptr;
}

}  // namespace spillway::target::postgres
