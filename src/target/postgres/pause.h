#ifndef SPILLWAY_TARGET_POSTGRES_PAUSE_H_
#define SPILLWAY_TARGET_POSTGRES_PAUSE_H_

#include <chrono>

#include "base/context.h"
#include "base/result.h"

namespace spillway::target::postgres {

/// Waits for `duration`; returns early with the context's error at a stop or deadline.
base::Status Pause(const base::Context& context, std::chrono::milliseconds duration);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_PAUSE_H_
