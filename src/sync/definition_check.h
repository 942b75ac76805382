#ifndef SPILLWAY_SYNC_DEFINITION_CHECK_H_
#define SPILLWAY_SYNC_DEFINITION_CHECK_H_

#include <string_view>

#include "base/status.h"

/// What of a definition can be checked by its text alone. Pure; any thread.
namespace spillway::sync {

/// Whether `text` may stand as one item of a SQL list (a type, a declaration, an index's columns):
/// brackets and quotes are closed, no comma, semicolon or comment stands outside of them, nothing
/// but one item can be meant. Errors: INVALID_ARGUMENT saying what is wrong.
base::Status CheckSqlItem(std::string_view text);

/// Quartz cron with seconds, six or seven parts and perhaps an IANA zone; an interval (`15m`); or
/// `on_commit`. Errors: INVALID_ARGUMENT.
base::Status CheckSchedule(std::string_view text);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_DEFINITION_CHECK_H_
