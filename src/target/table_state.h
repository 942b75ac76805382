#ifndef SPILLWAY_TARGET_TABLE_STATE_H_
#define SPILLWAY_TARGET_TABLE_STATE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/schema.h"

/// What stands in a target for a synced table: its columns, the position beside it, and what others
/// hung on it. Plain data; any thread.
namespace spillway::target {

/// Name of a table in a target; parts are unquoted text.
struct TableName {
  std::string schema;
  std::string table;
  bool operator==(const TableName&) const = default;
  /// schema.table for people, quoted where SQL would need it.
  std::string ToString() const;
};

/// A column as the target shall have it, decided by planning: the adapter's type table and the
/// definition's overrides.
struct Column {
  std::string name;
  data::Type source_type;
  std::string target_type;  ///< in the target's own words: numeric(18,4)
  bool not_null = false;
  std::string comment;
  bool operator==(const Column&) const = default;
};

/// Column that only the target has: what stands after its name in CREATE TABLE.
struct ExtraColumn {
  std::string name;
  std::string declaration;  ///< "text DEFAULT ''", "numeric GENERATED ALWAYS AS (price * 2) STORED"
  bool operator==(const ExtraColumn&) const = default;
};

/// Which server and database this is, so that a restored, branched or failed-over one is
/// recognised.
struct Identity {
  std::string system_identifier;
  std::int64_t timeline = 0;
  std::string database;
  std::string cluster_name;
  std::int32_t server_version = 0;  ///< as server_version_num
  bool is_primary = true;
  bool operator==(const Identity&) const = default;
};

/// A row of `spillway.position`.
struct PositionRow {
  std::string synced_table_id;  ///< uuid of the definition
  TableName table;
  std::string source_position;  ///< lake::Position::document; empty: fenced but never published
  std::int64_t version = 0;     ///< for people
  std::string definition_hash;
  std::int64_t fence = 0;
  std::string run_id;
  std::int64_t rows = 0;
  std::string digest;
  std::chrono::sys_time<std::chrono::microseconds> published_at;
  std::chrono::sys_time<std::chrono::microseconds> committed_at;  ///< of the source version
  std::int64_t table_oid = 0;  ///< the relation published, to notice one swapped by hand
  Identity published_on;  ///< the server that published; another one now: restored, branched or
                          ///< failed over
};

/// Something of others that hangs on the table.
struct Dependent {
  std::string kind;      ///< view, foreign key, policy, trigger, publication …
  std::string name;      ///< as the server describes it
  bool movable = false;  ///< a swap carries it to the new table; else the swap would lose it
  /// For people: the kind, unless the name says it already.
  std::string ToString() const;
};

/// What is at the target's table now.
struct TableState {
  std::optional<PositionRow> position;  ///< by synced table id
  bool exists = false;                  ///< a relation of that name is there
  std::int64_t oid = 0;
  std::string kind;  ///< table, view, …
  std::string
      owned_by_id;  ///< synced table id of the position row that names this relation, else empty
  std::int64_t rejected = 0;          ///< rows of the synced table that are rejected at present
  bool has_stages = false;            ///< of the synced table: of runs at work, or dead
  bool unchanged = true;              ///< columns and key are as published
  std::string difference;             ///< what is not, for people
  std::vector<Dependent> dependents;  ///< only filled by DescribeDependents
  bool adopted = false;  ///< taken over with its rows, and nothing published yet: apply, not swap
  std::string foreign_owner;  ///< the relation's owner when we may not replace it, else empty
  std::vector<std::string> published_key;  ///< primary key as published; empty: none, or never
  /// Columns and key as published, in the adapter's own form; empty: never published.
  std::string shape;
  /// How the server is another than the one that published, for people, else empty. Only filled by
  /// DescribeDependents.
  std::string restored;
  /// What the table is like that may stop a sync, and how to mend it, for people. Only filled by
  /// DescribeDependents.
  std::vector<std::string> warnings;
};

}  // namespace spillway::target

#endif  // SPILLWAY_TARGET_TABLE_STATE_H_
