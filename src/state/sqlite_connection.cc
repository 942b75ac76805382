#include "state/sqlite_connection.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "base/check.h"

namespace spillway::state {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

// SQLite's URI form: everything but plain characters percent-encoded.
std::string FileUri(const std::string& path, std::string_view query) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      uri.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    uri.push_back('%');
    uri.push_back(kDigits[byte >> 4]);
    uri.push_back(kDigits[byte & 15]);
  }
  return uri + std::string(query);
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

int Bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, index);
}

// nullopt for a value that no statement of ours ever stored (real, blob), or out of memory.
std::optional<SqlValue> Column(sqlite3_stmt* statement, int index) {
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_NULL:
      return SqlValue();
    case SQLITE_INTEGER:
      return SqlValue(std::int64_t{sqlite3_column_int64(statement, index)});
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, index));
      if (text == nullptr) return std::nullopt;
      return SqlValue(
          std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, index))));
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                 OpenMode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI;
  flags |= mode == OpenMode::kReadWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const std::string uri = FileUri(path, mode == OpenMode::kImmutable ? "?immutable=1" : "");
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(uri.c_str(), &handle, flags, nullptr);
  if (handle == nullptr) return Status(ErrorClass::kInternal, "out of memory");
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(handle, path));
  if (result != SQLITE_OK) return connection->Error(result);
  sqlite3_busy_handler(handle, &SqliteConnection::Busy, connection.get());
  // A damaged or hostile file must not make SQLite do more than read rows.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  // The last process to close would wait for the disk. Definitions are checkpointed when written.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return connection;
}

SqliteConnection::~SqliteConnection() { sqlite3_close_v2(handle_); }

void SqliteConnection::Bound(const base::Context& context, std::chrono::milliseconds longest) {
  context_ = context;
  busy_until_ = base::Deadline::Earlier(context.deadline, base::Deadline::After(longest));
}

int SqliteConnection::Busy(void* self, int attempts) {
  auto* connection = static_cast<SqliteConnection*>(self);
  if (connection->context_.stop.stop_requested() || connection->busy_until_.expired()) return 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(1 + attempts, 20)));
  return 1;
}

Result<std::vector<SqlRow>> SqliteConnection::Run(const char* sql,
                                                  std::span<const SqlValue> parameters) {
  SPILLWAY_TRY(context_.Check());
  sqlite3_stmt* raw = nullptr;
  int result = sqlite3_prepare_v2(handle_, sql, -1, &raw, nullptr);
  const Statement statement(raw);
  if (result != SQLITE_OK) return Error(result);
  SPILLWAY_CHECK(sqlite3_bind_parameter_count(raw) == static_cast<int>(parameters.size()));
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    result = Bind(raw, static_cast<int>(i + 1), parameters[i]);
    if (result != SQLITE_OK) return Error(result);
  }
  std::vector<SqlRow> rows;
  while ((result = sqlite3_step(raw)) == SQLITE_ROW) {
    SqlRow row;
    const int columns = sqlite3_column_count(raw);
    for (int i = 0; i < columns; ++i) {
      std::optional<SqlValue> value = Column(raw, i);
      if (!value) return Error(SQLITE_CORRUPT);
      row.push_back(*std::move(value));
    }
    rows.push_back(std::move(row));
  }
  if (result != SQLITE_DONE) return Error(result);
  return rows;
}

std::int64_t SqliteConnection::changes() const { return sqlite3_changes64(handle_); }

void SqliteConnection::Rollback() {
  if (sqlite3_get_autocommit(handle_) == 0) {
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Status SqliteConnection::Error(int result) const {
  const int system_error = sqlite3_system_errno(handle_);
  const bool full = system_error == ENOSPC || system_error == EDQUOT;
  const std::string words = sqlite3_errstr(result);
  const auto make = [&](ErrorClass error_class, const std::string& text) {
    return Status(error_class, text + " " + path_ + ": " + words)
        .With("path", path_)
        .With("sqlite", std::to_string(result));
  };
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      SPILLWAY_TRY(context_.Check());
      return make(ErrorClass::kStateBusy, "another process holds the state file");
    case SQLITE_CONSTRAINT:
      return make(ErrorClass::kAlreadyExists, "a row is there already in");
    case SQLITE_FULL:
      return make(ErrorClass::kStoreNoSpace, "no space to write the state file");
    case SQLITE_READONLY:
      return make(ErrorClass::kFileUnusable, "cannot write the state file")
          .Mend("Give its owner the right to write it and its folder, or use another --home.");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      if (full) return make(ErrorClass::kStoreNoSpace, "no space to open the state file");
      return make(ErrorClass::kFileUnusable, "cannot open the state file");
    case SQLITE_IOERR:
      if (full) return make(ErrorClass::kStoreNoSpace, "no space to write the state file");
      if (result == SQLITE_IOERR_SHORT_READ || result == SQLITE_IOERR_CORRUPTFS) {
        return make(ErrorClass::kStateCorrupt, "the state file is damaged");
      }
      return make(ErrorClass::kFileUnusable, "cannot read or write the state file");
    case SQLITE_NOMEM:
      return make(ErrorClass::kInternal, "no memory to read the state file");
    default:
      // Our statements are right for the layout, so whatever else goes wrong lies in the file.
      return make(ErrorClass::kStateCorrupt, "the state file is damaged");
  }
}

Result<SqliteTransaction> SqliteTransaction::Begin(SqliteConnection* connection) {
  SPILLWAY_TRY(connection->Run("BEGIN IMMEDIATE").status());
  return SqliteTransaction(connection);
}

SqliteTransaction::~SqliteTransaction() {
  if (connection_ != nullptr) connection_->Rollback();
}

Status SqliteTransaction::Commit() {
  SPILLWAY_TRY(connection_->Run("COMMIT").status());
  connection_ = nullptr;
  return Status();
}

}  // namespace spillway::state
