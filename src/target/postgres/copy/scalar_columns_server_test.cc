#include <cstring>
#include <limits>

#include "target/postgres/copy/copy_encoder_server_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class ScalarColumnsServer : public CopyEncoderServer {};

template <typename T>
std::vector<Value> Integers(Random* random) {
  std::vector<Value> values = {Null(),
                               Integer(0),
                               Integer(1),
                               Integer(-1),
                               Integer(std::numeric_limits<T>::max()),
                               Integer(std::numeric_limits<T>::min())};
  for (int i = 0; i < 2000; ++i) {
    values.push_back(i % 17 == 0 ? Null() : Integer(static_cast<T>((*random)())));
  }
  return values;
}

TEST_P(ScalarColumnsServer, Booleans) {
  std::vector<Value> values;
  for (int i = 0; i < 1000; ++i) {
    const bool value = random_() % 2 == 0;
    values.push_back(i % 7 == 0 ? Null()
                                : Value{value ? "true" : "false", value ? "true" : "false"});
  }
  Compare(data::ScalarType(TypeKind::kBoolean), "boolean", values);
}

TEST_P(ScalarColumnsServer, IntegersInTheirOwnWidthAndInWiderOnes) {
  const std::vector<std::string> all = {"smallint", "integer", "bigint", "numeric",
                                        "numeric(40,3)"};
  const std::vector<Value> bytes = Integers<std::int8_t>(&random_);
  const std::vector<Value> shorts = Integers<std::int16_t>(&random_);
  const std::vector<Value> ints = Integers<std::int32_t>(&random_);
  const std::vector<Value> longs = Integers<std::int64_t>(&random_);
  for (const std::string& target : all) {
    Compare(data::ScalarType(TypeKind::kByte), target, bytes);
    Compare(data::ScalarType(TypeKind::kShort), target, shorts);
    if (target == "smallint") continue;
    Compare(data::ScalarType(TypeKind::kInt), target, ints);
    if (target == "integer") continue;
    Compare(data::ScalarType(TypeKind::kLong), target, longs);
  }
  // Narrower, where the values fit.
  Compare(data::ScalarType(TypeKind::kLong), "smallint", shorts);
  Compare(data::ScalarType(TypeKind::kLong), "integer", ints);
  Compare(data::ScalarType(TypeKind::kInt), "smallint", shorts);
  Compare(data::DecimalType(38, 0), "bigint", longs);
  Compare(data::DecimalType(10, 0), "integer", ints);
  Compare(data::DecimalType(5, 0), "smallint", shorts);
}

template <typename Float, typename Bits>
std::vector<Value> Floats(Random* random, const char* format, const char* type) {
  std::vector<Value> values = {Null()};
  const auto add = [&](const std::string& text) {
    values.push_back({text, "'" + text + "'::" + type});
  };
  for (const char* text : {"0", "-0", "NaN", "Infinity", "-Infinity", "1", "-1.5"}) add(text);
  const auto number = [&](Float value) {
    char text[64];
    std::snprintf(text, sizeof(text), format, static_cast<double>(value));
    add(text);
  };
  using Limits = std::numeric_limits<Float>;
  for (const Float value : {Limits::max(), Limits::lowest(), Limits::min(), Limits::denorm_min()}) {
    number(value);
  }
  while (values.size() < 3000) {
    Float value;
    const auto bits = static_cast<Bits>((*random)());
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) number(value);
  }
  return values;
}

TEST_P(ScalarColumnsServer, Floats) {
  const auto floats = Floats<float, std::uint32_t>(&random_, "%.9g", "real");
  Compare(data::ScalarType(TypeKind::kFloat), "real", floats);
  Compare(data::ScalarType(TypeKind::kFloat), "double precision", floats);
  Compare(data::ScalarType(TypeKind::kDouble), "double precision",
          Floats<double, std::uint64_t>(&random_, "%.17g", "float8"));
}

TEST_P(ScalarColumnsServer, DecimalsOfEveryScale) {
  for (const std::int32_t precision : {1, 2, 4, 5, 8, 9, 15, 16, 17, 18, 19, 20, 27, 37, 38}) {
    std::vector<std::int32_t> scales = {0,        1, 2, 3, 4, 5, 7, 8, precision / 2, precision - 1,
                                        precision};
    std::sort(scales.begin(), scales.end());
    scales.erase(std::unique(scales.begin(), scales.end()), scales.end());
    for (const std::int32_t scale : scales) {
      if (scale > precision) continue;
      std::vector<Value> values = {Null()};
      for (int i = 0; i < 150; ++i) {
        // numeric has no place for the digit before the point when all are behind it.
        std::string text = RandomDecimal(&random_, precision, scale);
        values.push_back({text, text});
      }
      const std::string name =
          "numeric(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
      Compare(data::DecimalType(precision, scale), name, values);
    }
  }
}

TEST_P(ScalarColumnsServer, DecimalsInOtherNumerics) {
  for (const std::int32_t scale : {0, 1, 2, 3, 4, 6, 18}) {
    std::vector<Value> values = {Null()}, shorter = {Null()};
    for (int i = 0; i < 500; ++i) {
      const std::string text = RandomDecimal(&random_, 20, scale);
      values.push_back({text, text});
      const std::string zeros = scale == 0 ? "" : std::string(static_cast<std::size_t>(scale), '0');
      const std::string whole = std::to_string(random_() % 100);
      shorter.push_back({scale == 0 ? whole : whole + "." + zeros, whole});
    }
    const data::Type type = data::DecimalType(20, scale);
    Compare(type, "numeric(38,18)", values);
    Compare(type, "numeric(1000,500)", values);
    Compare(type, "numeric(10,0)", shorter);
    // Without constraint the server keeps the scale of the literal.
    Compare(type, "numeric", values);
  }
}

TEST_P(ScalarColumnsServer, Dates) {
  constexpr std::int64_t kFirst = -2451545 + 10957, kLast = 2147483493 - 2451545 + 10957;
  std::vector<Value> values = {Null()};
  const auto add = [&](std::int64_t days) {
    // The builder reads dates as text: the server writes it, of the same day.
    values.push_back({std::to_string(days), "'1970-01-01'::date + (" + std::to_string(days) + ")"});
  };
  for (const std::int64_t days :
       {kFirst, kFirst + 1, kLast - 1, kLast, std::int64_t{0}, std::int64_t{-1},
        std::int64_t{10956}, std::int64_t{10957}, std::int64_t{-719162}, std::int64_t{-719528}}) {
    add(days);
  }
  for (int i = 0; i < 3000; ++i) {
    const std::int64_t span = i % 2 == 0 ? kLast - kFirst : 100000;
    add((i % 2 == 0 ? kFirst : -50000) +
        static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(span)));
  }
  for (Value& value : values) {
    if (!value.text) continue;
    char text[data::kMaxScalarText];
    const auto days = static_cast<std::int32_t>(std::stoll(*value.text));
    value.text = std::string(text, data::WriteDate(days, text));
  }
  Compare(data::ScalarType(TypeKind::kDate), "date", values);
}

TEST_P(ScalarColumnsServer, Timestamps) {
  constexpr std::int64_t kFirst = -210866803200000000;
  std::vector<std::int64_t> micros = {kFirst,
                                      kFirst + 1,
                                      0,
                                      1,
                                      -1,
                                      946684799999999,
                                      946684800000000,
                                      std::numeric_limits<std::int64_t>::max() - 1,
                                      std::numeric_limits<std::int64_t>::max()};
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t span = i % 2 == 0 ? std::uint64_t{9223372036854775807} - 210866803200000000
                                          : std::uint64_t{4000000000000000};
    micros.push_back((i % 2 == 0 ? kFirst : 0) + static_cast<std::int64_t>(random_() % span));
  }
  std::vector<Value> with_zone = {Null()}, without = {Null()};
  for (const std::int64_t value : micros) {
    const std::int64_t days = value / kMicrosPerDay, rest = value % kMicrosPerDay;
    const std::string parts = " + make_interval(days => " + std::to_string(days) + ") + '" +
                              std::to_string(rest) + " microseconds'::interval";
    with_zone.push_back({std::to_string(value), "'1970-01-01 00:00:00+00'::timestamptz" + parts});
    without.push_back({std::to_string(value), "'1970-01-01 00:00:00'::timestamp" + parts});
  }
  Compare(data::ScalarType(TypeKind::kTimestamp), "timestamptz", with_zone);
  Compare(data::ScalarType(TypeKind::kTimestampNtz), "timestamp", without);
}

TEST_P(ScalarColumnsServer, Intervals) {
  std::vector<Value> months = {Null()}, micros = {Null()};
  for (int i = 0; i < 1500; ++i) {
    const auto month = i == 0   ? std::numeric_limits<std::int32_t>::max()
                       : i == 1 ? std::numeric_limits<std::int32_t>::min()
                                : static_cast<std::int32_t>(random_());
    months.push_back(
        {std::to_string(month), "make_interval(months => '" + std::to_string(month) + "'::int)"});
    const auto value = i == 0   ? std::numeric_limits<std::int64_t>::max()
                       : i == 1 ? std::numeric_limits<std::int64_t>::min()
                       : i % 2  ? static_cast<std::int64_t>(random_())
                               : static_cast<std::int64_t>(random_() % 200000000000) - 100000000000;
    micros.push_back({std::to_string(value),
                      "make_interval(days => " + std::to_string(value / kMicrosPerDay) + ") + '" +
                          std::to_string(value % kMicrosPerDay) + " microseconds'::interval"});
  }
  Compare(data::ScalarType(TypeKind::kYearMonthInterval), "interval", months);
  Compare(data::ScalarType(TypeKind::kDayTimeInterval), "interval", micros);
}

SPILLWAY_COMPARE_ON_EACH_SERVER(ScalarColumnsServer);

}  // namespace
}  // namespace spillway::target::postgres
