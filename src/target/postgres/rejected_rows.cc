#include "target/postgres/rejected_rows.h"

#include <utility>

#include "data/builder.h"
#include "target/postgres/bookkeeping.h"
#include "target/postgres/layout.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::ErrorClass;
using base::Result;
using base::Status;

// Text of one INSERT; the server parses it whole.
constexpr std::size_t kInsertBytes = 4 << 20;
// A row's JSON above this is not kept: its file and position lead to it.
constexpr std::size_t kMaxRowJson = 16 << 20;
constexpr std::int64_t kRowsNamed = 10;
constexpr std::int64_t kRowsRead = 500;
// A batch of rejected rows as they are read; one row may be larger.
constexpr std::int64_t kBytesRead = 8 << 20;

void AppendTextOrNull(std::string_view text, Sql* sql) {
  if (text.empty()) {
    *sql << "NULL";
  } else {
    *sql << Literal(text);
  }
}

void AppendRow(const Stage& stage, const BadRow& row, Sql* sql) {
  *sql << "(" << Literal(stage.table.table) << ", ";
  AppendTextOrNull(row.key_json, sql);
  *sql << "::json, ";
  AppendTextOrNull(row.row_json.size() > kMaxRowJson ? std::string_view() : row.row_json, sql);
  *sql << "::json, ";
  AppendTextOrNull(row.column, sql);
  *sql << ", " << Literal(base::Describe(row.error_class).name) << ", " << Literal(row.reason)
       << ", " << Literal(row.file) << ", " << Literal(row.row) << ")";
}

// Up to ten of the stage's rejected rows, for a message.
Result<std::string> NameRows(const Context& context, Connection& connection, const Stage& stage) {
  Sql sql;
  sql << "SELECT coalesce('column ' || column_name || ', ', '') || coalesce('key ' || key || ', ',"
      << " '') || reason || ' (' || file || ', row ' || row_position || ')'"
      << " FROM spillway.stage_rejected WHERE stage_name = " << Literal(stage.table.table)
      << " ORDER BY file, row_position LIMIT " << kRowsNamed;
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  std::string named;
  for (int row = 0; row < rows.size(); ++row) {
    named += (row == 0 ? "" : "; ") + std::string(rows.text(row, 0));
  }
  return named;
}

class RejectedStream final : public data::BatchStream {
 public:
  RejectedStream(Pool& pool, std::string_view id) : pool_(pool), id_(id) {}

  const std::shared_ptr<const data::Schema>& schema() const override { return RejectedSchema(); }

  Result<std::optional<data::Batch>> Next(const Context& context) override {
    if (finished_) return std::optional<data::Batch>();
    SPILLWAY_ASSIGN(Lease connection, pool_.Borrow(context));
    SPILLWAY_ASSIGN(const int layout, ReadLayoutVersion(context, *connection));
    if (layout < 2) {
      finished_ = true;
      return std::optional<data::Batch>();
    }
    Sql sql;
    // Those of the next rows that fit together, the first one in any case.
    sql << "SELECT r.rejected_id, key, row, column_name, class, reason, file, row_position, "
        << "version, run_id, (extract(epoch FROM rejected_at) * 1000000)::bigint FROM"
        << " spillway.rejected r"
        << " JOIN (SELECT rejected_id, sum(size) OVER (ORDER BY rejected_id) - size AS before"
        << " FROM (SELECT rejected_id, coalesce(octet_length(row::text), 0) AS size"
        << " FROM spillway.rejected WHERE synced_table_id = " << Literal(id_)
        << " AND rejected_id > " << Literal(last_) << " ORDER BY rejected_id LIMIT " << kRowsRead
        << ") AS sized) AS next USING (rejected_id) WHERE next.before < " << kBytesRead
        << " ORDER BY rejected_id";
    SPILLWAY_ASSIGN(const Rows rows, connection->Query(context, sql));
    finished_ = rows.size() == 0;
    if (finished_) return std::optional<data::Batch>();
    last_ = rows.number(rows.size() - 1, 0);
    data::BatchBuilder builder(schema());
    for (int row = 0; row < rows.size(); ++row) {
      for (int column = 0; column < rows.columns(); ++column) {
        const auto index = static_cast<std::size_t>(column);
        SPILLWAY_TRY(rows.IsNull(row, column) ? builder.AppendNull(index)
                                              : builder.AppendText(index, rows.text(row, column)));
      }
      SPILLWAY_TRY(builder.FinishRow());
    }
    SPILLWAY_ASSIGN(data::Batch batch, builder.Finish());
    return std::optional<data::Batch>(std::move(batch));
  }

 private:
  Pool& pool_;
  const std::string id_;
  std::int64_t last_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<std::int64_t> AddStageRejected(const Context& context, Connection& connection,
                                      const Stage& stage, const std::vector<BadRow>& rows) {
  std::int64_t added = 0;
  for (std::size_t at = 0; at < rows.size();) {
    Sql sql;
    sql << "INSERT INTO spillway.stage_rejected (stage_name, key, row, column_name, class, reason,"
        << " file, row_position) VALUES ";
    for (bool first = true; at < rows.size() && (first || sql.text().size() < kInsertBytes);
         first = false, ++at) {
      if (!first) sql << ", ";
      AppendRow(stage, rows[at], &sql);
    }
    sql << " ON CONFLICT DO NOTHING";
    auto inserted = connection.Query(context, sql);
    if (!inserted.ok()) return std::move(inserted).status().While("record rejected rows");
    added += inserted->affected();
  }
  return added;
}

Status PublishRejected(const Context& context, Connection& connection, const Stage& stage,
                       std::int64_t version, std::optional<std::int64_t> max_rejected) {
  Sql sql;
  sql << "DELETE FROM spillway.rejected WHERE synced_table_id = "
      << Literal(stage.fence.synced_table_id)
      << "; INSERT INTO spillway.rejected (synced_table_id, schema_name, table_name, key, row,"
      << " column_name, class, reason, file, row_position, version, run_id, rejected_at) SELECT "
      << Literal(stage.fence.synced_table_id) << "::uuid, " << Literal(stage.target.schema) << ", "
      << Literal(stage.target.table)
      << ", key, row, column_name, class, reason, file, row_position, " << Literal(version) << ", "
      << Literal(stage.fence.run_id)
      << ", clock_timestamp() FROM spillway.stage_rejected WHERE stage_name = "
      << Literal(stage.table.table) << " ORDER BY file, row_position";
  SPILLWAY_ASSIGN(const Rows inserted, connection.Query(context, sql));
  if (max_rejected && inserted.affected() > *max_rejected) {
    SPILLWAY_ASSIGN(const std::string named, NameRows(context, connection, stage));
    return TooManyRejected(stage.target.ToString(), inserted.affected(), *max_rejected, named);
  }
  return connection.Execute(context, Sql()
                                         << "DELETE FROM spillway.stage_rejected WHERE stage_name ="
                                         << " " << Literal(stage.table.table));
}

Result<std::int64_t> CountRejected(const Context& context, Connection& connection,
                                   std::string_view synced_table_id) {
  Sql sql;
  sql << "SELECT count(*) FROM spillway.rejected WHERE synced_table_id = "
      << Literal(synced_table_id);
  SPILLWAY_ASSIGN(const Rows rows, connection.Query(context, sql));
  return rows.number(0, 0);
}

std::unique_ptr<data::BatchStream> StreamRejected(Pool& pool, std::string_view synced_table_id) {
  return std::make_unique<RejectedStream>(pool, synced_table_id);
}

}  // namespace spillway::target::postgres
