#include "sync/definition_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sync/definition.h"

namespace spillway::sync {
namespace {

using base::ErrorClass;

Definition Good() {
  Definition d;
  d.target = "shop";
  d.table = {"public", "products"};
  d.source = "lake.sales.products";
  d.primary_key = {"id", "day"};
  d.columns = std::vector<std::string>{"id", "day", "tags"};
  d.type_overrides = {{"tags", "text[]"}};
  return d;
}

// The field that a definition is refused for, after `change`.
std::string Refused(void (*change)(Definition&)) {
  Definition d = Good();
  change(d);
  return std::string(Validate(d).detail("field"));
}

TEST(Validate, WhatWorksIsAccepted) {
  EXPECT_TRUE(Validate(Good()).ok());
  Definition d = Good();
  d.on_bad_row = OnBadRow::kReject;
  d.max_rejected = 0;
  d.timeseries_key = "updated_at";
  d.extra_columns = {{"note", "text DEFAULT 'a;b'"}, {"n", "int GENERATED ALWAYS AS (id) STORED"}};
  d.group = "nightly";
  d.json_nonfinite = JsonNonfinite::kString;
  d.max_delete_percent = 0;
  d.schedule = "0 0 * * * ? Europe/Paris";
  d.freshness = std::chrono::minutes(15);
  d.partition_zone = "-03:30";
  d.where = "anything > 1";
  d.primary_key = {"ID", "day"};
  EXPECT_TRUE(Validate(d).ok()) << Validate(d).ToString();
}

TEST(Validate, NamesTheField) {
  EXPECT_EQ(Refused([](Definition& d) { d.table.schema.clear(); }), "name");
  EXPECT_EQ(Refused([](Definition& d) { d.source.clear(); }), "source");
  EXPECT_EQ(Refused([](Definition& d) { d.source = std::string("a\0b", 3); }), "source");
  EXPECT_EQ(Refused([](Definition& d) { d.where = "a = '\xff'"; }), "where");
  EXPECT_EQ(Refused([](Definition& d) { d.columns = {{"day"}}; }), "primary_key");
  EXPECT_EQ(Refused([](Definition& d) { d.primary_key = {"id", "id"}; }), "primary_key");
  EXPECT_EQ(Refused([](Definition& d) { d.primary_key = {""}; }), "primary_key");
  EXPECT_EQ(Refused([](Definition& d) { d.columns->clear(); }), "columns");
  EXPECT_EQ(Refused([](Definition& d) { d.type_overrides = {{"absent", "text"}}; }),
            "type_overrides");
  EXPECT_EQ(Refused([](Definition& d) { d.type_overrides = {{"tags", "text, x int"}}; }),
            "type_overrides");
  EXPECT_EQ(Refused([](Definition& d) { d.extra_columns = {{"id", "int"}}; }), "extra_columns");
  EXPECT_EQ(Refused([](Definition& d) { d.extra_columns = {{"x", ""}}; }), "extra_columns");
  EXPECT_EQ(Refused([](Definition& d) {
              d.columns.reset();
              d.extra_columns = {{"id", "int"}};
            }),
            "primary_key");
  EXPECT_EQ(Refused([](Definition& d) { d.timeseries_key = "day"; }), "timeseries_key");
  EXPECT_EQ(Refused([](Definition& d) { d.indexes = {"(a"}; }), "indexes");
  EXPECT_EQ(Refused([](Definition& d) { d.max_rejected = 1; }), "max_rejected");
  EXPECT_EQ(Refused([](Definition& d) { d.incremental_column = "x"; }), "incremental_column");
  EXPECT_EQ(Refused([](Definition& d) { d.max_delete_percent = 101; }), "max_delete_share");
  EXPECT_EQ(Refused([](Definition& d) { d.batch_rows = 0; }), "batch_rows");
  EXPECT_EQ(Refused([](Definition& d) { d.connections = 65; }), "connections");
  EXPECT_EQ(Refused([](Definition& d) { d.retries = -1; }), "retries");
  EXPECT_EQ(Refused([](Definition& d) { d.lock_timeout = {}; }), "lock_timeout");
  EXPECT_EQ(Refused([](Definition& d) { d.schedule = "hourly"; }), "schedule");
  EXPECT_EQ(Refused([](Definition& d) { d.where = "id >"; }), "where");
  EXPECT_EQ(Refused([](Definition& d) { d.where = "id > now()"; }), "where");
  for (const char* zone : {"", "Z", "+5", "05:30", "+05:60", "+18:01", "+1a:00", "Europe/Paris"}) {
    Definition d = Good();
    d.partition_zone = zone;
    EXPECT_EQ(Validate(d).detail("field"), "partition_zone") << zone;
  }
}

TEST(Validate, WordsThatAreComingAreRefusedByName) {
  const auto coming = [](void (*change)(Definition&)) {
    Definition d = Good();
    change(d);
    const base::Status status = Validate(d);
    EXPECT_EQ(status.error_class(), ErrorClass::kNotYetSupported);
    return std::string(status.message());
  };
  EXPECT_EQ(coming([](Definition& d) { d.mode = Mode::kIncremental; }),
            "mode 'incremental' is coming; this release has: full");
  EXPECT_EQ(coming([](Definition& d) { d.change_source = ChangeSource::kLog; }),
            "change_source 'log' is coming; this release has: auto");
  EXPECT_EQ(coming([](Definition& d) { d.deletes = Deletes::kSoft; }),
            "deletes 'soft' is coming; this release has: hard");
  EXPECT_EQ(coming([](Definition& d) { d.schema_change = SchemaChange::kFail; }),
            "schema_change 'fail' is coming; this release has: evolve");
}

TEST(CheckSqlItem, OneItemOnly) {
  for (const char* good :
       {"text", "numeric(10,2)", "text[]", "text DEFAULT 'it''s, ; -- fine'", "\"My, Type\"",
        "using gin (tags) WITH (fastupdate = off)", "(a, b) WHERE c = '('", "a$b"}) {
    EXPECT_TRUE(CheckSqlItem(good).ok()) << good;
  }
  for (const char* bad : {"", " ", " text", "text ", "a, b", "a; DROP TABLE x", "a -- b", "a /* b",
                          "(a", "a)", "(a]", "'a", "\"a", "$$a", "a $x$ b"}) {
    EXPECT_FALSE(CheckSqlItem(bad).ok()) << bad;
  }
}

TEST(CheckSchedule, ThreeForms) {
  for (const char* good : {"on_commit", "15m", "0 0 * * * ?", "0 0/5 8-18 ? * MON-FRI",
                           "0 0 0 1 1 ? 2030", "0 0 * * * ? Europe/Paris", "0 0 * * * ? UTC"}) {
    EXPECT_TRUE(CheckSchedule(good).ok()) << good;
  }
  for (const char* bad : {"", "hourly", "* * * * *", "0 0 * * * ? Mars", "15 m", "0 0 * * * ; ?",
                          "61 0 * * * ?", "0 0 * * * *", "0s"}) {
    EXPECT_FALSE(CheckSchedule(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace spillway::sync
