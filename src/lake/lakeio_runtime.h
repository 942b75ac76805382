#ifndef SPILLWAY_LAKE_LAKEIO_RUNTIME_H_
#define SPILLWAY_LAKE_LAKEIO_RUNTIME_H_

#include "lake/deadline_alarm.h"
#include "lake/lakeio_handles.h"

namespace spillway::lake {

/// What every table and stream of one lake needs. Shared by them and the lake, because each may
/// outlive the others; the alarm goes first, so that it never raises a flag of a runtime that is
/// gone.
struct Runtime {
  LakeioRuntime lakeio;
  DeadlineAlarm alarm;
};

}  // namespace spillway::lake

#endif  // SPILLWAY_LAKE_LAKEIO_RUNTIME_H_
