#include <cctype>

#include "target/postgres/copy/copy_encoder_server_fixture_test.h"
#include "target/postgres/copy/json_syntax.h"
#include "target/postgres/copy/uuid_text.h"

namespace spillway::target::postgres {
namespace {

class TextColumnsServer : public CopyEncoderServer {};

TEST_P(TextColumnsServer, Texts) {
  std::vector<Value> values = {Null(), {"", "''"}};
  for (int i = 0; i < 3000; ++i) {
    const std::string text = RandomText(&random_);
    values.push_back(i % 19 == 0 ? Null() : Value{text, Quoted(text)});
  }
  for (const std::size_t size : {15U, 16U, 17U, 31U, 32U, 33U, 255U, 8192U, 3000000U}) {
    const std::string text(size, 'x');
    values.push_back({text, Quoted(text)});
  }
  Compare(data::ScalarType(TypeKind::kString), "text", values);
  Compare(data::ScalarType(TypeKind::kString), "varchar", values);
  Compare(data::ScalarType(TypeKind::kString), "varchar(3000000)", values);
  values.resize(3000);
  Compare(data::ScalarType(TypeKind::kString), "char(1000)", values);
  for (Value& value : values) {
    if (value.text) value.sql = "convert_to(" + value.sql + ", 'UTF8')";
  }
  Compare(data::ScalarType(TypeKind::kString), "bytea", values);
}

TEST_P(TextColumnsServer, BinaryValues) {
  std::vector<Value> values = {Null(), {"", "''"}};
  std::vector<Value> uuids = {Null()};
  for (int i = 0; i < 2000; ++i) {
    const std::string bytes = RandomBytes(&random_, random_() % 40);
    values.push_back({bytes, "'\\x" + Hex(bytes) + "'"});
    const std::string uuid = RandomBytes(&random_, 16);
    uuids.push_back({uuid, "'" + Hex(uuid) + "'"});
  }
  Compare(data::ScalarType(TypeKind::kBinary), "bytea", values);
  Compare(data::ScalarType(TypeKind::kBinary), "uuid", uuids);
}

TEST_P(TextColumnsServer, UuidsInEveryTextForm) {
  std::vector<Value> values = {Null()};
  for (int i = 0; i < 2000; ++i) {
    const std::string hex = Hex(RandomBytes(&random_, 16));
    std::string text;
    for (std::size_t j = 0; j < hex.size(); ++j) {
      if (j > 0 && j % 4 == 0 && random_() % 2 == 0) text += "-";
      text += random_() % 2 == 0 ? hex[j] : static_cast<char>(std::toupper(hex[j]));
    }
    if (i % 3 == 0) text = "{" + text + "}";
    values.push_back({text, "'" + text + "'"});
  }
  Compare(data::ScalarType(TypeKind::kString), "uuid", values);
}

TEST_P(TextColumnsServer, UuidsAreRefusedAsTheServerRefusesThem) {
  Execute(
      "CREATE OR REPLACE FUNCTION pg_temp.is_uuid(t text) RETURNS bool LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM t::uuid; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$");
  std::string list;
  std::vector<std::string> texts;
  for (int i = 0; i < 3000; ++i) {
    std::string text = Hex(RandomBytes(&random_, 16));
    for (std::uint64_t j = random_() % 3; j > 0; --j) {
      const std::size_t at = random_() % (text.size() + 1);
      switch (random_() % 4) {
        case 0:
          text.insert(at, 1, "-{}g 0"[random_() % 6]);
          break;
        case 1:
          if (at < text.size()) text.erase(at, 1);
          break;
        case 2:
          text.insert(at / 4 * 4, "-");
          break;
        case 3:
          text = "{" + text + "}";
          break;
      }
    }
    texts.push_back(text);
    list += (i > 0 ? "," : "") + Quoted(text);
  }
  const auto answers = Query("SELECT pg_temp.is_uuid(t) FROM unnest(ARRAY[" + list +
                             "]) WITH ORDINALITY AS x(t, n) ORDER BY n");
  ASSERT_EQ(answers.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(ParseUuid(texts[i]).has_value(), answers[i] == "t") << texts[i];
  }
}

TEST_P(TextColumnsServer, JsonTexts) {
  const std::vector<std::string> texts = {"null",
                                          "true",
                                          "1",
                                          "-1.50",
                                          "1e5",
                                          "\"\"",
                                          "[]",
                                          "{}",
                                          "[1, [2, {\"a\": null}]]",
                                          "{\"a\":1,\"a\":2}",
                                          " { \"k\" : [ 1 , 2 ] } ",
                                          "\"\\u00e9\\ud83d\\ude00 é\"",
                                          "1e131071",
                                          "-0.0",
                                          "1E-16383",
                                          "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""};
  std::vector<Value> values = {Null()};
  for (const std::string& text : texts) values.push_back({text, Quoted(text)});
  Compare(data::ScalarType(TypeKind::kString), "json", values);
  Compare(data::ScalarType(TypeKind::kString), "jsonb", values, false);
  // The builder keeps variants within the range of double.
  std::erase_if(values, [](const Value& value) { return value.text == "1e131071"; });
  Compare(data::ScalarType(TypeKind::kVariant), "json", values);
  Compare(data::ScalarType(TypeKind::kVariant), "jsonb", values, false);
  Compare(data::ScalarType(TypeKind::kVariant), "text", values);
}

TEST_P(TextColumnsServer, JsonIsRefusedAsTheServerRefusesIt) {
  for (const char* type : {"json", "jsonb"}) {
    Execute(std::string("CREATE OR REPLACE FUNCTION pg_temp.is_") + type +
            "(t text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM t::" + type +
            "; RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$");
  }
  const std::vector<std::string> seeds = {
      R"({"a":[1,2.5e3,-0.1],"b":"x\u00e9\ud83d\ude00","c":{"d":null,"e":[true,false]}})",
      R"(["\u0000","\ud800","\udc00x","\ud83d\ud83d","\\"])",
      R"(1e131071)",
      R"(12e131070)",
      R"(0.001e131074)",
      R"(1e-16383)",
      R"(1.0e-16383)",
      R"(0e-16384)",
      R"(0e99999999)",
      R"( [ ] )",
      R"([{},[],"",0])",
      R"("a")",
      R"(-0)",
      R"(123456789)",
      R"(0.5E+3)"};
  const std::string letters = "{}[]:,\"\\0123456789.eE+-utfnrbdc \t\nax/\x01";
  std::vector<std::string> texts = seeds;
  texts.insert(texts.end(), {"",
                             " ",
                             "01",
                             "+1",
                             ".5",
                             "1.",
                             "1e",
                             "--1",
                             "[1,]",
                             "{,}",
                             "[,1]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "nul",
                             "truex",
                             "\"",
                             "\"\\x\"",
                             "[1 2]",
                             "{\"a\":1,}",
                             "1e131072",
                             "1e-16384",
                             "10e131071",
                             "0.1e131072",
                             "0.1e131073",
                             "1e1073741822",
                             "0e1073741822",

                             "1e-1073741823",
                             "1e99999999999999999999",
                             "1 2",
                             "[\"\n\"]"});
  for (int i = 0; i < 6000; ++i) {
    std::string text = seeds[random_() % seeds.size()];
    for (std::uint64_t j = 1 + random_() % 3; j > 0 && !text.empty(); --j) {
      const std::size_t at = random_() % text.size();
      switch (random_() % 3) {
        case 0:
          text[at] = letters[random_() % letters.size()];
          break;
        case 1:
          text.erase(at, 1 + random_() % 3);
          break;
        case 2:
          text.insert(at, 1, letters[random_() % letters.size()]);
          break;
      }
    }
    texts.push_back(text);
  }
  // Newer servers take zero with any exponent; what any server refuses is refused.
  EXPECT_TRUE(CheckJson("0e1073741823", JsonTarget::kJsonb));
  if (GetParam() == ServerVersion::k15) texts.push_back("0e1073741823");
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ",") + Quoted(text);
  const auto answers = Query("SELECT pg_temp.is_json(t), pg_temp.is_jsonb(t) FROM unnest(ARRAY[" +
                             list + "]) WITH ORDINALITY AS x(t, n) ORDER BY n");
  ASSERT_EQ(answers.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string ours = CheckJson(texts[i], JsonTarget::kJson) ? "f" : "t";
    ours += CheckJson(texts[i], JsonTarget::kJsonb) ? "|f" : "|t";
    EXPECT_EQ(ours, answers[i]) << texts[i];
  }
}

TEST_P(TextColumnsServer, JsonAsDeepAsIsLetThrough) {
  const std::string arrays = std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']');
  std::string objects;
  for (int i = 0; i < kMaxJsonDepth; ++i) objects += "{\"a\":";
  objects += "1" + std::string(kMaxJsonDepth, '}');
  Execute("SET max_stack_depth = '2MB'");  // the server's default
  for (const std::string& text : {arrays, objects}) {
    EXPECT_FALSE(CheckJson(text, JsonTarget::kJsonb));
    Compare(data::ScalarType(TypeKind::kString), "jsonb", {{text, Quoted(text)}}, false);
    Compare(data::ScalarType(TypeKind::kString), "json", {{text, Quoted(text)}});
  }
  EXPECT_TRUE(CheckJson("[" + arrays + "]", JsonTarget::kJson));
}

SPILLWAY_COMPARE_ON_EACH_SERVER(TextColumnsServer);

}  // namespace
}  // namespace spillway::target::postgres
