#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "face/yaml/document.h"
#include "sync/testing/random_definition.h"

namespace spillway::face::yaml {
namespace {

TEST(WriteDocument, ReadsWell) {
  service::Configuration configuration;
  configuration.targets = {{"shop", "postgresql://app@db/shop", "${env:SHOP_PASSWORD}", {}}};
  configuration.sources = {{"lake.products", "s3://lake/products", {{"aws_region", "eu"}}, {}}};
  service::TableDeclaration table;
  table.definition.target = "shop";
  table.definition.table = {"public", "products"};
  table.definition.source = "lake.products";
  table.definition.primary_key = {"id", "yes"};
  table.definition.where = "price > 10 AND name <> 'x: y'";
  table.definition.type_overrides = {{"tags", "text[]"}};
  table.definition.retries = 5;
  table.definition.lock_timeout = std::chrono::seconds(2);
  table.definition.max_delete_percent = 0.5;
  configuration.tables = {table};
  EXPECT_EQ(WriteDocument(configuration), R"(version: 1
targets:
  shop:
    url: "postgresql://app@db/shop"
    password: "${env:SHOP_PASSWORD}"
sources:
  lake.products:
    url: "s3://lake/products"
    storage_options:
      aws_region: eu
synced_tables:
  shop.public.products:
    source: lake.products
    primary_key: [id, "yes"]
    where: "price > 10 AND name <> 'x: y'"
    type_overrides:
      tags: "text[]"
    max_delete_share: 0.5%
    retries: 5
    lock_timeout: 2s
)");
}

TEST(Scalar, IsReadBackAsTheText) {
  for (const auto& each : sync::testing::kQuotingClasses) {
    for (const std::string_view text : each.texts) {
      const std::string document =
          "version: 1\nsynced_tables: {a.b.c: {source: s, where: " + Scalar(text) + "}}\n";
      const auto read = ReadDocument(document, {"t.yaml", "/"}, {});
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      EXPECT_EQ(read->tables.front().definition.where, text) << each.name;
    }
  }
}

}  // namespace
}  // namespace spillway::face::yaml
