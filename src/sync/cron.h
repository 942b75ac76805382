#ifndef SPILLWAY_SYNC_CRON_H_
#define SPILLWAY_SYNC_CRON_H_

#include <span>
#include <string>
#include <string_view>

namespace spillway::sync {

/// What is wrong with the parts of a Quartz cron expression (second, minute, hour, day of month,
/// month, day of week, perhaps year), in words that name the part; empty when nothing is. Ranges,
/// lists, steps, names of months and days, and ? L W # are as in Quartz' CronExpression, where
/// exactly one of the two days is ?. Pure; any thread. REQUIRES: six or seven parts.
std::string FindWrongInCron(std::span<const std::string_view> parts);

}  // namespace spillway::sync

#endif  // SPILLWAY_SYNC_CRON_H_
