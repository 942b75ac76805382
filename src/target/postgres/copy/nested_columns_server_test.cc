#include <algorithm>
#include <cmath>
#include <cstring>

#include "target/postgres/copy/copy_encoder_server_fixture_test.h"

namespace spillway::target::postgres {
namespace {

class NestedColumnsServer : public CopyEncoderServer {};

TEST_P(NestedColumnsServer, NestedValuesAsDocuments) {
  const data::Type record =
      data::StructType({{.name = "b", .type = data::ScalarType(TypeKind::kString)},
                        {.name = "a", .type = data::ArrayType(data::ScalarType(TypeKind::kInt))}});
  const data::Type map =
      data::MapType(data::ScalarType(TypeKind::kString), data::ScalarType(TypeKind::kDouble));
  const std::vector<Value> records = {
      Null(),
      {R"({"b":"x \" é 😀","a":[1,null,-3]})", R"('{"b":"x \" é 😀","a":[1,null,-3]}')"},
      {R"({"b":null,"a":null})", R"('{"b":null,"a":null}')"},
      {R"({"b":"","a":[]})", R"('{"b":"","a":[]}')"}};
  Compare(record, "jsonb", records, false);
  Compare(record, "json", records);
  Compare(record, "text", records);
  Compare(map, "jsonb", {Null(), {R"([["k",1.5],["",null]])", R"('{"k":1.5,"":null}')"}}, false);
  Compare(data::ArrayType(map), "jsonb", {{R"([[["k",1.5]],null,[]])", R"('[{"k":1.5},null,{}]')"}},
          false);
}

TEST_P(NestedColumnsServer, Arrays) {
  const auto compare = [&](const data::Type& element, const std::string& target, bool quote_json,
                           const auto& make) {
    std::vector<Value> values = {Null(), ArrayOf({}, target, quote_json),
                                 ArrayOf({Null()}, target, quote_json)};
    for (int i = 0; i < 400; ++i) {
      std::vector<Value> elements;
      for (std::uint64_t j = random_() % 12; j > 0; --j) {
        elements.push_back(random_() % 5 == 0 && i % 2 == 0 ? Null() : make());
      }
      values.push_back(i % 23 == 0 ? Null() : ArrayOf(elements, target, quote_json));
    }
    std::vector<Value> many;
    for (int j = 0; j < 5000; ++j) many.push_back(make());
    values.push_back(ArrayOf(many, target, quote_json));
    values.push_back(ArrayOf({}, target, quote_json));
    Compare(data::ArrayType(element), target, values);
  };
  const auto text = [&] {
    const std::string value = RandomText(&random_);
    return Value{value, Quoted(value)};
  };
  const auto integer = [&] { return Integer(static_cast<std::int16_t>(random_())); };
  compare(data::ScalarType(TypeKind::kString), "text[]", true, text);
  compare(data::ScalarType(TypeKind::kString), "varchar(1000)[]", true, text);
  compare(data::ScalarType(TypeKind::kShort), "smallint[]", false, integer);
  compare(data::ScalarType(TypeKind::kInt), "int4[]", false, integer);
  compare(data::ScalarType(TypeKind::kInt), "int8[]", false, integer);
  compare(data::ScalarType(TypeKind::kLong), "bigint[]", false, integer);
  compare(data::ScalarType(TypeKind::kFloat), "float4[]", false, integer);
  compare(data::ScalarType(TypeKind::kDouble), "float8[]", false, integer);
  compare(data::ScalarType(TypeKind::kBoolean), "boolean[]", false,
          [&] { return random_() % 2 == 0 ? Value{"true", "true"} : Value{"false", "false"}; });
  compare(data::DecimalType(20, 5), "numeric(20,5)[]", true, [&] {
    const std::string value = RandomDecimal(&random_, 20, 5);
    return Value{value, value};
  });
  compare(data::ScalarType(TypeKind::kString), "uuid[]", true, [&] {
    const std::string value = Hex(RandomBytes(&random_, 16));
    return Value{value, "'" + value + "'"};
  });
  compare(data::ScalarType(TypeKind::kBinary), "bytea[]", true, [&] {
    const std::string value = Hex(RandomBytes(&random_, random_() % 20));
    return Value{value, "'\\x" + value + "'"};
  });
}

/// On the server whose package has pgvector.
class CopyEncoderVectors : public CopyEncoderServer {};

TEST_P(CopyEncoderVectors, Vectors) {
  Execute("CREATE EXTENSION IF NOT EXISTS vector");
  const auto compare = [&](TypeKind kind, const std::string& target, const std::string& array,
                           std::size_t dimensions, const auto& make) {
    std::vector<Value> values = {Null()};
    for (int i = 0; i < 1000; ++i) {
      std::vector<Value> elements;
      while (elements.size() < dimensions) elements.push_back(make());
      Value value = ArrayOf(elements, array, false);
      value.sql += "::" + target;
      values.push_back(std::move(value));
    }
    Compare(data::ArrayType(data::ScalarType(kind)), target, values);
  };
  const auto number = [&](double value) {
    char text[64];
    std::snprintf(text, sizeof(text), "%.17g", value);
    return Value{text, "'" + std::string(text) + "'"};
  };
  const auto real = [&] {
    float value = NAN;
    while (!std::isfinite(value)) {
      const auto bits = static_cast<std::uint32_t>(random_());
      std::memcpy(&value, &bits, sizeof(value));
    }
    return number(static_cast<double>(value));
  };
  const auto near_half = [&] {
    // From subnormal halves to the largest, with ties.
    const auto exponent = static_cast<int>(random_() % 41) - 26;
    const auto digits = static_cast<double>(2048 + random_() % 2048);
    const double value = std::min(std::ldexp(digits / 2048.0, exponent), 65519.0);
    return number(random_() % 2 == 0 ? value : -value);
  };
  const auto small = [&] { return Integer(static_cast<std::int64_t>(random_() % 20001) - 10000); };
  compare(TypeKind::kFloat, "vector(3)", "float4[]", 3, real);
  compare(TypeKind::kFloat, "vector", "float4[]", 5, real);
  compare(TypeKind::kDouble, "vector(8)", "float8[]", 8, [&] {
    return number(
        std::ldexp(static_cast<double>(random_()), static_cast<int>(random_() % 180) - 150));
  });
  compare(TypeKind::kInt, "vector(2)", "int[]", 2,
          [&] { return Integer(static_cast<std::int32_t>(random_())); });
  compare(TypeKind::kFloat, "halfvec(7)", "float4[]", 7, [&] {
    Value value = near_half();
    return value;
  });
  compare(TypeKind::kDouble, "halfvec(16)", "float8[]", 16, near_half);
  compare(TypeKind::kInt, "halfvec(4)", "int[]", 4, small);
}

SPILLWAY_COMPARE_ON_EACH_SERVER(NestedColumnsServer);
INSTANTIATE_TEST_SUITE_P(Versions, CopyEncoderVectors, ::testing::Values(ServerVersion::k18),
                         [](const auto&) { return "Pg18"; });

}  // namespace
}  // namespace spillway::target::postgres
