#include "sync/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace spillway::sync {
namespace {

using base::ErrorClass;
using testing::HasSubstr;

// A source version as a value: planning asks it for nothing else.
class KnownTable : public lake::Table {
 public:
  KnownTable() {
    description_.version = 7;
    position_.document = R"({"version":7})";
    position_.version = 7;
  }
  const lake::Description& description() const override { return description_; }
  const data::Schema& schema() const override { return schema_; }
  const lake::Position& position() const override { return position_; }
  base::Result<lake::Totals> Sum(const base::Context&) const override { return lake::Totals(); }
  base::Result<lake::Scan> Plan(const base::Context&, const lake::ReadSpec&) const override {
    return lake::Scan();
  }
  base::Result<std::unique_ptr<lake::SplitStream>> Splits(const base::Context&, const lake::Scan&,
                                                          std::int64_t) const override {
    return std::unique_ptr<lake::SplitStream>();
  }

 private:
  lake::Description description_;
  data::Schema schema_;
  lake::Position position_;
};

Definition TheDefinition() {
  Definition d;
  d.id = "id-1";
  d.target = "local";
  d.table = {"public", "t"};
  d.source = "/lake/t";
  return d;
}

Observation Empty() {
  Observation o;
  o.source = std::make_unique<KnownTable>();
  o.capabilities.max_columns = 1600;
  o.columns = {{"id", {}, "bigint", true, ""}};
  o.key = {"id"};
  o.totals = {4, 1 << 30, 1000, 0};
  return o;
}

Observation Published(const Definition& d) {
  Observation o = Empty();
  o.target.exists = true;
  o.target.kind = "table";
  o.target.owned_by_id = d.id;
  target::PositionRow position;
  position.source_position = R"({"version":5})";
  position.version = 5;
  position.definition_hash = RowHash(d);
  o.target.position = position;
  o.relation = lake::Relation::kFollows;
  return o;
}

Plan MustPlan(const Observation& o, bool rebuild) {
  base::Result<Plan> plan = MakePlan(TheDefinition(), o, Limits(), rebuild);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  return plan.ok() ? *plan : Plan();
}

TEST(Plan, FirstLoadWhenTheTargetHasNoPosition) {
  const Plan plan = MustPlan(Empty(), false);
  EXPECT_EQ(plan.action, Action::kFirstLoad);
  EXPECT_EQ(plan.to_version, 7);
  EXPECT_EQ(plan.from_version, std::nullopt);
  EXPECT_EQ(plan.estimated_rows, 1000);
  EXPECT_THAT(plan.reason, HasSubstr("version 7"));
}

TEST(Plan, NothingWhenPositionDefinitionAndTableAreTheSame) {
  Observation o = Published(TheDefinition());
  o.relation = lake::Relation::kSame;
  o.source.reset();
  const Plan plan = MustPlan(o, false);
  EXPECT_EQ(plan.action, Action::kNothing);
  EXPECT_EQ(plan.to_version, 5);
}

TEST(Plan, EveryChangeCallsForARebuildAndSaysWhy) {
  Observation moved = Published(TheDefinition());
  EXPECT_EQ(MustPlan(moved, false).action, Action::kRebuild);
  EXPECT_THAT(MustPlan(moved, false).reason, HasSubstr("from version 5 to 7"));

  Observation redefined = Published(TheDefinition());
  redefined.relation = lake::Relation::kSame;
  redefined.target.position->definition_hash = "other";
  EXPECT_THAT(MustPlan(redefined, false).reason, HasSubstr("definition changed"));

  Observation altered = Published(TheDefinition());
  altered.relation = lake::Relation::kSame;
  altered.target.unchanged = false;
  altered.target.difference = "column x is new";
  EXPECT_THAT(MustPlan(altered, false).reason, HasSubstr("column x is new"));

  Observation dropped = Published(TheDefinition());
  dropped.relation = lake::Relation::kSame;
  dropped.target.exists = false;
  EXPECT_EQ(MustPlan(dropped, false).action, Action::kFirstLoad);
  EXPECT_THAT(MustPlan(dropped, false).reason, HasSubstr("gone"));

  Observation replaced = Published(TheDefinition());
  replaced.relation = lake::Relation::kReplaced;
  EXPECT_THAT(MustPlan(replaced, false).reason, HasSubstr("replaced"));

  Observation other = Published(TheDefinition());
  other.relation = lake::Relation::kOther;
  EXPECT_THAT(MustPlan(other, false).reason, HasSubstr("is not in the source's history"));

  Observation same = Published(TheDefinition());
  same.relation = lake::Relation::kSame;
  EXPECT_EQ(MustPlan(same, true).action, Action::kRebuild);
}

TEST(Plan, RefusesATableThatIsNotOurs) {
  Observation o = Empty();
  o.target.exists = true;
  o.target.kind = "view";
  const auto foreign = MakePlan(TheDefinition(), o, Limits(), false);
  EXPECT_EQ(foreign.status().error_class(), ErrorClass::kAlreadyExists);
  EXPECT_THAT(foreign.status().message(), HasSubstr("a view that Spillway did not make"));
  o.target.owned_by_id = "id-2";
  EXPECT_THAT(MakePlan(TheDefinition(), o, Limits(), false).status().message(),
              HasSubstr("another synced table"));
}

TEST(Plan, WhatCannotBeMovedKeepsTheTable) {
  Observation o = Published(TheDefinition());
  o.relation = lake::Relation::kFollows;
  o.target.dependents = {{"view", "public.v", true}};
  Plan plan = MustPlan(o, false);
  EXPECT_EQ(plan.action, Action::kRebuild);
  EXPECT_EQ(plan.way, target::PublishWay::kSwap);
  EXPECT_EQ(plan.way_reason, "the new table takes over: view public.v");
  o.target.dependents.push_back({"materialized view", "public.m", false});
  plan = MustPlan(o, false);
  EXPECT_EQ(plan.action, Action::kApply);
  EXPECT_EQ(plan.way, target::PublishWay::kApply);
  EXPECT_EQ(plan.way_reason, "a swap would lose: materialized view public.m");
}

TEST(Plan, AnAdoptedTableIsCompared) {
  Observation o = Published(TheDefinition());
  o.target.position->source_position.clear();
  o.target.adopted = true;
  const Plan plan = MustPlan(o, false);
  EXPECT_EQ(plan.action, Action::kApply);
  EXPECT_EQ(plan.way, target::PublishWay::kApply);
  EXPECT_THAT(plan.way_reason, HasSubstr("adopted"));
}

TEST(Plan, RefusesMoreColumnsThanTheTargetHolds) {
  Observation o = Empty();
  o.columns.resize(1601);
  EXPECT_THAT(MakePlan(TheDefinition(), o, Limits(), false).status().message(),
              HasSubstr("1601 against 1600"));
}

TEST(Plan, RefusesATableWithoutColumns) {
  Observation o = Empty();
  o.columns.clear();
  const base::Status refused = MakePlan(TheDefinition(), o, Limits(), false).status();
  EXPECT_EQ(refused.error_class(), base::ErrorClass::kInvalidDefinition);
  EXPECT_THAT(refused.message(), HasSubstr("no column"));
}

TEST(Plan, BudgetsStayWithinTheMemoryLimit) {
  for (const int connections : {1, 2, 8, 64}) {
    Definition d = TheDefinition();
    d.connections = connections;
    Limits limits;
    const auto plan = MakePlan(d, Empty(), limits, false);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan->connections, connections);
    EXPECT_LE(plan->connections * plan->read.memory_bytes, limits.memory_bytes);
    EXPECT_GE(plan->read.batch_bytes, 1 << 20);
  }
}

TEST(Plan, RegistersKeysWhereThatPaysAndFits) {
  const auto registered = [](const Definition& d, const Observation& o) {
    const auto plan = MakePlan(d, o, Limits(), false);
    EXPECT_TRUE(plan.ok());
    return plan.ok() ? plan->registered_keys : -1;
  };
  Definition d = TheDefinition();
  EXPECT_EQ(registered(d, Empty()), 0);  // a duplicate is an error: nothing is held back
  d.on_bad_row = OnBadRow::kReject;
  EXPECT_EQ(registered(d, Empty()), 1000);
  Observation large = Empty();
  large.totals.rows = 100'000'000;
  EXPECT_EQ(registered(d, large), 0);
  Observation unknown = Empty();
  unknown.totals.rows.reset();
  EXPECT_EQ(registered(d, unknown), 0);
  Observation keyless = Empty();
  keyless.key.clear();
  EXPECT_EQ(registered(d, keyless), 0);
  d.timeseries_key = "at";
  EXPECT_EQ(registered(d, Empty()), 0);  // the greatest is chosen among all rows of a key
}

TEST(Plan, WarnsOfAMissingKey) {
  Observation o = Empty();
  o.key.clear();
  EXPECT_THAT(MustPlan(o, false).warnings, testing::Contains(HasSubstr("no primary key")));
}

}  // namespace
}  // namespace spillway::sync
