#ifndef SPILLWAY_TARGET_POSTGRES_TESTING_PLAIN_SESSION_H_
#define SPILLWAY_TARGET_POSTGRES_TESTING_PLAIN_SESSION_H_

#include <memory>
#include <string>
#include <vector>

namespace spillway::target::postgres::testing {

/// A blocking session of a test's own, that shares no code with the adapter: to look at what the
/// adapter did, and to be in its way. Used by one thread.
class PlainSession {
 public:
  explicit PlainSession(const std::string& conninfo);
  ~PlainSession();
  PlainSession(PlainSession&&) noexcept;

  /// Rows as text, columns joined by "|", NULL as "∅". One row starting with "error: " when a
  /// statement fails.
  std::vector<std::string> Query(const std::string& sql);
  /// The first column of the first row, or the error, or "" for no row.
  std::string Value(const std::string& sql);
  /// The error, or "".
  std::string Execute(const std::string& sql);
  /// Sends a statement and does not wait for it.
  void Send(const std::string& sql);
  /// Payloads of the notifications that arrived.
  std::vector<std::string> Notifications();
  int pid() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spillway::target::postgres::testing

#endif  // SPILLWAY_TARGET_POSTGRES_TESTING_PLAIN_SESSION_H_
