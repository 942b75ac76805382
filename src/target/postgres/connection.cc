#include "target/postgres/connection.h"

#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <stop_token>
#include <utility>

#include "base/failpoint.h"
#include "target/postgres/sqlstate.h"

namespace spillway::target::postgres {
namespace {

using base::Context;
using base::Deadline;
using base::ErrorClass;
using base::Result;
using base::Status;

constexpr std::int32_t kOldestServer = 130000;
// How long a cancelled statement may take to end before its session is closed under it.
constexpr std::chrono::milliseconds kCancelGrace{400};
// How long an answer to COMMIT is waited for after a stop.
constexpr std::chrono::milliseconds kCommitGrace{400};

void IgnoreNotice(void*, const char*) {}

std::string Trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return std::string(text);
}

std::string Field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

// The error that `result` carries, in the server's words with the class of its SQLSTATE.
Status ErrorFrom(const PGresult* result) {
  const std::string state = Field(result, PG_DIAG_SQLSTATE);
  if (state.empty()) {
    return Status(ErrorClass::kConnectionError,
                  "the connection was lost: " + Trimmed(PQresultErrorMessage(result)));
  }
  const SqlStateRow& row = DescribeSqlState(state);
  std::string message = "PostgreSQL: " + Field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (const std::string detail = Field(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    message += " (" + detail + ")";
  }
  Status error(row.error_class, std::move(message));
  error = std::move(error).With("sqlstate", state);
  if (!row.mend.empty()) error = std::move(error).Mend(std::string(row.mend));
  constexpr auto kFields =
      std::to_array<std::pair<int, std::string_view>>({{PG_DIAG_SCHEMA_NAME, "schema"},
                                                       {PG_DIAG_TABLE_NAME, "table"},
                                                       {PG_DIAG_COLUMN_NAME, "column"},
                                                       {PG_DIAG_CONSTRAINT_NAME, "constraint"},
                                                       {PG_DIAG_DATATYPE_NAME, "type"},
                                                       {PG_DIAG_MESSAGE_HINT, "hint"},
                                                       {PG_DIAG_CONTEXT, "context"}});
  for (const auto& [code, key] : kFields) {
    if (const std::string value = Field(result, code); !value.empty()) {
      error = std::move(error).With(key, value);
    }
  }
  return error;
}

// The SQLSTATE in a verbose message of a failed connection ("FATAL:  28P01: …"), or "".
std::string StateInVerboseMessage(std::string_view message) {
  const auto is_state = [](std::string_view text) {
    if (text.size() < 6 || text[5] != ':') return false;
    return std::ranges::all_of(
        text.substr(0, 5), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
  };
  std::string found;
  for (std::size_t at = 0; (at = message.find(":  ", at)) != std::string_view::npos; at += 3) {
    if (is_state(message.substr(at + 3))) found = message.substr(at + 3, 5);
  }
  return found;
}

// A verbose message without the lines that tell where in the server's sources it arose.
std::string WithoutLocation(std::string_view message) {
  std::string out;
  while (!message.empty()) {
    const auto end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    message = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
    if (line.empty() || line.starts_with("LOCATION:")) continue;
    if (!out.empty()) out += "; ";
    out += line;
  }
  return out;
}

Status ConnectError(PGconn* connection) {
  const std::string message = PQerrorMessage(connection);
  const std::string state = StateInVerboseMessage(message);
  if (PQconnectionNeedsPassword(connection) != 0 && state.empty()) {
    return Status(ErrorClass::kTargetAuthentication,
                  "the server wants a password and none is given")
        .Mend("Give the password with the target, in PGPASSWORD or in the password file.");
  }
  if (state.empty()) {
    return Status(ErrorClass::kConnectionError,
                  "the connection cannot be made: " + WithoutLocation(message));
  }
  const SqlStateRow& row = DescribeSqlState(state);
  Status error(row.error_class, "the connection cannot be made: " + WithoutLocation(message));
  error = std::move(error).With("sqlstate", state);
  if (!row.mend.empty()) error = std::move(error).Mend(std::string(row.mend));
  return error;
}

// libpq quotes the whole string, password included, when it cannot read it: only what stands before
// is shown.
Status UrlError(std::string_view message) {
  std::string shown = Trimmed(message.substr(0, message.find('"')));
  while (!shown.empty() && (shown.back() == ':' || shown.back() == ' ')) shown.pop_back();
  return Status(ErrorClass::kInvalidArgument, "the target's URL cannot be read: " + shown)
      .Mend("Write postgresql://USER@HOST:PORT/DATABASE, special characters as %XX.");
}

// Options given by the URL or conninfo string itself.
Result<std::map<std::string, std::string>> ParseUrl(const std::string& url) {
  std::map<std::string, std::string> given;
  if (url.find('=') == std::string::npos && !url.starts_with("postgres://") &&
      !url.starts_with("postgresql://")) {
    if (!url.empty()) return UrlError("it is neither a URL nor a list of keyword=value");
    return given;
  }
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &message);
  if (options == nullptr) {
    Status error = UrlError(message == nullptr ? "out of memory" : message);
    PQfreemem(message);
    return error;
  }
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) given.emplace(option->keyword, option->val);
  }
  PQconninfoFree(options);
  return given;
}

// True when a new TCP connection to where `connection` leads is made at once. PQcancel makes one,
// and blocks while doing so.
bool AnswersAtOnce(PGconn* connection) {
  sockaddr_storage peer{};
  socklen_t length = sizeof(peer);
  if (getpeername(PQsocket(connection), reinterpret_cast<sockaddr*>(&peer), &length) != 0) {
    return false;
  }
  if (peer.ss_family != AF_INET && peer.ss_family != AF_INET6) return true;
  const int probe = socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  bool answers = connect(probe, reinterpret_cast<sockaddr*>(&peer), length) == 0;
  if (!answers && errno == EINPROGRESS) {
    pollfd wait{probe, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof(error);
    answers = poll(&wait, 1, 300) == 1 &&
              getsockopt(probe, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  close(probe);
  return answers;
}

}  // namespace

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

struct Connection::Impl {
  PGconn* pq = nullptr;
  int stop_event = -1;

  Status Connect(const Context& context,
                 const std::vector<std::pair<std::string, std::string>>& keywords,
                 std::chrono::milliseconds timeout);

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    PQfinish(pq);
    if (stop_event >= 0) close(stop_event);
  }

  // Waits until the socket is ready for one of `events`, which `ready` tells.
  Status Wait(const Context& context, short events, short* ready) {
    SPILLWAY_TRY(context.Check());
    if (PQsocket(pq) < 0) return Status(ErrorClass::kConnectionError, "the connection was lost");
    std::array<pollfd, 2> polled = {pollfd{PQsocket(pq), events, 0}, pollfd{stop_event, POLLIN, 0}};
    const bool stoppable = context.stop.stop_possible();
    // What an earlier stop left there, of a context that is not this one.
    std::uint64_t before = 0;
    [[maybe_unused]] const auto drained = read(stop_event, &before, sizeof(before));
    const std::stop_callback wake(context.stop, [this] {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = write(stop_event, &one, sizeof(one));
    });
    while (true) {
      const auto left = context.deadline.Remaining();
      const int timeout =
          left ? static_cast<int>(std::min<std::int64_t>(left->count(), 3'600'000)) : -1;
      const int count = poll(polled.data(), stoppable ? 2 : 1, timeout);
      if (count < 0 && errno != EINTR) {
        return Status(ErrorClass::kInternal, "cannot wait for a socket: poll")
            .With("errno", std::to_string(errno));
      }
      if (count > 0 && polled[0].revents != 0) {
        *ready = polled[0].revents;
        return Status();
      }
      SPILLWAY_TRY(context.Check());
    }
  }
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

namespace {

using Keywords = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> SplitList(const std::string& list) {
  std::vector<std::string> items;
  std::size_t at = 0;
  while (true) {
    const auto comma = list.find(',', at);
    items.push_back(list.substr(at, comma == std::string::npos ? comma : comma - at));
    if (comma == std::string::npos) return items;
    at = comma + 1;
  }
}

// The keywords that choose each of several hosts in turn; one empty entry when there is one host,
// or when libpq must look at them all to choose. libpq bounds the time for a host only when it
// blocks, so each is tried by itself.
std::vector<Keywords> HostChoices(const std::map<std::string, std::string>& given) {
  const auto list = [&](const char* key) {
    const auto found = given.find(key);
    return found == given.end() ? std::vector<std::string>() : SplitList(found->second);
  };
  const auto hosts = list("host");
  const auto addresses = list("hostaddr");
  const auto ports = list("port");
  const std::size_t count = std::max(hosts.size(), addresses.size());
  const auto wanted = given.find("target_session_attrs");
  const bool any_order = wanted == given.end() || wanted->second == "any" ||
                         wanted->second == "primary" || wanted->second == "read-write";
  if (count < 2 || !any_order) return {{}};
  std::vector<Keywords> choices;
  for (std::size_t i = 0; i < count; ++i) {
    Keywords choice;
    if (i < hosts.size()) choice.emplace_back("host", hosts[i]);
    if (i < addresses.size()) choice.emplace_back("hostaddr", addresses[i]);
    if (!ports.empty())
      choice.emplace_back("port", ports[ports.size() == 1 ? 0 : i % ports.size()]);
    choices.push_back(std::move(choice));
  }
  return choices;
}

Keywords ConnectKeywords(const ConnectOptions& options,
                         const std::map<std::string, std::string>& given) {
  Keywords keywords;
  if (!options.url.empty()) keywords.emplace_back("dbname", options.url);
  if (!options.password.empty()) keywords.emplace_back("password", options.password.Reveal());
  keywords.emplace_back("client_encoding", "UTF8");
  keywords.emplace_back("fallback_application_name", options.application_name);
  const auto default_to = [&](const char* key, const char* value) {
    if (!given.contains(key)) keywords.emplace_back(key, value);
  };
  // A silent network is noticed within a minute, not after the system's two hours.
  default_to("keepalives_idle", "30");
  default_to("keepalives_interval", "10");
  default_to("keepalives_count", "3");
  const auto host = given.find("host");
  const auto address = given.find("hostaddr");
  if ((host != given.end() && host->second.find(',') != std::string::npos) ||
      (address != given.end() && address->second.find(',') != std::string::npos)) {
    default_to("target_session_attrs", "primary");
  }
  return keywords;
}

std::chrono::milliseconds ConnectTimeout(const ConnectOptions& options,
                                         const std::map<std::string, std::string>& given) {
  int seconds = 0;
  if (const auto own = given.find("connect_timeout"); own != given.end()) {
    std::from_chars(own->second.data(), own->second.data() + own->second.size(), seconds);
  }
  return seconds > 0 ? std::chrono::seconds(seconds) : options.connect_timeout;
}

}  // namespace

// Connects `impl` with `keywords`, which later ones override.
Status Connection::Impl::Connect(const Context& context, const Keywords& keywords,
                                 std::chrono::milliseconds timeout) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : keywords) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  stop_event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  pq = PQconnectStartParams(keys.data(), values.data(), 1);
  if (stop_event < 0 || pq == nullptr) {
    return Status(ErrorClass::kInternal, "out of memory or file descriptors");
  }
  if (PQstatus(pq) == CONNECTION_BAD) return ConnectError(pq);
  // The SQLSTATE of a refused connection is only in the verbose text.
  PQsetErrorVerbosity(pq, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(pq, IgnoreNotice, nullptr);
  const Context bounded = context.Within(timeout);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED) return ConnectError(pq);
    short ready = 0;
    Status waited = Wait(bounded, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, &ready);
    if (!waited.ok()) {
      if (!context.Check().ok() || waited.error_class() != ErrorClass::kDeadlineExceeded) {
        return std::move(waited).While("connect");
      }
      return Status(ErrorClass::kConnectionError, "the server did not answer in time: " +
                                                      std::to_string(timeout.count()) + " ms");
    }
    state = PQconnectPoll(pq);
  }
  PQsetErrorVerbosity(pq, PQERRORS_DEFAULT);
  if (PQsetnonblocking(pq, 1) != 0) {
    return Status(ErrorClass::kInternal, "libpq refuses non-blocking mode");
  }
  return Status();
}

Result<std::unique_ptr<Connection>> Connection::Open(const Context& context,
                                                     const ConnectOptions& options) {
  SPILLWAY_ASSIGN(const auto given, ParseUrl(options.url));
  const std::chrono::milliseconds timeout = ConnectTimeout(options, given);
  Status last;
  for (const Keywords& choice : HostChoices(given)) {
    Keywords keywords = ConnectKeywords(options, given);
    keywords.insert(keywords.end(), choice.begin(), choice.end());
    auto impl = std::make_unique<Impl>();
    last = impl->Connect(context, keywords, timeout);
    if (last.ok()) {
      std::unique_ptr<Connection> connection(new Connection(std::move(impl)));
      SPILLWAY_TRY(connection->Pin(context.Within(timeout), options));
      return connection;
    }
    // As libpq does it: who is refused the login is not let in elsewhere.
    if (last.error_class() != ErrorClass::kConnectionError) break;
  }
  return last;
}

Status Connection::Pin(const Context& context, const ConnectOptions& options) {
  facts_.server_version = PQserverVersion(impl_->pq);
  if (facts_.server_version < kOldestServer) {
    return Status(ErrorClass::kTargetUnsuitable, "the server is older than PostgreSQL 13")
        .Mend("Upgrade the server.")
        .With("server_version", std::to_string(facts_.server_version));
  }
  // With these a role's or database's own settings change nothing of what Spillway does.
  Sql pins;
  pins << "SET quote_all_identifiers = off; SET search_path = pg_catalog, pg_temp;"
       << " SET row_security = off;"
       << " SET default_transaction_isolation = 'read committed';"
       << " SET default_transaction_read_only = off; SET default_transaction_deferrable = off;"
       << " SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC'; SET IntervalStyle = 'postgres';"
       << " SET extra_float_digits = 1; SET bytea_output = 'hex';"
       << " SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;"
       << " SET transform_null_equals = off; SET array_nulls = on;"
       << " SET client_min_messages = 'error'; SET statement_timeout = 0;"
       << " SET idle_in_transaction_session_timeout = '5min';"
       << " SET default_table_access_method = 'heap';"
       // Compiling a statement over the catalogs takes longer than running it, also under locks.
       << " SET jit = off;"
       << " SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;"
       << " SET tcp_keepalives_count = 3; SET lock_timeout = "
       << Literal(options.lock_timeout.count()) << ";";
  if (facts_.server_version >= 140000) pins << " SET idle_session_timeout = 0;";
  if (facts_.server_version >= 170000) pins << " SET transaction_timeout = 0;";
  pins << " SELECT set_config('synchronous_commit', 'on', false)"
       << " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";
  Status pinned;
  if (facts_.server_version >= 140000) {
    // Lets the server notice a lost client while it works. Some platforms cannot and refuse the
    // value.
    pinned = Execute(context, Sql(pins) << "; SET client_connection_check_interval = '1s'");
  }
  if (facts_.server_version < 140000 || pinned.detail("sqlstate") == "22023") {
    pinned = Execute(context, pins);
  }
  SPILLWAY_TRY(std::move(pinned).While("pin the session's settings"));

  Sql query;
  query << "SELECT pg_backend_pid(), pg_is_in_recovery(), getdatabaseencoding(),"
        << " current_database(), current_user, current_setting('search_path'),"
        << " current_setting('session_replication_role'),"
        << " (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) AS a)";
  SPILLWAY_ASSIGN(const Rows rows, Query(context, query));
  facts_.backend_pid = static_cast<int>(rows.number(0, 0));
  facts_.in_recovery = rows.boolean(0, 1);
  facts_.encoding = rows.text(0, 2);
  facts_.database = rows.text(0, 3);
  facts_.user = rows.text(0, 4);
  facts_.backend_start = rows.text(0, 7);
  facts_.through_proxy = facts_.backend_pid != PQbackendPID(impl_->pq);
  if (rows.text(0, 5) != "pg_catalog, pg_temp") {
    return Status(ErrorClass::kTargetUnsuitable,
                  "session settings do not last from one transaction to the next: a pooler in "
                  "transaction mode is in the way")
        .Mend("Connect to PostgreSQL directly, or to a pool in session mode.");
  }
  if (rows.text(0, 6) != "origin") {
    return Status(ErrorClass::kTargetUnsuitable,
                  "session_replication_role is " + std::string(rows.text(0, 6)) +
                      " for this role, so that constraints would not be checked")
        .Mend("Reset it: ALTER ROLE … RESET session_replication_role.");
  }
  Sql system;
  system << "SELECT system_identifier FROM pg_control_system()";
  auto identifier = Query(context, system);
  if (identifier.ok()) {
    facts_.system_identifier = identifier->text(0, 0);
  } else if (identifier.status().detail("sqlstate") != "42501") {
    return std::move(identifier).status();
  }
  return Status();
}

Status Connection::RequireWritable() const {
  if (facts_.in_recovery) {
    return Status(ErrorClass::kTargetUnsuitable, "the server is a standby: it cannot be written to")
        .Mend(
            "Connect to the primary (target_session_attrs=primary chooses it among several "
            "hosts).");
  }
  if (facts_.encoding != "UTF8") {
    return Status(ErrorClass::kTargetUnsuitable,
                  "the database's encoding is not UTF8 but " + facts_.encoding)
        .Mend("Use a database made with ENCODING 'UTF8' TEMPLATE template0.");
  }
  return Status();
}

bool Connection::usable() const {
  return impl_->pq != nullptr && PQstatus(impl_->pq) == CONNECTION_OK;
}

bool Connection::idle() const { return usable() && PQtransactionStatus(impl_->pq) == PQTRANS_IDLE; }

bool Connection::Quiet() const {
  if (!idle()) return false;
  pollfd readable{PQsocket(impl_->pq), POLLIN, 0};
  return poll(&readable, 1, 0) == 0;
}

void Connection::Close() {
  PQfinish(impl_->pq);
  impl_->pq = nullptr;
}

// Ends a statement that is not waited for any longer: cancels it, so that the server is done with
// it before anyone looks, and closes the session.
Status Connection::Interrupted(Status why) {
  if (usable() && PQtransactionStatus(impl_->pq) == PQTRANS_ACTIVE && AnswersAtOnce(impl_->pq)) {
    if (PGcancel* cancel = PQgetCancel(impl_->pq); cancel != nullptr) {
      std::array<char, 256> message{};
      const int sent = PQcancel(cancel, message.data(), static_cast<int>(message.size()));
      PQfreeCancel(cancel);
      const Context grace{Deadline::After(kCancelGrace), {}};
      short ready = 0;
      while (sent == 1 && PQisBusy(impl_->pq) != 0 && impl_->Wait(grace, POLLIN, &ready).ok() &&
             PQconsumeInput(impl_->pq) == 1) {
      }
    }
  }
  Close();
  return why;
}

Status Connection::Flush(const Context& context) {
  while (true) {
    const int left = PQflush(impl_->pq);
    if (left == 0) return Status();
    if (left < 0) {
      return Status(ErrorClass::kConnectionError,
                    "the connection was lost: " + Trimmed(PQerrorMessage(impl_->pq)));
    }
    short ready = 0;
    SPILLWAY_TRY(impl_->Wait(context, POLLIN | POLLOUT, &ready));
    if ((ready & POLLIN) != 0 && PQconsumeInput(impl_->pq) == 0) {
      return Status(ErrorClass::kConnectionError,
                    "the connection was lost: " + Trimmed(PQerrorMessage(impl_->pq)));
    }
  }
}

Result<std::vector<Rows>> Connection::Collect(const Context& context) {
  std::vector<Rows> all;
  Status error;
  while (true) {
    while (PQisBusy(impl_->pq) != 0) {
      short ready = 0;
      if (Status waited = impl_->Wait(context, POLLIN, &ready); !waited.ok()) return waited;
      if (PQconsumeInput(impl_->pq) == 0) break;  // PQgetResult tells why
    }
    PGresult* result = PQgetResult(impl_->pq);
    if (result == nullptr) break;
    Rows rows(result);
    switch (PQresultStatus(result)) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY:
        all.push_back(std::move(rows));
        break;
      case PGRES_COPY_IN:
        all.push_back(std::move(rows));
        return all;
      default:
        if (error.ok()) error = ErrorFrom(result);
        break;
    }
    if (PQstatus(impl_->pq) == CONNECTION_BAD) break;
  }
  if (!error.ok()) return error;
  if (PQstatus(impl_->pq) == CONNECTION_BAD) {
    return Status(ErrorClass::kConnectionError,
                  "the connection was lost: " + Trimmed(PQerrorMessage(impl_->pq)));
  }
  return all;
}

namespace {

// True for errors that leave the session in the middle of a statement.
bool IsInterruption(const Status& status) {
  return status.code() == base::Code::kCancelled ||
         (status.error_class() == ErrorClass::kDeadlineExceeded &&
          status.detail("sqlstate").empty());
}

Status NotUsable() { return Status(ErrorClass::kConnectionError, "the session is closed"); }

}  // namespace

Result<std::vector<Rows>> Connection::Run(const Context& context, const Sql& sql) {
  SPILLWAY_TRY(sql.status());
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  if (PQsendQuery(impl_->pq, sql.text().c_str()) == 0) {
    return Status(ErrorClass::kConnectionError,
                  "a statement cannot be sent: " + Trimmed(PQerrorMessage(impl_->pq)));
  }
  if (Status flushed = Flush(context); !flushed.ok() && IsInterruption(flushed)) {
    return Interrupted(std::move(flushed));
  }
  auto all = Collect(context);
  if (!all.ok() && IsInterruption(all.status())) return Interrupted(std::move(all).status());
  return all;
}

Result<Rows> Connection::Query(const Context& context, const Sql& sql) {
  SPILLWAY_ASSIGN(auto all, Run(context, sql));
  if (all.empty()) return Status(ErrorClass::kInternal, "a statement returned nothing");
  return std::move(all.back());
}

Status Connection::Execute(const Context& context, const Sql& sql) {
  auto all = Run(context, sql);
  return all.ok() ? Status() : std::move(all).status();
}

Result<Rows> Connection::QuerySingle(const Context& context, const Sql& sql) {
  SPILLWAY_TRY(sql.status());
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  if (PQsendQueryParams(impl_->pq, sql.text().c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) ==
      0) {
    return Status(ErrorClass::kConnectionError,
                  "a statement cannot be sent: " + Trimmed(PQerrorMessage(impl_->pq)));
  }
  if (Status flushed = Flush(context); !flushed.ok() && IsInterruption(flushed)) {
    return Interrupted(std::move(flushed));
  }
  auto all = Collect(context);
  if (!all.ok()) {
    if (IsInterruption(all.status())) return Interrupted(std::move(all).status());
    return std::move(all).status();
  }
  if (all->empty()) return Status(ErrorClass::kInternal, "a statement returned nothing");
  return std::move(all->back());
}

Status Connection::BeginCopy(const Context& context, const Sql& sql) {
  SPILLWAY_ASSIGN(const Rows rows, Query(context, sql));
  if (PQtransactionStatus(impl_->pq) != PQTRANS_ACTIVE) {
    return Status(ErrorClass::kInternal, "COPY did not begin: " + std::string(rows.command()));
  }
  return Status();
}

Status Connection::SendCopy(const Context& context, std::string_view bytes) {
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  // One message must stay far below the server's limit of 1 GB.
  constexpr std::size_t kMaxMessage = std::size_t{64} << 20;
  bool refused = false;
  while (!bytes.empty() && !refused) {
    const std::string_view piece = bytes.substr(0, kMaxMessage);
    bytes.remove_prefix(piece.size());
    refused = PQputCopyData(impl_->pq, piece.data(), static_cast<int>(piece.size())) != 1;
    while (!refused) {
      const int left = PQflush(impl_->pq);
      if (left == 0) break;
      if (left < 0) {
        refused = true;
        break;
      }
      short ready = 0;
      const auto before = std::chrono::steady_clock::now();
      Status waited = impl_->Wait(context, POLLIN | POLLOUT, &ready);
      time_blocked_ += std::chrono::steady_clock::now() - before;
      if (!waited.ok()) {
        Close();  // the server reads the end of the stream and rolls back
        return waited;
      }
      // The server says nothing during a copy unless it fails.
      if ((ready & POLLIN) != 0) refused = true;
    }
  }
  if (!refused) {
    pollfd readable{PQsocket(impl_->pq), POLLIN, 0};
    if (poll(&readable, 1, 0) == 1 && readable.revents != 0) refused = true;
  }
  if (!refused) return Status();
  // Fails the copy on our side too, so that what the server said, if it was no error, cannot end in
  // half of the rows.
  PQputCopyEnd(impl_->pq, "the copy was ended early");
  if (Status flushed = Flush(context); !flushed.ok() && IsInterruption(flushed)) {
    return Interrupted(std::move(flushed));
  }
  auto all = Collect(context);
  if (!all.ok() && IsInterruption(all.status())) return Interrupted(std::move(all).status());
  if (!all.ok()) return std::move(all).status();
  return Status(ErrorClass::kInternal, "the server ended a copy without an error");
}

Result<std::int64_t> Connection::EndCopy(const Context& context) {
  SPILLWAY_TRY(context.Check());
  if (!usable()) return NotUsable();
  if (PQputCopyEnd(impl_->pq, nullptr) != 1) {
    return Status(ErrorClass::kConnectionError,
                  "the copy cannot be ended: " + Trimmed(PQerrorMessage(impl_->pq)));
  }
  if (Status flushed = Flush(context); !flushed.ok() && IsInterruption(flushed)) {
    return Interrupted(std::move(flushed));
  }
  auto all = Collect(context);
  if (!all.ok()) {
    if (IsInterruption(all.status())) return Interrupted(std::move(all).status());
    return std::move(all).status();
  }
  if (all->size() != 1 || !all->front().command().starts_with("COPY ")) {
    return Status(ErrorClass::kInternal, "the server ended a copy with something else");
  }
  return all->front().affected();
}

Connection::CommitReply Connection::Commit(const Context& context,
                                           std::string_view sent_failpoint) {
  if (Status early = context.Check(); !early.ok()) {
    Close();
    return {CommitOutcome::kRejected, std::move(early)};
  }
  if (!usable()) return {CommitOutcome::kRejected, NotUsable()};
  if (PQsendQuery(impl_->pq, "COMMIT") == 0) {
    Close();
    return {CommitOutcome::kUnknown, NotUsable()};
  }
  Status sent = Flush(context);
  if (sent.ok()) sent = base::Failpoint(sent_failpoint);
  if (!sent.ok()) {
    Close();
    return {CommitOutcome::kUnknown, std::move(sent)};
  }
  auto all = Collect(context);
  if (!all.ok() && IsInterruption(all.status())) {
    all = Collect(Context{Deadline::After(kCommitGrace), {}});
  }
  if (all.ok() && all->size() == 1 && all->front().command() == "COMMIT") {
    return {CommitOutcome::kCommitted, Status()};
  }
  if (all.ok() && all->empty()) {  // the answer itself came before the interruption
    Close();
    return {CommitOutcome::kUnknown, NotUsable()};
  }
  if (all.ok()) {
    return {CommitOutcome::kRejected,
            Status(ErrorClass::kInternal,
                   "the server answered COMMIT with " + std::string(all->back().command()))};
  }
  // A failed session may have committed before it failed; an error in a living one is a rollback.
  const bool lives = usable() && !IsInterruption(all.status());
  if (!lives) Close();
  return {lives ? CommitOutcome::kRejected : CommitOutcome::kUnknown, std::move(all).status()};
}

}  // namespace spillway::target::postgres
