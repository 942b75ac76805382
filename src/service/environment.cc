#include "service/environment.h"

#include <string>
#include <utility>

namespace spillway::service {

using base::Result;

Result<sync::Environment> MakeEnvironment(const base::Context& context, World& world,
                                          const sync::Definition& definition,
                                          sync::EventSink* events) {
  sync::Environment environment;
  SPILLWAY_ASSIGN(environment.target, world.Target(context, definition.target));
  SPILLWAY_ASSIGN(environment.lake, world.Lake());
  environment.limits = world.limits();
  environment.events = events;
  environment.resolve = [&world](const std::string& source) -> Result<lake::Location> {
    SPILLWAY_ASSIGN(source::ResolvedSource resolved,
                    world.sources().Resolve(base::Context(), source));
    return std::move(resolved.location);
  };
  return environment;
}

}  // namespace spillway::service
