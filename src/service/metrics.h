#ifndef SPILLWAY_SERVICE_METRICS_H_
#define SPILLWAY_SERVICE_METRICS_H_

#include <string>

#include "base/context.h"
#include "base/result.h"
#include "service/world.h"

namespace spillway::service {

/// State, last run and freshness of every synced table in the OpenMetrics text format 1.0, as a
/// scraper takes it. From the state alone: no target is asked, nothing is started.
base::Result<std::string> OpenMetrics(const base::Context& context, World& world);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_METRICS_H_
