#include "target/postgres/copy/type_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace spillway::target::postgres {
namespace {

using base::ErrorClass;
using data::TypeKind;

data::Field FieldOf(data::Type type) { return {.name = "c", .type = std::move(type)}; }

std::string Mapped(const data::Type& type, std::string_view words, bool in_key = false,
                   const ServerFacts& server = {}) {
  const auto mapping = MapType(FieldOf(type), words, in_key, server);
  if (mapping.ok()) return mapping->target_type;
  EXPECT_EQ(mapping.status().detail("column"), "c");
  return std::string(base::Describe(mapping.status().error_class()).name);
}

TEST(TypeTable, EveryTypeHasOneRowAndOneDefaultAtMost) {
  for (const PostgresTypeInfo& info : PostgresTypes()) EXPECT_EQ(&Describe(info.kind), &info);
  std::set<TypeKind> with_default;
  std::set<std::pair<TypeKind, PostgresKind>> pairs;
  for (const TypeRule& rule : TypeRules()) {
    EXPECT_TRUE(pairs.emplace(rule.source, rule.target).second);
    EXPECT_TRUE(!rule.is_default || with_default.insert(rule.source).second);
  }
  for (const TypeRule& rule : TypeRules()) EXPECT_TRUE(with_default.contains(rule.source));
}

TEST(TypeTable, Defaults) {
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kByte), ""), "smallint");
  EXPECT_EQ(Mapped(data::DecimalType(38, 18), ""), "numeric(38,18)");
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kTimestamp), ""), "timestamptz");
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kTimestampNtz), ""), "timestamp");
  EXPECT_EQ(Mapped(data::ArrayType(data::ScalarType(TypeKind::kInt)), ""), "jsonb");
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kVoid), ""), "UNSUPPORTED_COLUMN_TYPE");
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kGeometry), ""), "UNSUPPORTED_COLUMN_TYPE");
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kVoid), "text"), "UNSUPPORTED_COLUMN_TYPE");
}

TEST(TypeTable, Overrides) {
  const data::Type text = data::ScalarType(TypeKind::kString);
  const data::Type decimal = data::DecimalType(10, 2);
  const data::Type texts = data::ArrayType(text);
  EXPECT_EQ(Mapped(text, "VARCHAR ( 20 )"), "varchar(20)");
  EXPECT_EQ(Mapped(text, "character varying(20)"), "varchar(20)");
  EXPECT_EQ(Mapped(text, "char"), "char(1)");
  EXPECT_EQ(Mapped(text, "uuid"), "uuid");
  EXPECT_EQ(Mapped(text, "integer"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(text, "varchar(0)"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(text, "varchar(10485761)"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(text, "citext"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(text, "text[]"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(text, "json", true), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(text, "jsonb", true), "jsonb");
  EXPECT_EQ(Mapped(decimal, "decimal(12)"), "numeric(12,0)");
  EXPECT_EQ(Mapped(decimal, "numeric"), "numeric");
  EXPECT_EQ(Mapped(decimal, "numeric(2,3)"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(decimal, "bigint"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(data::DecimalType(10, 0), "int8"), "bigint");
  EXPECT_EQ(Mapped(texts, "text []"), "text[]");
  EXPECT_EQ(Mapped(texts, "varchar(3)[]"), "varchar(3)[]");
  EXPECT_EQ(Mapped(texts, "bigint[]"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(texts, "text[][]"), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(data::ArrayType(texts), "text[]"), "text[]");
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kTimestamp), "timestamp with time zone"),
            "timestamptz");
  EXPECT_EQ(Mapped(data::ScalarType(TypeKind::kTimestamp), "timestamp"), "INVALID_DEFINITION");
}

TEST(TypeTable, WordsThatAreNoType) {
  for (const char* words : {"",
                            " ",
                            "(",
                            "varchar(",
                            "varchar(x)",
                            "varchar(1,2)",
                            "varchar(99999999999)",
                            "text)",
                            "text; drop table t",
                            "numeric(1001,0)",
                            "numeric(1,2,3)",
                            "bool(1)",
                            "vector(0)",
                            "vector(16001)",
                            "vector(3)[]",
                            "\"a.vector",
                            "pg_catalog.text",
                            "text[",
                            "[]",
                            "."}) {
    const auto parsed = ParsePostgresType(words);
    ASSERT_FALSE(parsed.ok()) << words;
    EXPECT_EQ(parsed.status().error_class(), ErrorClass::kInvalidDefinition);
  }
}

TEST(TypeTable, SpellingsAreReadBack) {
  for (const PostgresTypeInfo& info : PostgresTypes()) {
    for (const std::int32_t number : {0, 7}) {
      PostgresType type{.kind = info.kind};
      if (info.modifier == Modifier::kPrecisionAndScale) type.precision = number;
      const bool sized =
          info.modifier == Modifier::kLength || info.modifier == Modifier::kDimensions;
      if (sized) type.length = number;
      if (info.kind == PostgresKind::kChar && number == 0) continue;
      for (const std::string& spelling : {type.ToString(), type.FormatType()}) {
        const auto parsed = ParsePostgresType(spelling);
        ASSERT_TRUE(parsed.ok()) << spelling;
        EXPECT_EQ(*parsed, type) << spelling;
      }
    }
  }
}

TEST(TypeTable, VectorsNeedTheExtension) {
  const data::Type reals = data::ArrayType(data::ScalarType(TypeKind::kFloat));
  EXPECT_EQ(Mapped(reals, "vector(3)"), "TARGET_UNSUITABLE");
  const ServerFacts old{.vector_schema = "public", .vector_version = "0.5.1"};
  EXPECT_EQ(Mapped(reals, "vector(3)", false, old), "\"public\".vector(3)");
  EXPECT_EQ(Mapped(reals, "halfvec(3)", false, old), "TARGET_UNSUITABLE");
  const ServerFacts odd{.vector_schema = "my \"own", .vector_version = "0.8.6"};
  const std::string qualified = Mapped(reals, "public.halfvec(3)", false, odd);
  EXPECT_EQ(qualified, "\"my \"\"own\".halfvec(3)");
  const auto parsed = ParsePostgresType(qualified);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->ToString(), "halfvec(3)");
  EXPECT_EQ(Mapped(reals, "vector(3)", true, odd), "INVALID_DEFINITION");
  EXPECT_EQ(Mapped(data::ArrayType(data::ScalarType(TypeKind::kLong)), "vector(3)", false, odd),
            "INVALID_DEFINITION");
}

TEST(TypeTable, WarningsForWhatIsNotKept) {
  const ServerFacts server{.vector_schema = "public", .vector_version = "0.8.6"};
  const auto warnings = [&](TypeKind element, std::string_view words) {
    const auto mapping =
        MapType(FieldOf(data::ArrayType(data::ScalarType(element))), words, false, server);
    return mapping.ok() ? mapping->warnings.size() : 99;
  };
  EXPECT_EQ(warnings(TypeKind::kFloat, "vector(3)"), 0U);
  EXPECT_EQ(warnings(TypeKind::kDouble, "vector(3)"), 1U);
  EXPECT_EQ(warnings(TypeKind::kFloat, "halfvec(3)"), 1U);
  EXPECT_EQ(warnings(TypeKind::kShort, "vector(3)"), 0U);
  EXPECT_EQ(
      MapType(FieldOf(data::ScalarType(TypeKind::kString)), "char(3)", false, {})->warnings.size(),
      1U);
}

TEST(TypeTable, MessagesListWhatFits) {
  const auto mapping =
      MapType(FieldOf(data::ArrayType(data::ScalarType(TypeKind::kInt))), "money", false, {});
  EXPECT_NE(mapping.status().message().find("type of column c"), std::string::npos);
  const auto refused =
      MapType(FieldOf(data::ArrayType(data::ScalarType(TypeKind::kInt))), "text[]", false, {});
  EXPECT_EQ(refused.status().mend(),
            "Types that do: jsonb, json, text, vector(n), halfvec(n), integer[], smallint[], "
            "bigint[], numeric(p,s)[].");
  EXPECT_EQ(AllowedOverrides(data::ArrayType(data::ScalarType(TypeKind::kInt))),
            "jsonb, json, text, vector(n), halfvec(n), integer[], smallint[], bigint[], "
            "numeric(p,s)[]");
}

std::string_view SourceName(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBoolean:
      return "boolean";
    case TypeKind::kByte:
      return "byte";
    case TypeKind::kShort:
      return "short";
    case TypeKind::kInt:
      return "int";
    case TypeKind::kLong:
      return "long";
    case TypeKind::kFloat:
      return "float";
    case TypeKind::kDouble:
      return "double";
    case TypeKind::kDecimal:
      return "decimal(p,s)";
    case TypeKind::kString:
      return "string, char, varchar";
    case TypeKind::kBinary:
      return "binary";
    case TypeKind::kDate:
      return "date";
    case TypeKind::kTimestamp:
      return "timestamp";
    case TypeKind::kTimestampNtz:
      return "timestamp_ntz";
    case TypeKind::kArray:
      return "array";
    case TypeKind::kMap:
      return "map";
    case TypeKind::kStruct:
      return "struct";
    case TypeKind::kVariant:
      return "variant";
    case TypeKind::kYearMonthInterval:
      return "year-month interval";
    case TypeKind::kDayTimeInterval:
      return "day-time interval";
    case TypeKind::kVoid:
      return "void";
    case TypeKind::kGeometry:
      return "geometry";
    case TypeKind::kGeography:
      return "geography";
  }
  return "";
}

std::string Spelled(const PostgresTypeInfo& info) {
  switch (info.modifier) {
    case Modifier::kNone:
      return "`" + std::string(info.name) + "`";
    case Modifier::kPrecisionAndScale:
      return "`" + std::string(info.name) + "(p,s)`";
    case Modifier::kLength:
    case Modifier::kDimensions:
      return "`" + std::string(info.name) + "(n)`";
  }
  return "";
}

std::string MappingTable() {
  std::ostringstream table;
  table << "| source | PostgreSQL | | bad values |\n| --- | --- | --- | --- |\n";
  for (const TypeRule& rule : TypeRules()) {
    table << "| " << SourceName(rule.source) << " | " << Spelled(Describe(rule.target)) << " | "
          << (rule.is_default ? "default" : "override") << " | "
          << (rule.bad.empty() ? "none" : rule.bad) << " |\n";
    const bool last = &rule == &TypeRules().back() || (&rule + 1)->source != rule.source;
    if (rule.source == TypeKind::kArray && last) {
      table << "| array | `T[]` | override | those of the element |\n";
    }
  }
  return table.str();
}

std::string BinaryTable() {
  std::ostringstream table;
  table << "| type | also read as | oid | in a key | bytes of a value |\n"
           "| --- | --- | --- | --- | --- |\n";
  for (const PostgresTypeInfo& info : PostgresTypes()) {
    std::string also;
    for (const std::string_view spelling : {info.format_name, info.alias}) {
      if (spelling.empty() || spelling == info.name) continue;
      also += (also.empty() ? "`" : ", `") + std::string(spelling) + "`";
    }
    table << "| " << Spelled(info) << " | " << also << " | "
          << (info.oid == 0 ? "of extension " + std::string(info.extension)
                            : std::to_string(info.oid))
          << " | " << (info.key ? "yes" : "no") << " | " << info.binary << " |\n";
  }
  return table.str();
}

std::string DigestTable() {
  std::ostringstream table;
  table << "| type | form |\n| --- | --- |\n";
  for (const PostgresTypeInfo& info : PostgresTypes()) {
    table << "| " << Spelled(info) << " | "
          << (info.digest_form.empty() ? "the column itself"
                                       : "`" + std::string(info.digest_form) + "(column)`")
          << " |\n";
  }
  table << "| `T[]` | `" << kArrayDigestForm << "(column)` |\n";
  return table.str();
}

/// `page` with the lines between the markers of `name` replaced.
std::string WithTable(const std::string& page, const std::string& name, const std::string& table) {
  const std::string begin = "<!-- begin " + name + " -->\n", end = "<!-- end " + name + " -->\n";
  const std::size_t from = page.find(begin) + begin.size(), to = page.find(end);
  EXPECT_NE(page.find(begin), std::string::npos) << name;
  EXPECT_NE(to, std::string::npos) << name;
  return page.substr(0, from) + table + page.substr(to);
}

/// Compares a page below docs/formats with the tables it must contain. With SPILLWAY_RENDER_DOCS
/// set it is written anew.
void ExpectPage(const std::string& name, const std::map<std::string, std::string>& tables) {
  const std::string path = std::string(SPILLWAY_SOURCE_DIR) + "/docs/formats/" + name;
  std::stringstream on_disk;
  on_disk << std::ifstream(path).rdbuf();
  std::string page = on_disk.str();
  for (const auto& [table, text] : tables) page = WithTable(page, table, text);
  if (std::getenv("SPILLWAY_RENDER_DOCS") != nullptr) std::ofstream(path) << page;
  EXPECT_EQ(on_disk.str(), page) << "render it with SPILLWAY_RENDER_DOCS=1";
}

TEST(TypeTable, FormatPagesAreTheTable) {
  ExpectPage("types.md", {{"mapping", MappingTable()}, {"binary", BinaryTable()}});
  ExpectPage("digest-postgres.md", {{"forms", DigestTable()}});
}

}  // namespace
}  // namespace spillway::target::postgres
