#include <gtest/gtest.h>

#include "face/sql/statement.h"
#include "sync/testing/random_definition.h"

namespace spillway::face::sql {
namespace {

TEST(Print, IsReadBackTheSame) {
  sync::testing::RandomDefinitions definitions(17);
  for (int i = 0; i < 300; ++i) {
    const sync::Definition definition = definitions.Next();
    const std::string text = CreateStatement(definition);
    const auto statements = Parse({"", text});
    ASSERT_TRUE(statements.ok()) << statements.status().ToString();
    ASSERT_EQ(statements->size(), 1U) << text;
    ASSERT_EQ(std::get<CreateSyncedTable>(statements->front().what).definition, definition) << text;
    ASSERT_TRUE(IsComplete(text)) << text;
  }
}

TEST(Print, ReadsWell) {
  sync::Definition d;
  d.target = "shop";
  d.table = {"public", "order lines"};
  d.source = "lake.sales.order_lines";
  d.primary_key = {"order_id", "line"};
  d.type_overrides = {{"tags", "text[]"}};
  d.retries = 5;
  EXPECT_EQ(CreateStatement(d),
            "CREATE SYNCED TABLE shop.public.\"order lines\" FROM lake.sales.order_lines WITH (\n"
            "  primary_key = 'order_id,line',\n"
            "  type_overrides = (tags = 'text[]'),\n"
            "  retries = 5\n"
            ");\n");
}

TEST(Print, RegisteredThings) {
  const service::TargetDeclaration target{"my-shop", "postgresql://db/it's", "${env:X}", {}};
  const service::SourceDeclaration source{"lake.t", "s3://b/t", {{"aws_region", "eu"}}, {}};
  const auto statements = Parse({"", CreateStatement(target) + CreateStatement(source)});
  ASSERT_TRUE(statements.ok()) << statements.status().ToString();
  EXPECT_EQ(std::get<CreateTarget>((*statements)[0].what).target.url, target.url);
  EXPECT_EQ(std::get<CreateTarget>((*statements)[0].what).target.name, target.name);
  EXPECT_EQ(std::get<CreateSource>((*statements)[1].what).source.storage_options,
            source.storage_options);
}

}  // namespace
}  // namespace spillway::face::sql
