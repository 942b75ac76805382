#ifndef SPILLWAY_SERVICE_ENVIRONMENT_H_
#define SPILLWAY_SERVICE_ENVIRONMENT_H_

#include "base/context.h"
#include "base/result.h"
#include "service/world.h"
#include "sync/definition.h"
#include "sync/event.h"
#include "sync/run.h"

namespace spillway::service {

/// What a sync of `definition` acts on; borrowed parts belong to `world`, `events` may be null.
/// Starts the local PostgreSQL when the definition's target is `local`.
base::Result<sync::Environment> MakeEnvironment(const base::Context& context, World& world,
                                                const sync::Definition& definition,
                                                sync::EventSink* events);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_ENVIRONMENT_H_
