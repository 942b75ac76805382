#ifndef SPILLWAY_LAKE_LAKEIO_CALL_H_
#define SPILLWAY_LAKE_LAKEIO_CALL_H_

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/context.h"
#include "base/result.h"
#include "lake/lakeio_handles.h"

namespace spillway::lake {

/// Takes over `error` (may be null: ok). Its class is found by name; one that is unknown is
/// INTERNAL.
base::Status FromLakeio(lakeio_error* error);

/// Raises a flag when a stop is asked for.
class RaiseOnStop {
 public:
  RaiseOnStop(const std::stop_token& stop, lakeio_cancel* flag) : callback_(stop, Raise{flag}) {}

 private:
  struct Raise {
    lakeio_cancel* flag;
    void operator()() const { lakeio_cancel_raise(flag); }
  };
  std::stop_callback<Raise> callback_;
};

/// One call into lakeio under a context: its deadline becomes the call's timeout, its stop token
/// raises the call's flag. Lives as long as the call; used by one thread.
class LakeioCall {
 public:
  explicit LakeioCall(const base::Context& context);

  /// Runs `call` unless the context is over. The error's class tells a stop from a deadline.
  base::Status Run(const std::function<lakeio_error*(const lakeio_call*)>& call) const;
  /// The same for calls that give a text.
  base::Result<std::string> RunForText(
      const std::function<lakeio_error*(const lakeio_call*, char**)>& call) const;

 private:
  const base::Context& context_;
  LakeioCancel flag_;
  RaiseOnStop raise_;
};

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_LAKEIO_CALL_H_
