#include "target/postgres/session/rows.h"

#include <libpq-fe.h>

#include <charconv>
#include <utility>

namespace spillway::target::postgres {

Rows::Rows(void* result) : result_(result) {}
Rows::Rows(Rows&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
Rows& Rows::operator=(Rows&& other) noexcept {
  if (this != &other) {
    PQclear(static_cast<PGresult*>(result_));
    result_ = std::exchange(other.result_, nullptr);
  }
  return *this;
}
Rows::~Rows() { PQclear(static_cast<PGresult*>(result_)); }

int Rows::size() const { return PQntuples(static_cast<PGresult*>(result_)); }
int Rows::columns() const { return PQnfields(static_cast<PGresult*>(result_)); }
bool Rows::IsNull(int row, int column) const {
  return PQgetisnull(static_cast<PGresult*>(result_), row, column) != 0;
}
std::string_view Rows::text(int row, int column) const {
  auto* result = static_cast<PGresult*>(result_);
  return {PQgetvalue(result, row, column),
          static_cast<std::size_t>(PQgetlength(result, row, column))};
}
std::int64_t Rows::number(int row, int column) const {
  const std::string_view digits = text(row, column);
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}
std::int64_t Rows::affected() const {
  const std::string_view digits = PQcmdTuples(static_cast<PGresult*>(result_));
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}
std::string_view Rows::command() const { return PQcmdStatus(static_cast<PGresult*>(result_)); }
}  // namespace spillway::target::postgres
