#include "target/postgres/testing/plain_session.h"

#include <libpq-fe.h>

#include <utility>

namespace spillway::target::postgres::testing {

struct PlainSession::Impl {
  PGconn* connection = nullptr;
};

PlainSession::PlainSession(const std::string& conninfo) : impl_(std::make_unique<Impl>()) {
  impl_->connection = PQconnectdb(conninfo.c_str());
  PQsetNoticeProcessor(impl_->connection, [](void*, const char*) {}, nullptr);
  // The clusters' user is called as Spillway's schema is, which would otherwise come first.
  Execute("SET search_path = public");
}
PlainSession::PlainSession(PlainSession&&) noexcept = default;
PlainSession::~PlainSession() {
  if (impl_ != nullptr) PQfinish(impl_->connection);
}

std::vector<std::string> PlainSession::Query(const std::string& sql) {
  PGresult* result = PQexec(impl_->connection, sql.c_str());
  std::vector<std::string> rows;
  const auto status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    rows.push_back(std::string("error: ") + PQerrorMessage(impl_->connection));
  }
  for (int row = 0; row < PQntuples(result); ++row) {
    std::string text;
    for (int column = 0; column < PQnfields(result); ++column) {
      if (column > 0) text += "|";
      text += PQgetisnull(result, row, column) != 0 ? "∅" : PQgetvalue(result, row, column);
    }
    rows.push_back(std::move(text));
  }
  PQclear(result);
  return rows;
}

std::string PlainSession::Value(const std::string& sql) {
  const auto rows = Query(sql);
  return rows.empty() ? std::string() : rows.front();
}

std::string PlainSession::Execute(const std::string& sql) {
  const auto rows = Query(sql);
  return !rows.empty() && rows.front().starts_with("error: ") ? rows.front() : std::string();
}

void PlainSession::Send(const std::string& sql) { PQsendQuery(impl_->connection, sql.c_str()); }

std::vector<std::string> PlainSession::Notifications() {
  std::vector<std::string> payloads;
  PQconsumeInput(impl_->connection);
  while (PGnotify* notification = PQnotifies(impl_->connection)) {
    payloads.emplace_back(notification->extra);
    PQfreemem(notification);
  }
  return payloads;
}

int PlainSession::pid() const { return PQbackendPID(impl_->connection); }

}  // namespace spillway::target::postgres::testing
