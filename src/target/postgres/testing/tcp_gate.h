#ifndef SPILLWAY_TARGET_POSTGRES_TESTING_TCP_GATE_H_
#define SPILLWAY_TARGET_POSTGRES_TESTING_TCP_GATE_H_

#include <cstdint>
#include <memory>

namespace spillway::target::postgres::testing {

/// What a gate does with the next COMMIT that a client sends.
enum class CommitFate : std::uint8_t {
  kPass,
  kLoseBefore,  ///< the server never sees it, and both ends are cut
  kLoseAfter,   ///< the server carries it out; its answer is lost, and both ends are cut
  kSwallow,     ///< the client is cut; the server waits on, its transaction open, and hears nothing
};

/// A TCP proxy on a port of its own in front of a PostgreSQL server at 127.0.0.1, that loses what a
/// test wants lost. For connections without TLS. Its thread ends with the object. Thread-safe.
class TcpGate {
 public:
  explicit TcpGate(int server_port);
  ~TcpGate();
  TcpGate(const TcpGate&) = delete;
  TcpGate& operator=(const TcpGate&) = delete;

  int port() const;
  /// Decides about the next COMMIT; later ones pass.
  void DecideNextCommit(CommitFate fate);
  /// Cuts the connection that sends the `number`-th statement from now on, the first being 1,
  /// before the server sees it.
  void CutAtStatement(int number);
  /// True when the cut asked for last has not happened.
  bool cut_is_due() const;
  /// COMMITs that were not passed so far.
  int commits_lost() const;
  /// Closes new connections at once while set.
  void Refuse(bool refuse);
  /// Cuts every connection.
  void CutAll();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spillway::target::postgres::testing

#endif  // SPILLWAY_TARGET_POSTGRES_TESTING_TCP_GATE_H_
