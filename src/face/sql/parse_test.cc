#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "face/sql/statement.h"

namespace spillway::face::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

template <typename What>
What One(const std::string& text) {
  const auto statements = Parse({"", text});
  EXPECT_TRUE(statements.ok()) << statements.status().ToString();
  if (!statements.ok() || statements->size() != 1) return What();
  const What* what = std::get_if<What>(&statements->front().what);
  EXPECT_NE(what, nullptr) << text;
  return what == nullptr ? What() : *what;
}

TEST(Parse, CreateAsInTheManual) {
  const auto create = One<CreateSyncedTable>(
      "CREATE SYNCED TABLE shop.public.products FROM lake.sales.products\n"
      "USING LAKEBASE INSTANCE 'shop' WITH (mode = 'full', primary_key = 'product_id');");
  EXPECT_EQ(create.definition.target, "shop");
  EXPECT_EQ(create.definition.table, (target::TableName{"public", "products"}));
  EXPECT_EQ(create.definition.source, "lake.sales.products");
  EXPECT_THAT(create.definition.primary_key, ElementsAre("product_id"));
}

TEST(Parse, EveryFormOfAValue) {
  const auto create = One<CreateSyncedTable>(
      "create synced table if not exists shop.\"My Schema\".`t` from '/lake/it''s' with (\n"
      "  columns = (id, \"a,b\", 'c''d'), -- a comment\n"
      "  primary_key = 'id, \"a,b\"', /* another\n /* one */ */\n"
      "  type_overrides = (id = 'numeric(10,2)', \"odd name\" = uuid),\n"
      "  extra_columns = 'note=text DEFAULT ''x''',\n"
      "  indexes = ('(a)', 'using gin (b)'),\n"
      "  freshness = 15m, max_delete_share = 12.5%, retries = 7, MODE = incremental)");
  const sync::Definition& d = create.definition;
  EXPECT_TRUE(create.if_not_exists);
  EXPECT_EQ(d.name(), "shop.My Schema.t");
  EXPECT_EQ(d.source, "/lake/it's");
  EXPECT_THAT(*d.columns, ElementsAre("id", "a,b", "c'd"));
  EXPECT_THAT(d.primary_key, ElementsAre("id", "a,b"));
  EXPECT_EQ(d.type_overrides.at("odd name"), "uuid");
  EXPECT_EQ(d.extra_columns.front(), (sync::ExtraColumn{"note", "text DEFAULT 'x'"}));
  EXPECT_THAT(d.indexes, ElementsAre("(a)", "using gin (b)"));
  EXPECT_EQ(d.freshness, std::chrono::minutes(15));
  EXPECT_EQ(d.max_delete_percent, 12.5);
  EXPECT_EQ(d.retries, 7);
  EXPECT_EQ(d.mode, sync::Mode::kIncremental);
}

TEST(Parse, TwoPartsAndAnInstance) {
  EXPECT_EQ(One<CreateSyncedTable>("CREATE SYNCED TABLE public.t FROM s USING LAKEBASE INSTANCE "
                                   "'shop'")
                .definition.name(),
            "shop.public.t");
  EXPECT_EQ(
      One<CreateSyncedTable>("CREATE SYNCED TABLE a.b.c FROM delta.`/lake/x y`").definition.source,
      "/lake/x y");
}

TEST(Parse, Alter) {
  const auto alter = One<AlterSyncedTable>(
      "ALTER SYNCED TABLE a.b.c SET (where = 'x > 1', group = DEFAULT) RESET (columns, retries)");
  EXPECT_EQ(alter.name, "a.b.c");
  ASSERT_EQ(alter.fields.size(), 4U);
  EXPECT_EQ(alter.fields[0].first->key, "where");
  EXPECT_EQ(alter.fields[0].second, sync::FieldValue("x > 1"));
  EXPECT_EQ(alter.fields[1].second, std::nullopt);
  EXPECT_EQ(alter.fields[3].first->key, "retries");
}

TEST(Parse, Verbs) {
  const auto verb = [](const std::string& text) { return One<OnSyncedTables>(text); };
  EXPECT_EQ(verb("SYNC TABLE a.b.c").verb, Verb::kSync);
  EXPECT_THAT(verb("sync synced table a.b.c, a.b.d;").names, ElementsAre("a.b.c", "a.b.d"));
  EXPECT_EQ(verb("EXPLAIN SYNC TABLE a.b.c").verb, Verb::kExplain);
  EXPECT_EQ(verb("RESYNC SYNCED TABLE a.b.c").verb, Verb::kResync);
  EXPECT_EQ(verb("PAUSE SYNCED TABLE a.b.c").verb, Verb::kPause);
  EXPECT_EQ(verb("RESUME SYNCED TABLE a.b.c").verb, Verb::kResume);
  EXPECT_EQ(verb("DESC SYNCED TABLE a.b.c").verb, Verb::kDescribe);
  EXPECT_EQ(verb("SHOW CREATE SYNCED TABLE a.b.c").verb, Verb::kShowCreate);
  EXPECT_EQ(One<ShowSyncedTables>("SHOW SYNCED TABLES LIKE 'shop.%'").like, "shop.%");
  EXPECT_FALSE(One<ShowSyncedTables>("SHOW SYNCED TABLES").like.has_value());
  EXPECT_TRUE(One<DropSyncedTable>("DROP SYNCED TABLE IF EXISTS a.b.c DROP TABLE").drop_table);
  EXPECT_FALSE(One<DropSyncedTable>("DROP SYNCED TABLE a.b.c KEEP TABLE").drop_table);
}

TEST(Parse, TargetsAndSources) {
  const auto target = One<CreateTarget>(
      "CREATE TARGET shop URL 'postgresql://app@db/shop' WITH (password = '${env:X}')");
  EXPECT_EQ(target.target.name, "shop");
  EXPECT_EQ(target.target.password, "${env:X}");
  const auto source = One<CreateSource>(
      "CREATE SOURCE lake.sales.t URL 's3://b/t' WITH (aws_region = 'eu-west-1', allow_http = "
      "true)");
  EXPECT_EQ(source.source.name, "lake.sales.t");
  EXPECT_EQ(source.source.storage_options.at("allow_http"), "true");
  EXPECT_EQ(One<DropRegistered>("DROP SOURCE lake.sales.t").name, "lake.sales.t");
  EXPECT_TRUE(One<DropRegistered>("DROP TARGET IF EXISTS shop").if_exists);
  EXPECT_EQ(One<ShowRegistered>("SHOW SOURCES").registry, Registry::kSources);
}

TEST(Parse, SeveralStatements) {
  const auto statements =
      Parse({"", ";; SHOW TARGETS;\n-- all\nSHOW SOURCES ; SYNC TABLE a.b.c -- end"});
  ASSERT_TRUE(statements.ok()) << statements.status().ToString();
  EXPECT_EQ(statements->size(), 3U);
  EXPECT_TRUE(Parse({"", ""})->empty());
  EXPECT_TRUE(Parse({"", " -- nothing"})->empty());
}

std::string Refused(const std::string& text) {
  const base::Status status = Parse({"s.sql", text}).status();
  EXPECT_EQ(status.code(), base::Code::kInvalid) << text;
  return status.ok() ? "" : std::string(status.message());
}

TEST(Parse, ErrorsPointAtTheToken) {
  EXPECT_EQ(Refused("SHOW TARGETS;\nCREATE SYNCD TABLE a.b.c"),
            "s.sql:2:8: expected SYNCED TABLE, TARGET or SOURCE, not 'SYNCD'\n"
            "  CREATE SYNCD TABLE a.b.c\n"
            "         ^^^^^");
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c FROM s WITH (mod = 'full')"),
              HasSubstr("s.sql:1:40: unknown option 'mod'"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c FROM s WITH (mode = 'ful')"),
              HasSubstr("s.sql:1:47: mode: 'ful' is none of"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c FROM s WITH (mode = full, mode = full)"),
              HasSubstr("option 'mode' is given twice"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c FROM s WITH (mode full)"),
              HasSubstr("1:45: expected =, not 'full'"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c FROM s WITH (mode = full"),
              HasSubstr("expected a comma or the closing parenthesis, not the end"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b FROM s"),
              HasSubstr("1:21: a synced table is named"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c"), HasSubstr("expected FROM, not the end"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c FROM 's"), HasSubstr("the closing '"));
  EXPECT_THAT(Refused("DROP SYNCED TABLE a.b.c"), HasSubstr("KEEP TABLE or DROP TABLE"));
  EXPECT_THAT(Refused("SYNC TABLE a.b.c x"), HasSubstr("expected a semicolon or the end, not 'x'"));
  EXPECT_THAT(Refused("SELECT 1"), HasSubstr("expected a statement"));
  EXPECT_THAT(Refused("/* open"), HasSubstr("the comment's end */"));
  EXPECT_THAT(Refused("/* /* open */"), HasSubstr("the comment's end */"));
  EXPECT_THAT(Refused("SHOW SYNCED TABLES LIKE 'ü' 'b'"), HasSubstr("s.sql:1:29: expected a semi"));
  EXPECT_THAT(Refused("CREATE SYNCED TABLE a.b.c FROM s USING LAKEBASE INSTANCE 'x'"),
              HasSubstr("instance 'x' is not the target 'a'"));
  EXPECT_THAT(Refused("ALTER SYNCED TABLE a.b.c SET (type_overrides = (a = 'b', 'c'))"),
              HasSubstr("mixes values and pairs"));
  EXPECT_THAT(Refused("SHOW \xff"), HasSubstr("not UTF-8"));
  EXPECT_THAT(Parse({"", "SHO"}).status().message(), HasSubstr("line 1, column 1: expected a st"));
}

TEST(Parse, NearestOptionIsSuggested) {
  EXPECT_EQ(Parse({"", "ALTER SYNCED TABLE a.b.c RESET (primary_keys)"}).status().mend(),
            "Did you mean: primary_key?");
}

TEST(Parse, LaterErrorsPointAtTheOption) {
  const Script script{"", "CREATE SYNCED TABLE a.b.c FROM s WITH (max_rejected = 5);"};
  const auto statements = Parse(script);
  ASSERT_TRUE(statements.ok());
  const base::Status status =
      At(script, statements->front(), sync::WrongField("max_rejected", "goes with x only"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 1, column 55: max_rejected: goes"));
  EXPECT_EQ(status.detail("field"), "max_rejected");
}

}  // namespace
}  // namespace spillway::face::sql
