#include "state/sqlite_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/check.h"
#include "state/durable_file.h"
#include "state/file_lock.h"

namespace spillway::state {
namespace {

using base::ErrorClass;
using base::Status;

// "Splw": tells a state file from any other SQLite database.
constexpr std::int64_t kApplicationId = 0x53706c77;
constexpr const char* kSetApplicationId = "PRAGMA application_id = 1399876727";
static_assert(kApplicationId == 1399876727);

constexpr std::array kLayout1 = {
    "CREATE TABLE source (name TEXT NOT NULL PRIMARY KEY, url TEXT NOT NULL,"
    " storage_options TEXT NOT NULL, created_us INTEGER NOT NULL, checksum TEXT NOT NULL) STRICT",
    "CREATE TABLE target (name TEXT NOT NULL PRIMARY KEY, url TEXT NOT NULL,"
    " password_reference TEXT NOT NULL, created_us INTEGER NOT NULL, checksum TEXT NOT NULL) "
    "STRICT",
    "CREATE TABLE synced_table (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " target TEXT NOT NULL, schema_name TEXT NOT NULL, table_name TEXT NOT NULL,"
    " source TEXT NOT NULL, definition TEXT NOT NULL, created_us INTEGER NOT NULL,"
    " changed_us INTEGER NOT NULL, checksum TEXT NOT NULL) STRICT",
    "CREATE TABLE run (id TEXT NOT NULL PRIMARY KEY, synced_table_id TEXT NOT NULL,"
    " table_name TEXT NOT NULL, state TEXT NOT NULL, started_us INTEGER NOT NULL,"
    " ended_us INTEGER, source_version INTEGER, rows_read INTEGER NOT NULL,"
    " rows_inserted INTEGER NOT NULL, rows_updated INTEGER NOT NULL,"
    " rows_deleted INTEGER NOT NULL, rows_unchanged INTEGER NOT NULL,"
    " rows_rejected INTEGER NOT NULL, bytes_read INTEGER NOT NULL,"
    " bytes_written INTEGER NOT NULL, phases TEXT NOT NULL, bottleneck TEXT NOT NULL,"
    " error TEXT NOT NULL, checksum TEXT NOT NULL) STRICT",
    "CREATE INDEX run_of_table ON run (synced_table_id, started_us)",
    "CREATE INDEX run_by_start ON run (started_us)",
    "CREATE TABLE setting (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL,"
    " checksum TEXT NOT NULL) STRICT",
};
constexpr std::array kLayout2 = {
    "CREATE TABLE pause (synced_table_id TEXT NOT NULL PRIMARY KEY, since_us INTEGER NOT NULL,"
    " checksum TEXT NOT NULL) STRICT",
};
constexpr std::array kMigrations = {Migration(kLayout1), Migration(kLayout2)};

std::int64_t Latest(std::span<const Migration> migrations) {
  return static_cast<std::int64_t>(migrations.size());
}

base::Result<std::int64_t> ReadNumber(SqliteConnection* connection, const std::string& path,
                                      const char* pragma) {
  SPILLWAY_ASSIGN(const auto rows, connection->Run(pragma));
  if (rows.size() == 1 && rows[0].size() == 1) {
    if (const auto* number = std::get_if<std::int64_t>(&rows[0][0])) return *number;
  }
  return Corrupt(path, "its header cannot be read");
}

// PRAGMA takes no parameters, so the numbers are spelled out; a new layout adds a line.
Status SetLayout(SqliteConnection* connection, std::int64_t layout) {
  constexpr std::array kStatements = {"PRAGMA user_version = 0", "PRAGMA user_version = 1",
                                      "PRAGMA user_version = 2", "PRAGMA user_version = 3"};
  SPILLWAY_CHECK(layout >= 0 && layout < static_cast<std::int64_t>(kStatements.size()));
  return connection->Run(kStatements[static_cast<std::size_t>(layout)]).status();
}

Status Apply(SqliteConnection* connection, std::int64_t from,
             std::span<const Migration> migrations) {
  for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(from))) {
    for (const char* statement : migration) SPILLWAY_TRY(connection->Run(statement).status());
  }
  return SetLayout(connection, Latest(migrations));
}

Status RemoveIfThere(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return FileError(errno, "remove", path);
  return Status();
}

// Fills the empty file `path`.
Status Fill(const base::Context& context, const std::string& path,
            std::span<const Migration> migrations) {
  SPILLWAY_ASSIGN(auto connection, SqliteConnection::Open(path, OpenMode::kReadWrite));
  connection->Bound(context, std::chrono::seconds(5));
  SPILLWAY_TRY(connection->Run("PRAGMA journal_mode = WAL").status());
  SPILLWAY_ASSIGN(auto transaction, SqliteTransaction::Begin(connection.get()));
  SPILLWAY_TRY(connection->Run(kSetApplicationId).status());
  SPILLWAY_TRY(Apply(connection.get(), 0, migrations));
  SPILLWAY_TRY(transaction.Commit());
  // Moves the log into the file itself, so that the file alone can be renamed.
  return connection->Run("PRAGMA wal_checkpoint(TRUNCATE)").status();
}

Status SyncFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return FileError(errno, "open", path);
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  return result == 0 ? Status() : FileError(error, "sync", path);
}

}  // namespace

std::span<const Migration> Migrations() { return kMigrations; }

Status Corrupt(const std::string& path, std::string_view reason) {
  return Status(ErrorClass::kStateCorrupt,
                "the state file " + path + " cannot be used: " + std::string(reason))
      .With("path", path);
}

Status MakeStateFile(const base::Context& context, const std::string& path,
                     std::span<const Migration> migrations) {
  SPILLWAY_ASSIGN(const auto lock, FileLock::Acquire(context.Within(std::chrono::seconds(5)),
                                                     path + ".lock", "make the state file"));
  if (access(path.c_str(), F_OK) == 0) return Status();
  const std::string fresh = path + ".new";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    SPILLWAY_TRY(RemoveIfThere(fresh + suffix));
  }
  const int descriptor = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return FileError(errno, "make the state file", fresh);
  close(descriptor);
  if (Status filled = Fill(context, fresh, migrations); !filled.ok()) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      static_cast<void>(RemoveIfThere(fresh + suffix));
    }
    return filled;
  }
  // What the log was is in the file; under the file's new name nobody would find the rest.
  for (const char* suffix : {"-wal", "-shm"}) SPILLWAY_TRY(RemoveIfThere(fresh + suffix));
  SPILLWAY_TRY(SyncFile(fresh));
  if (rename(fresh.c_str(), path.c_str()) != 0) {
    return FileError(errno, "make the state file", path);
  }
  return SyncFolder(std::filesystem::path(path).parent_path().string());
}

Status CheckLayout(SqliteConnection* connection, const std::string& path,
                   std::span<const Migration> migrations) {
  SPILLWAY_ASSIGN(const std::int64_t application,
                  ReadNumber(connection, path, "PRAGMA application_id"));
  if (application != kApplicationId) return Corrupt(path, "it is not a state file of Spillway");
  SPILLWAY_ASSIGN(std::int64_t layout, ReadNumber(connection, path, "PRAGMA user_version"));
  if (layout == Latest(migrations)) return Status();
  if (layout > Latest(migrations)) {
    return Status(ErrorClass::kNotYetSupported,
                  "the state file " + path + " has layout " + std::to_string(layout) +
                      ", this release knows up to " + std::to_string(Latest(migrations)))
        .With("path", path)
        .Mend("Use the newer Spillway that wrote it, or another --home.");
  }
  SPILLWAY_ASSIGN(auto transaction, SqliteTransaction::Begin(connection));
  // Another process may have done it while we waited.
  SPILLWAY_ASSIGN(layout, ReadNumber(connection, path, "PRAGMA user_version"));
  if (layout < 1 || layout > Latest(migrations)) {
    return Corrupt(path, "there is no layout " + std::to_string(layout));
  }
  SPILLWAY_TRY(Apply(connection, layout, migrations));
  return transaction.Commit();
}

Status CheckStructure(SqliteConnection* connection, const std::string& path) {
  SPILLWAY_ASSIGN(const auto rows, connection->Run("PRAGMA integrity_check(1)"));
  if (rows.size() == 1 && rows[0].size() == 1) {
    const auto* text = std::get_if<std::string>(&rows[0][0]);
    if (text != nullptr && *text == "ok") return Status();
    if (text != nullptr) return Corrupt(path, *text);
  }
  return Corrupt(path, "its structure cannot be checked");
}

}  // namespace spillway::state
