#include "expr/predicate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace spillway::expr {
namespace {

using base::ErrorClass;
using base::Status;
using data::ScalarType;
using data::TypeKind;

const data::Schema& Columns() {
  static const data::Schema kSchema = [] {
    data::Schema schema;
    const auto add = [&](const char* name, data::Type type) {
      schema.fields.push_back({.name = name, .type = std::move(type)});
    };
    add("id", ScalarType(TypeKind::kLong));
    add("tiny", ScalarType(TypeKind::kByte));
    add("price", data::DecimalType(10, 2));
    add("f", ScalarType(TypeKind::kFloat));
    add("d", ScalarType(TypeKind::kDouble));
    add("name", ScalarType(TypeKind::kString));
    add("bin", ScalarType(TypeKind::kBinary));
    add("day", ScalarType(TypeKind::kDate));
    add("ts", ScalarType(TypeKind::kTimestamp));
    add("ntz", ScalarType(TypeKind::kTimestampNtz));
    add("active", ScalarType(TypeKind::kBoolean));
    add("st",
        data::StructType(
            {{.name = "x", .type = ScalarType(TypeKind::kInt)},
             {.name = "in ner",
              .type = data::StructType({{.name = "Y", .type = ScalarType(TypeKind::kString)}})}}));
    add("arr", data::ArrayType(ScalarType(TypeKind::kInt)));
    add("v", ScalarType(TypeKind::kVariant));
    add("Mixed Case", ScalarType(TypeKind::kInt));
    add("order", ScalarType(TypeKind::kInt));
    add("date", ScalarType(TypeKind::kDate));
    add("nothing", ScalarType(TypeKind::kVoid));
    return schema;
  }();
  return kSchema;
}

Predicate Parse(std::string_view text) {
  auto predicate = Predicate::Parse(text, Columns());
  EXPECT_TRUE(predicate.ok()) << text << "\n" << predicate.status().ToString();
  return predicate.ok() ? *std::move(predicate) : *Predicate::Parse("TRUE", Columns());
}

/// The canonical text, after making sure that it reads back to the same.
std::string Text(std::string_view text) {
  const Predicate predicate = Parse(text);
  const Predicate again = Parse(predicate.text());
  EXPECT_EQ(again.text(), predicate.text());
  EXPECT_EQ(again.lakeio_json(), predicate.lakeio_json());
  return predicate.text();
}

std::string Json(std::string_view text) { return Parse(text).lakeio_json(); }

Status Refused(std::string_view text) {
  const auto predicate = Predicate::Parse(text, Columns());
  EXPECT_FALSE(predicate.ok()) << text << " is " << (predicate.ok() ? predicate->text() : "");
  return predicate.ok() ? Status() : predicate.status();
}

/// The token at which `text` is refused.
std::string TokenAt(std::string_view text) {
  const Status status = Refused(text);
  EXPECT_EQ(status.error_class(), ErrorClass::kInvalidPredicate) << status.ToString();
  const std::string token(status.detail("token"));
  EXPECT_EQ(text.substr(std::stoul(std::string(status.detail("position"))), token.size()), token);
  return token;
}

TEST(Predicate, WritesLakeiosTree) {
  EXPECT_EQ(Json("id >= 10"),
            R"({"op":">=","left":{"column":["id"]},"right":{"type":"long","value":"10"}})");
  EXPECT_EQ(Json("st.\"in ner\".y IS NOT NULL"),
            R"({"op":"is_not_null","arg":{"column":["st","in ner","Y"]}})");
  EXPECT_EQ(Json("NOT active OR id IN (1, NULL) AND name LIKE 'a!%%' ESCAPE '!'"),
            R"({"op":"or","args":[{"op":"not","arg":{"op":"=","left":{"column":["active"]},)"
            R"("right":{"type":"boolean","value":"true"}}},{"op":"and","args":[)"
            R"({"op":"in","arg":{"column":["id"]},"values":[{"type":"long","value":"1"},)"
            R"({"type":"long","value":null}]},)"
            R"({"op":"like","arg":{"column":["name"]},"pattern":"a!%%","escape":"!"}]}]})");
  EXPECT_EQ(Json("NULL"), R"({"op":"literal","value":null})");
  EXPECT_EQ(
      Json("id <=> NULL"),
      R"({"op":"is_not_distinct","left":{"column":["id"]},"right":{"type":"long","value":null}})");
}

TEST(Predicate, PrintsCanonically) {
  EXPECT_EQ(Text(" ID=1 and(name <> 'x' AND  (d < 2)) "), "id = 1 AND name <> 'x' AND d < 2");
  EXPECT_EQ(Text("5 < id"), "id > 5");
  EXPECT_EQ(Text("id != 5"), "id <> 5");
  EXPECT_EQ(Text("id BETWEEN 1 AND 2 OR active"), "(id >= 1 AND id <= 2) OR active = TRUE");
  EXPECT_EQ(Text("id NOT BETWEEN 1 AND 2"), "NOT (id >= 1 AND id <= 2)");
  EXPECT_EQ(Text("name NOT LIKE 'it''s_'"), "NOT (name LIKE 'it''s_')");
  EXPECT_EQ(Text("name NOT IN ('a')"), "NOT (name IN ('a'))");
  EXPECT_EQ(Text("id IS NOT DISTINCT FROM 3"), "id IS NOT DISTINCT FROM 3");
  EXPECT_EQ(Text("id IS DISTINCT FROM tiny"), "id IS DISTINCT FROM tiny");
  EXPECT_EQ(Text("\"Mixed Case\" = 1 AND \"order\" = 2 AND date = DATE '2024-01-01'"),
            "\"Mixed Case\" = 1 AND order = 2 AND \"date\" = DATE '2024-01-01'");
  EXPECT_EQ(Text("1 = 1.0"), "1 = 1");
  EXPECT_EQ(Text("NULL = 'x'"), "NULL = 'x'");
  EXPECT_EQ(Text("id = -0"), "id = 0");
  EXPECT_EQ(Text("NOT NOT FALSE"), "NOT (NOT (FALSE))");
}

TEST(Predicate, TypesLiteralsByTheColumn) {
  const auto literal = [](std::string_view text) {
    const auto json = nlohmann::json::parse(Json(text));
    const auto& right = json["right"];
    return right["type"].get<std::string>() + " " + right["value"].get<std::string>();
  };
  EXPECT_EQ(literal("tiny = 127"), "byte 127");
  EXPECT_EQ(literal("tiny < 128"), "long 128");
  EXPECT_EQ(literal("tiny < 9223372036854775808"), "decimal(19,0) 9223372036854775808");
  EXPECT_EQ(literal("id > -1e40"), "double -1e+39");
  EXPECT_EQ(literal("id > 1.5"), "decimal(2,1) 1.5");
  EXPECT_EQ(literal("id = 1e3"), "long 1000");
  EXPECT_EQ(literal("price = 1.5"), "decimal(10,2) 1.5");
  EXPECT_EQ(literal("price = 1.505"), "decimal(4,3) 1.505");
  EXPECT_EQ(literal("price = .05"), "decimal(10,2) 0.05");
  EXPECT_EQ(literal("price < 123456789012"), "long 123456789012");
  EXPECT_EQ(literal("f = 0.5"), "float 0.5");
  EXPECT_EQ(literal("f = 0.1"), "double 0.1") << "no float is 0.1: compared by value";
  EXPECT_EQ(literal("d = -1e-3"), "double -0.001");
  EXPECT_EQ(literal("d = 'NaN'"), "double NaN");
  EXPECT_EQ(literal("bin = x'00FF'"), "binary 00ff");
  EXPECT_EQ(literal("day = '2024-02-29'"), "date 2024-02-29");
  EXPECT_EQ(literal("ts > TIMESTAMP '2024-01-01 10:00:00.5'"), "timestamp 2024-01-01T10:00:00.5Z");
  EXPECT_EQ(literal("ts > TIMESTAMP '2024-01-01 10:00+02:00'"), "timestamp 2024-01-01T08:00:00Z");
  EXPECT_EQ(literal("ts > DATE '2024-01-01'"), "timestamp 2024-01-01T00:00:00Z");
  EXPECT_EQ(literal("ntz > TIMESTAMP '2024-01-01 10:00:00'"), "timestamp_ntz 2024-01-01T10:00:00");
}

TEST(Predicate, NamesItsColumns) {
  const Predicate predicate = Parse("st.x = tiny OR id = 1 AND st.x > 2");
  EXPECT_EQ(predicate.columns(), (std::vector<std::string>{"id", "tiny", "st"}));
  EXPECT_TRUE(Parse("TRUE").columns().empty());
}

TEST(Predicate, RefusesAtTheToken) {
  EXPECT_EQ(TokenAt(""), "");
  EXPECT_EQ(TokenAt("id ="), "");
  EXPECT_EQ(TokenAt("id = 1 id"), "id");
  EXPECT_EQ(TokenAt("id = 1 = 2"), "=");
  EXPECT_EQ(TokenAt("(id = 1"), "");
  EXPECT_EQ(TokenAt("id = 1)"), ")");
  EXPECT_EQ(TokenAt("id + 1 = 2"), "+");
  EXPECT_EQ(TokenAt("id = 'x'"), "'x'");
  EXPECT_EQ(TokenAt("name = 5"), "5");
  EXPECT_EQ(TokenAt("id > 3 AND day > DATE '2023-02-29'"), "'2023-02-29'");
  EXPECT_EQ(TokenAt("day > TIMESTAMP '2023-02-28 00:00:00'"), "'2023-02-28 00:00:00'");
  EXPECT_EQ(TokenAt("ts > '2023-02-28 25:00:00'"), "'2023-02-28 25:00:00'");
  EXPECT_EQ(TokenAt("ntz > TIMESTAMP '2023-02-28 00:00:00Z'"), "'2023-02-28 00:00:00Z'");
  EXPECT_EQ(TokenAt("d < 1e999"), "1e999");
  EXPECT_EQ(TokenAt("price = 0.123456789012345678901234567890123456789"),
            "0.123456789012345678901234567890123456789");
  EXPECT_EQ(TokenAt("upper(name) = 'X'"), "upper");
  EXPECT_EQ(TokenAt("id IN (tiny)"), "tiny");
  EXPECT_EQ(TokenAt("id IN ()"), ")");
  EXPECT_EQ(TokenAt("id IN (1, 'a')"), "'a'");
  EXPECT_EQ(TokenAt("id IS 5"), "5");
  EXPECT_EQ(TokenAt("id IS TRUE"), "TRUE");
  EXPECT_EQ(TokenAt("1 IS NULL"), "1");
  EXPECT_EQ(TokenAt("id LIKE 'x'"), "id");
  EXPECT_EQ(TokenAt("name LIKE name"), "name");
  EXPECT_EQ(TokenAt("name LIKE 'x' ESCAPE 'ab'"), "'ab'");
  EXPECT_EQ(TokenAt("name LIKE 'x\\'"), "'x\\'");
  EXPECT_EQ(TokenAt("name LIKE 'a\\b'"), "'a\\b'");
  EXPECT_EQ(TokenAt("arr = 1"), "arr");
  EXPECT_EQ(TokenAt("v = 1"), "v");
  EXPECT_EQ(TokenAt("nothing IS NULL"), "nothing");
  EXPECT_EQ(TokenAt("id = name"), "name");
  EXPECT_EQ(TokenAt("id"), "");
  EXPECT_EQ(TokenAt("name = 'open"), "'open");
  EXPECT_EQ(TokenAt("`id` = 1"), "`");
  EXPECT_EQ(TokenAt("id = 1; DROP"), ";");
  EXPECT_EQ(TokenAt("id = 12ab"), "12ab");
  EXPECT_EQ(TokenAt("id.x = 1"), "x");
  EXPECT_EQ(TokenAt("id BETWEEN 1"), "");
  EXPECT_EQ(TokenAt("current_date() > day"), "current_date");
  EXPECT_EQ(TokenAt("bin = X'0'"), "X'0'");
}

TEST(Predicate, ShowsThePlace) {
  EXPECT_EQ(Refused("name = 'ä' AND id = 'x'").message(),
            "the predicate is wrong at 'x': id is bigint, so a number is expected here\n"
            "  name = 'ä' AND id = 'x'\n"
            "                      ^^^");
  EXPECT_EQ(Refused("id\n= ").message(),
            "the predicate is wrong at its end: a column or a constant is expected\n"
            "  id = \n"
            "       ^");
  std::string long_text;
  for (int i = 0; i < 50; ++i) long_text += "id = 1 AND ";
  const std::string message(
      Refused(long_text + "ID = 'x' AND id = 2 AND id = 3 AND id = 4 AND id = 5").message());
  EXPECT_NE(message.find("… "), std::string::npos);
  EXPECT_LT(message.size(), 400U);
}

TEST(Predicate, SuggestsColumns) {
  const Status missing = Refused("nmae = 'x'");
  EXPECT_EQ(missing.error_class(), ErrorClass::kColumnNotFound);
  EXPECT_EQ(missing.detail("column"), "nmae");
  const Status nested = Refused("st.z = 1");
  EXPECT_EQ(nested.detail("column"), "st.z");
  EXPECT_EQ(nested.detail("position"), "3");
  EXPECT_EQ(Refused("pric = 1").mend(), "Did you mean: price?");
}

TEST(Predicate, RefusesByNameWhatDependsOnMoreThanTheRows) {
  for (const auto& [text, token] : {std::pair<std::string, std::string>("id > now()", "now"),
                                    {"CURRENT_DATE = DATE '2024-01-01'", "CURRENT_DATE"},
                                    {"name = current_user", "current_user"},
                                    {"random() < 1", "random"},
                                    {"lower(name) = 'x'", "lower"}}) {
    const Status refused = Refused(text);
    EXPECT_EQ(refused.error_class(), ErrorClass::kInvalidPredicate) << text;
    EXPECT_EQ(refused.detail("token"), token) << text;
  }
  EXPECT_NE(Refused("id > now()").message().find("now depends on time"), std::string::npos);
}

TEST(Predicate, ChecksTheSyntaxWithoutASchema) {
  for (const char* good :
       {"a > 1 AND (b IN (1, 'x') OR NOT c.d LIKE 'a%' ESCAPE '!')", "flag", "NOT \"odd name\".x",
        "a BETWEEN DATE '2024-01-01' AND b", "a IS NOT DISTINCT FROM NULL", "1 < a", "a <=> X'00'",
        "current_date = 1"}) {
    EXPECT_TRUE(Predicate::CheckSyntax(good).ok()) << good;
  }
  for (const auto& [text, token] : {std::pair<std::string, std::string>("id >", ""),
                                    {"id > now()", "now"},
                                    {"random() < id", "random"},
                                    {"a = 1 b", "b"},
                                    {"a IN (b)", "b"},
                                    {"(a = 1", ""},
                                    {"a. = 1", "="},
                                    {"'x'", ""}}) {
    const Status refused = Predicate::CheckSyntax(text);
    EXPECT_EQ(refused.error_class(), ErrorClass::kInvalidPredicate) << text;
    EXPECT_EQ(refused.detail("token"), token) << text;
  }
}

TEST(Predicate, TakesAQuotedColumnToTheLetter) {
  const data::Schema schema{{{.name = "Id", .type = data::ScalarType(data::TypeKind::kLong)}}};
  EXPECT_TRUE(Predicate::Parse("ID > 1", schema).ok());
  EXPECT_TRUE(Predicate::Parse("\"Id\" > 1", schema).ok());
  EXPECT_EQ(Predicate::Parse("\"ID\" > 1", schema).status().detail("nearest"), "Id");
}

TEST(Predicate, BoundsItsDepthAndLength) {
  EXPECT_EQ(TokenAt(std::string(150, '(') + "TRUE" + std::string(150, ')')), "(");
  std::string nots;
  for (int i = 0; i < 5000; ++i) nots += "NOT ";
  EXPECT_EQ(TokenAt(nots + "TRUE"), "NOT");
  EXPECT_EQ(Refused(std::string(200'000, ' ')).error_class(), ErrorClass::kInvalidPredicate);
  EXPECT_EQ(Refused(std::string("id\0", 3)).error_class(), ErrorClass::kInvalidPredicate);
  EXPECT_EQ(Refused("name = '\xFF'").error_class(), ErrorClass::kInvalidPredicate);
  std::string wide = "id = 0";
  for (int i = 0; i < 3000; ++i) wide += " OR id = " + std::to_string(i);
  EXPECT_EQ(Text(wide), wide);
}

}  // namespace
}  // namespace spillway::expr
