#include <algorithm>

#include "target/postgres/load_fixture_test.h"
#include "target/postgres/stage_rows.h"

namespace spillway::target::postgres {
namespace {

using data::TypeKind;

/// A stage with columns of every kind of key and a value to choose by.
class StageRowsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    if (server_ == nullptr) return;
    const auto add = [&](const std::string& name, const data::Type& type, const std::string& target,
                         bool in_key) {
      fields_.fields.push_back({name, type, !in_key, {}, ""});
      columns_.push_back({name, type, target, in_key, ""});
    };
    add("id", data::ScalarType(TypeKind::kLong), "bigint", true);
    add("x", data::ScalarType(TypeKind::kDouble), "double precision", false);
    add("s", data::ScalarType(TypeKind::kString), "text", false);
    add("d", data::DecimalType(9, 2), "numeric(9,2)", false);
    add("t", data::ScalarType(TypeKind::kTimestamp), "timestamptz", false);
    add("u", data::ScalarType(TypeKind::kString), "uuid", false);
    schema_ = std::make_shared<const data::Schema>(fields_);
    target_ = OpenTarget(conninfo_);
    auto fenced = target_->TakeFence(Soon(), kId, {"public", "t"}, "run-1");
    ASSERT_TRUE(fenced.ok());
    auto stage = target_->CreateStage(Soon(), fenced->first, {"public", "t"}, columns_, {});
    ASSERT_TRUE(stage.ok()) << stage.status().ToString();
    stage_ = *stage;
  }

  using Row = std::vector<std::string>;  ///< "-" is NULL
  data::Batch Batch(const std::vector<Row>& rows) {
    data::BatchBuilder builder(schema_);
    for (const Row& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        EXPECT_TRUE((row[i] == "-" ? builder.AppendNull(i) : builder.AppendText(i, row[i])).ok());
      }
      EXPECT_TRUE(builder.FinishRow().ok());
    }
    auto batch = builder.Finish();
    EXPECT_TRUE(batch.ok());
    return *std::move(batch);
  }
  void Load(const std::vector<Row>& rows) {
    auto writer = target_->OpenTask(Soon(), stage_, "0", *schema_, {{"id"}});
    ASSERT_TRUE(writer.ok());
    const base::Status written = WriteAll(**writer, Soon(), Batch(rows));
    ASSERT_TRUE(written.ok()) << written.ToString();
    ASSERT_TRUE((*writer)->Commit(Soon()).ok());
  }
  std::vector<std::string> Stored(const std::string& columns) {
    return plain_->Query("SELECT " + columns + " FROM spillway." + stage_.table.table +
                         " ORDER BY 1");
  }

  data::Schema fields_;
  std::shared_ptr<const data::Schema> schema_;
  std::vector<Column> columns_;
  std::unique_ptr<Target> target_;
  Stage stage_;
};

const std::string kUuid = "00000000-0000-0000-0000-0000000000AB";

TEST_P(StageRowsTest, ImagesOfStoredAndSourceRowsAreTheSame) {
  // Each row has a partner that the server holds for equal in all columns but id.
  const std::vector<StageRowsTest::Row> rows = {
      {"1", "0", "a", "1.50", "0", kUuid},
      {"2", "-0", "a", "1.50", "0", "00000000-0000-0000-0000-0000000000ab"},
      {"3", "NaN", "ä", "-0.01", "-5000000", "-"},
      {"4", "NaN", "ä", "-0.01", "-5000000", "-"},
      {"5", "-1.5", "", "0.00", "-", "-"},
      {"6", "-1.5", "", "0.00", "-", "-"},
      {"7", "2", "alone", "0.00", "-", "-"}};
  Load(rows);
  const std::vector<std::string> columns = {"x", "s", "d", "t", "u"};
  auto repeated = target_->RepeatedImages(Soon(), stage_, columns, 100);
  ASSERT_TRUE(repeated.ok()) << repeated.status().ToString();
  auto images = target_->OpenKeyImages(stage_, *schema_, columns);
  ASSERT_TRUE(images.ok());
  auto of = (*images)->Of(Batch(rows));
  ASSERT_TRUE(of.ok());
  EXPECT_EQ(repeated->size(), 3u);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    EXPECT_EQ(std::ranges::count(*repeated, (*of)[row]), row < 6 ? 1 : 0) << row;
  }
  EXPECT_EQ((*of)[0], (*of)[1]);
  auto removed = target_->RemoveImages(Soon(), stage_, columns, *repeated);
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(*removed, 6);
  EXPECT_EQ(Stored("id"), std::vector<std::string>{"7"});
  // Some of them only, when that is all that is asked for.
  EXPECT_TRUE(target_->RepeatedImages(Soon(), stage_, columns, 100)->empty());
}

TEST_P(StageRowsTest, ImagesAreRemovedByValueWhereTheyCanBeWritten) {
  const std::vector<StageRowsTest::Row> rows = {
      {"-9223372036854775808", "0", "it's\\", "1", "0", "-"},
      {"7", "0", "", "1.00", "0", kUuid},
      {"7", "0", "other", "1.00", "0", kUuid},
      {"9", "0", "stays", "1.00", "0", kUuid}};
  auto batch = rows;
  batch[0][3] = "1.00";
  Load(batch);
  const std::vector<std::string> columns = {"id", "s"};
  auto images = target_->OpenKeyImages(stage_, *schema_, columns);
  ASSERT_TRUE(images.ok());
  auto of = (*images)->Of(Batch(batch));
  ASSERT_TRUE(of.ok());
  auto removed = target_->RemoveImages(Soon(), stage_, columns, {(*of)[0], (*of)[1]});
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(*removed, 2);
  EXPECT_EQ(Stored("s"), (std::vector<std::string>{"other", "stays"}));
}

TEST_P(StageRowsTest, ARowThatCannotBeStoredHasNoImage) {
  auto images = target_->OpenKeyImages(stage_, *schema_, {"id", "s"});
  ASSERT_TRUE(images.ok());
  auto of = (*images)->Of(Batch({{"1", "0", "good", "1.00", "0", kUuid},
                                 {"2", "0", "bad\xff", "1.00", "0", kUuid},
                                 {"3", "0", "good", "1.00", "0", kUuid}}));
  ASSERT_TRUE(of.ok());
  EXPECT_FALSE((*of)[0].empty());
  EXPECT_TRUE((*of)[1].empty());
  EXPECT_FALSE((*of)[2].empty());
}

TEST_P(StageRowsTest, TheGreatestStaysAndTiesStayToo) {
  Load({{"1", "0", "old", "1.00", "1", kUuid},
        {"1", "0", "new", "1.00", "2", kUuid},
        {"1", "0", "none", "1.00", "-", kUuid},
        {"2", "0", "tie", "1.00", "5", kUuid},
        {"2", "0", "tie", "2.00", "5", kUuid},
        {"3", "0", "null", "1.00", "-", kUuid}});
  auto removed = target_->KeepGreatest(Soon(), stage_, {"id"}, "t");
  ASSERT_TRUE(removed.ok()) << removed.status().ToString();
  EXPECT_EQ(*removed, 2);
  EXPECT_EQ(Stored("id, s"), (std::vector<std::string>{"1|new", "2|tie", "2|tie", "3|null"}));
  auto chosen_by_nan = target_->KeepGreatest(Soon(), stage_, {"id"}, "x");
  EXPECT_EQ(*chosen_by_nan, 0);
}

TEST_P(StageRowsTest, AnOlderFenceTouchesNothing) {
  Load({{"1", "0", "a", "1.00", "1", kUuid}, {"1", "0", "a", "1.00", "1", kUuid}});
  ASSERT_TRUE(target_->TakeFence(Soon(), kId, {"public", "t"}, "run-2").ok());
  EXPECT_CLASS(target_->KeepGreatest(Soon(), stage_, {"id"}, "t").status(), kFenced);
  EXPECT_CLASS(target_->RepeatedImages(Soon(), stage_, {"id"}, 10).status(), kFenced);
  EXPECT_CLASS(target_->RemoveImages(Soon(), stage_, {"id"}, {"x"}).status(), kFenced);
  EXPECT_CLASS(target_->RejectRows(Soon(), stage_, {}).status(), kFenced);
  EXPECT_EQ(Stored("id").size(), 2u);
}

TEST_P(StageRowsTest, LargeImagesAreGivenAFewAtATime) {
  ASSERT_EQ(
      plain_->Execute("INSERT INTO spillway." + stage_.table.table +
                      " (id, s) SELECT n, g || repeat('x', 9 << 20) FROM generate_series(1, 3) g,"
                      " generate_series(1, 2) n"),
      "");
  auto images = target_->RepeatedImages(Soon(), stage_, {"s"}, 10);
  ASSERT_TRUE(images.ok()) << images.status().ToString();
  EXPECT_EQ(images->size(), 2u);
  ASSERT_TRUE(target_->RemoveImages(Soon(), stage_, {"s"}, *images).ok());
  images = target_->RepeatedImages(Soon(), stage_, {"s"}, 10);
  ASSERT_TRUE(images.ok()) << images.status().ToString();
  EXPECT_EQ(images->size(), 1u);
}

SPILLWAY_ON_EACH_SERVER(StageRowsTest);

}  // namespace
}  // namespace spillway::target::postgres
