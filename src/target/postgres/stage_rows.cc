#include "target/postgres/stage_rows.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/hex.h"
#include "target/postgres/key_images.h"
#include "target/postgres/rejected_rows.h"
#include "target/postgres/server_memory.h"
#include "target/postgres/stage.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// Images named in one statement.
constexpr std::size_t kImagesAtATime = 20'000;
// Images that are given to a caller at a time; he holds them several times over.
constexpr std::int64_t kImageBytes = 16 << 20;
// Images that are looked for by their values.
constexpr std::size_t kImagesByValue = 1000;
// From this share of removed rows on the stage is written anew: the published table would carry
// their room for ever.
constexpr std::int64_t kRewriteShare = 5;
// Memory for putting rows of one key together, in bytes.
constexpr std::int64_t kGroupMemory = std::int64_t{128} << 20;

Status Commit(const Context& context, Connection& connection) {
  return connection.Execute(context, Sql() << "COMMIT");
}

// Images from `first` on as an array of bytea in text form.
Literal ImageArray(const std::vector<std::string>& images, std::size_t first, std::size_t count) {
  std::string text = "{";
  for (std::size_t i = first; i < first + count; ++i) {
    if (i > first) text += ",";
    text += "\"\\\\x" + base::HexText(images[i]) + "\"";
  }
  return Literal(text + "}");
}

// The removal of a few images by the columns' values, which a key that is there makes cheap; absent
// when there are many or a value cannot be written.
Result<std::optional<Sql>> RemoveByValue(const Stage& stage,
                                         const std::vector<std::string>& columns,
                                         const std::vector<std::string>& images) {
  if (images.empty() || images.size() > kImagesByValue) return std::optional<Sql>();
  std::vector<PostgresType> types;
  std::vector<std::string> names;
  for (const std::string& name : columns) {
    const auto column = std::ranges::find(stage.columns, name, &Column::name);
    if (column == stage.columns.end()) return std::optional<Sql>();
    SPILLWAY_ASSIGN(const PostgresType type, ParsePostgresType(column->target_type));
    types.push_back(type);
    names.push_back(column->target_type);
  }
  Sql sql;
  sql << "DELETE FROM " << stage.table << " WHERE (" << std::span<const std::string>(columns)
      << ") IN (";
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto constants = ConstantsOf(images[i], types);
    if (!constants) return std::optional<Sql>();
    sql << (i == 0 ? SqlText("(") : SqlText(", ("));
    for (std::size_t k = 0; k < constants->size(); ++k) {
      if (k > 0) sql << ", ";
      sql << Literal((*constants)[k]) << "::" << ColumnType(names[k]);
    }
    sql << ")";
  }
  sql << ")";
  return std::optional<Sql>(std::move(sql));
}

// As the first statement of a removal: under a publication of all tables, stages included, the
// server deletes only rows that it can identify, and a stage has no key yet. Returns the statement
// that takes it back, to be the last one: a table that is published has the identity of before.
Result<Sql> IdentifyRows(const Context& context, Connection& connection, const Stage& stage) {
  Sql published;
  published << "SELECT EXISTS (SELECT FROM pg_publication_tables WHERE schemaname = "
            << Literal(stage.table.schema) << " AND tablename = " << Literal(stage.table.table)
            << ")";
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, published));
  if (!rows.boolean(0, 0)) return Sql() << "SELECT 1";
  SPILLWAY_TRY(connection.Execute(
      context, Sql() << "ALTER TABLE " << stage.table << " REPLICA IDENTITY FULL"));
  return Sql() << "ALTER TABLE " << stage.table << " REPLICA IDENTITY DEFAULT";
}

}  // namespace

Result<std::int64_t> KeepGreatest(const Context& context, Connection& connection,
                                  const Stage& stage, const std::vector<std::string>& key,
                                  const std::string& column) {
  SPILLWAY_TRY(BeginOnOpenStage(context, connection, stage));
  SPILLWAY_ASSIGN(const Sql identified, IdentifyRows(context, connection, stage));
  Sql sql;
  sql << RaiseWorkMemory(kGroupMemory) << "; DELETE FROM " << stage.table
      << " WHERE ctid IN (SELECT ranked.place FROM (SELECT"
      << " ctid AS place, rank() OVER (PARTITION BY " << std::span<const std::string>(key)
      << " ORDER BY " << Identifier(column) << " DESC NULLS LAST) AS ranking FROM " << stage.table
      << ") AS ranked WHERE ranked.ranking > 1)";
  SPILLWAY_ASSIGN(const Rows deleted, connection.Query(context, sql));
  const std::int64_t removed = deleted.affected();
  Sql count;
  count << "SELECT count(*) FROM " << stage.table;
  SPILLWAY_ASSIGN(const Rows rest, connection.Query(context, count));
  SPILLWAY_TRY(connection.Execute(context, identified));
  SPILLWAY_TRY(Commit(context, connection));
  if (removed > 0 && removed * kRewriteShare >= rest.number(0, 0)) {
    // Under no lock of ours: a newer run that drops the stage meanwhile is told by what comes next.
    Sql rewrite;
    rewrite << "VACUUM (FULL) " << stage.table;
    SPILLWAY_TRY(connection.Execute(context, rewrite).While("rewrite the stage"));
  }
  return removed;
}

Result<std::vector<std::string>> RepeatedImages(const Context& context, Connection& connection,
                                                const Stage& stage,
                                                const std::vector<std::string>& columns,
                                                std::int64_t limit) {
  SPILLWAY_TRY(BeginOnOpenStage(context, connection, stage));
  SPILLWAY_ASSIGN(const Sql image, ImageExpression(context, connection, stage, columns));
  Sql sql;
  sql << RaiseWorkMemory(kGroupMemory)
      << "; SELECT encode(image, 'hex') FROM (SELECT image, sum(octet_length(image)) OVER (ROWS"
      << " BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM (SELECT " << image
      << " AS image FROM (SELECT " << std::span<const std::string>(columns) << " FROM "
      << stage.table << " GROUP BY " << std::span<const std::string>(columns)
      << " HAVING count(*) > 1 LIMIT " << limit
      << ") AS repeated) AS imaged) AS summed WHERE coalesce(before, 0) < " << kImageBytes;
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  SPILLWAY_TRY(Commit(context, connection));
  std::vector<std::string> images;
  for (int row = 0; row < rows.size(); ++row) images.push_back(base::BytesOfHex(rows.text(row, 0)));
  return images;
}

Result<std::int64_t> RejectStageRows(const Context& context, Connection& connection,
                                     const Stage& stage, const std::vector<BadRow>& rows) {
  SPILLWAY_TRY(BeginOnOpenStage(context, connection, stage));
  SPILLWAY_ASSIGN(const std::int64_t added, AddStageRejected(context, connection, stage, rows));
  SPILLWAY_TRY(Commit(context, connection));
  return added;
}

Result<std::int64_t> RemoveImages(const Context& context, Connection& connection,
                                  const Stage& stage, const std::vector<std::string>& columns,
                                  const std::vector<std::string>& images) {
  SPILLWAY_TRY(BeginOnOpenStage(context, connection, stage));
  SPILLWAY_ASSIGN(const Sql identified, IdentifyRows(context, connection, stage));
  SPILLWAY_ASSIGN(const std::optional<Sql> by_value, RemoveByValue(stage, columns, images));
  if (by_value) {
    SPILLWAY_ASSIGN(const Rows deleted, connection.Query(context, *by_value));
    SPILLWAY_TRY(connection.Execute(context, identified));
    SPILLWAY_TRY(Commit(context, connection));
    return deleted.affected();
  }
  SPILLWAY_ASSIGN(const Sql image, ImageExpression(context, connection, stage, columns));
  std::int64_t removed = 0;
  for (std::size_t at = 0; at < images.size(); at += kImagesAtATime) {
    Sql sql;
    sql << "DELETE FROM " << stage.table << " WHERE (" << image << ") = ANY ("
        << ImageArray(images, at, std::min(kImagesAtATime, images.size() - at)) << "::bytea[])";
    SPILLWAY_ASSIGN(const Rows deleted, connection.Query(context, sql));
    removed += deleted.affected();
  }
  SPILLWAY_TRY(connection.Execute(context, identified));
  SPILLWAY_TRY(Commit(context, connection));
  return removed;
}

}  // namespace spillway::target::postgres
