#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "face/yaml/document.h"

namespace spillway::face::yaml {
namespace {

using base::ErrorClass;
using testing::ElementsAre;
using testing::HasSubstr;

std::optional<std::string> Environment(const std::string& name) {
  if (name == "HOST") return "db.example";
  return std::nullopt;
}

base::Result<service::Configuration> Read(const std::string& text) {
  return ReadDocument(text, {"shop.yaml", "/etc/spillway"}, Environment);
}

base::Status Refusal(const std::string& text) {
  base::Status status = Read(text).status();
  EXPECT_FALSE(status.ok()) << text;
  return status;
}

std::string Refused(const std::string& text) { return std::string(Refusal(text).message()); }

TEST(ReadDocument, TheOneInTheManual) {
  const auto read = Read(R"yaml(version: 1
targets:  { shop: { url: "postgresql://app@${env:HOST}/shop", password: "${env:SHOP_PASSWORD}" } }
sources:  { lake.sales.products: { url: "s3://lake/products", storage_options: { aws_region: eu-west-1 } } }
defaults: { shop.public: { on_bad_row: reject, freshness: 15m } }
synced_tables:
  shop.public.products: { source: lake.sales.products, primary_key: [product_id], indexes: ["(category)"] }
)yaml");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->targets.front().url, "postgresql://app@db.example/shop");
  EXPECT_EQ(read->targets.front().password, "${env:SHOP_PASSWORD}");
  EXPECT_EQ(read->sources.front().storage_options.at("aws_region"), "eu-west-1");
  const sync::Definition& d = read->tables.front().definition;
  EXPECT_EQ(d.name(), "shop.public.products");
  EXPECT_EQ(d.on_bad_row, sync::OnBadRow::kReject);
  EXPECT_EQ(d.freshness, std::chrono::minutes(15));
  EXPECT_THAT(d.primary_key, ElementsAre("product_id"));
  EXPECT_THAT(d.indexes, ElementsAre("(category)"));
  EXPECT_EQ(read->tables.front().origin.ToString(), "shop.yaml:6:3");
  EXPECT_EQ(read->tables.front().fields.at("primary_key").at, (base::TextPosition{6, 69}));
}

TEST(ReadDocument, DefaultsGoFromTargetToSchemaToTable) {
  const auto read = Read(R"yaml(version: 1
defaults:
  shop: { retries: 1, group: a, where: x > 1 }
  shop.public: { retries: 2, batch_rows: 5 }
  other: { retries: 9 }
synced_tables:
  shop.public.one: { source: s, where: null }
  shop.public.two: { source: s, retries: 3 }
  shop.else.three: { source: s }
)yaml");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->tables[0].definition.retries, 2);
  EXPECT_EQ(read->tables[0].definition.where, "");
  EXPECT_EQ(read->tables[0].definition.group, "a");
  EXPECT_EQ(read->tables[1].definition.retries, 3);
  EXPECT_EQ(read->tables[1].definition.where, "x > 1");
  EXPECT_EQ(read->tables[2].definition.retries, 1);
  EXPECT_THAT(read->warnings, ElementsAre(HasSubstr("shop.yaml:5:3: defaults other are of no")));
}

TEST(ReadDocument, PathsStartFromTheFile) {
  const auto read = Read(R"yaml(version: 1
targets: { t: { url: u, password: "${file:secret}" } }
sources: { a: { url: ./lake/a }, b: { url: lake/b }, c: { url: /lake/c }, d: { url: "s3://x/y" } }
synced_tables: { t.public.x: { source: ../lake/x }, t.public.y: { source: a.b.c } }
)yaml");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->targets[0].password, "${file:/etc/spillway/secret}");
  EXPECT_EQ(read->sources[0].url, "/etc/spillway/lake/a");
  EXPECT_EQ(read->sources[1].url, "/etc/spillway/lake/b");
  EXPECT_EQ(read->sources[2].url, "/lake/c");
  EXPECT_EQ(read->sources[3].url, "s3://x/y");
  EXPECT_EQ(read->tables[0].definition.source, "/etc/lake/x");
  EXPECT_EQ(read->tables[1].definition.source, "a.b.c");
}

TEST(ReadDocument, UnknownKeysAreAnsweredWithTheNearest) {
  const base::Status status = Refusal("version: 1\nsynced_tables:\n  a.b.c:\n    sorce: x\n");
  EXPECT_EQ(
      status.message(),
      "shop.yaml:4:5: unknown key 'sorce' of synced table a.b.c\n      sorce: x\n      ^^^^^");
  EXPECT_EQ(status.mend(), "Did you mean: source?");
  EXPECT_EQ(status.detail("line"), "4");
  EXPECT_EQ(status.detail("column"), "5");
  EXPECT_EQ(Refusal("version: 1\nsynced_table: {}\n").mend(), "Did you mean: synced_tables?");
  EXPECT_EQ(Refusal("version: 1\ntargets: {a: {ulr: x}}\n").mend(), "Did you mean: url?");
  EXPECT_THAT(std::string(Refusal("version: 1\nsources: {a: {zzzzzz: x}}\n").mend()),
              HasSubstr("Known are: url, storage_options."));
  EXPECT_THAT(std::string(Refusal("version: 1\nsynced_tables: {a.b.c: {<<: {}}}\n").mend()),
              HasSubstr("use defaults:"));
}

TEST(ReadDocument, WrongTypesAreRefusedAtTheValue) {
  const auto table = [](const std::string& field) {
    return Refused("version: 1\nsynced_tables:\n  a.b.c: {" + field + "}\n");
  };
  EXPECT_THAT(table("retries: \"3\""), HasSubstr("3:20: retries wants a whole number, not a text"));
  EXPECT_THAT(table("retries: 1.5"), HasSubstr("wants a whole number, not a number"));
  EXPECT_THAT(table("retries: 0x10"), HasSubstr("no whole number"));
  EXPECT_THAT(table("where: 5"), HasSubstr("where wants a text, not a number"));
  EXPECT_THAT(table("where: true"), HasSubstr("not a truth value"));
  EXPECT_THAT(table("where: [a]"), HasSubstr("not a list"));
  EXPECT_THAT(table("primary_key: 5"), HasSubstr("wants a list, not a number"));
  EXPECT_THAT(table("primary_key: [a, 5]"), HasSubstr("not a number"));
  EXPECT_THAT(table("primary_key: \"a, b\""), HasSubstr("not a text with commas"));
  EXPECT_THAT(table("type_overrides: [a]"), HasSubstr("wants a map of names to texts, not a list"));
  EXPECT_THAT(table("type_overrides: {a: 5}"), HasSubstr("type_overrides.a wants a text"));
  EXPECT_THAT(table("timeout: 5"), HasSubstr("timeout: not a duration: '5' has no unit"));
  EXPECT_THAT(table("timeout: 5 minutes"), HasSubstr("not a duration"));
  EXPECT_THAT(table("mode: ful"), HasSubstr("'ful' is none of"));
  EXPECT_THAT(table("max_delete_share: 50"), HasSubstr("'50' is no share; write it as 50%"));
  EXPECT_THAT(Refused("version: 1\nsynced_tables:\n  a.b.c:\n    where:\n"),
              HasSubstr("shop.yaml:4:5: where has no value"));
  EXPECT_THAT(Refused("version: 1\ntargets: [a]\n"), HasSubstr("targets wants a map, not a list"));
}

TEST(ReadDocument, WhatADocumentMustHave) {
  EXPECT_THAT(Refused(""), HasSubstr("shop.yaml:1:1: a definition file is a map"));
  EXPECT_THAT(Refused("- a\n"), HasSubstr("a definition file is a map"));
  EXPECT_THAT(Refused("targets: {}\n"), HasSubstr("the key version is missing"));
  EXPECT_THAT(Refused("version: one\n"), HasSubstr("version wants the number 1"));
  EXPECT_EQ(Refusal("version: 2\n").error_class(), ErrorClass::kNotYetSupported);
  EXPECT_THAT(Refused("version: 1\ntargets: {a: {}}\n"), HasSubstr("target a has no url"));
  EXPECT_THAT(Refused("version: 1\nsynced_tables: {a.b: {}}\n"), HasSubstr("TARGET.schema.table"));
  EXPECT_THAT(Refused("version: 1\ndefaults: {a.b.c: {}}\n"), HasSubstr("TARGET.schema or"));
  EXPECT_THAT(Refused("version: 1\ndefaults: {a: {source: x}}\n"), HasSubstr("has no default"));
}

TEST(ReadDocument, TwoDefinitionsOfOneTableAreRefused) {
  EXPECT_THAT(Refused("version: 1\nsynced_tables:\n  a.b.c: {source: x}\n  a.b.c: {source: y}\n"),
              HasSubstr("shop.yaml:4:3: the key 'a.b.c' is given twice"));
  EXPECT_THAT(
      Refused("version: 1\nsynced_tables:\n  a.b.c: {source: x}\n  a.\"b\".c: {source: y}\n"),
      HasSubstr("shop.yaml:4:3: synced table a.b.c is defined twice; the other place is "
                "shop.yaml:3:3"));
}

TEST(ReadDocument, References) {
  const base::Status missing = Refusal("version: 1\nsources: {a: {url: \"${env:NONE}/x\"}}\n");
  EXPECT_EQ(missing.error_class(), ErrorClass::kSecretUnavailable);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("shop.yaml:2:20: the environment variable "
                                                        "NONE is not set"));
  EXPECT_THAT(Refused("version: 1\ntargets: {a: {url: u, password: \"x${env:HOST}\"}}\n"),
              HasSubstr("mixes a reference with other text"));
  EXPECT_THAT(Refused("version: 1\ntargets: {a: {url: u, password: \"${envv:HOST}\"}}\n"),
              HasSubstr("shop.yaml:2:33"));
}

TEST(ReadDocument, AnchorsServe) {
  const auto read = Read(R"yaml(version: 1
synced_tables:
  a.b.c: &t { source: s, primary_key: &k [id] }
  a.b.d: *t
  a.b.e: { source: s, columns: *k }
)yaml");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->tables[1].definition.source, "s");
  EXPECT_THAT(*read->tables[2].definition.columns, ElementsAre("id"));
}

}  // namespace
}  // namespace spillway::face::yaml
