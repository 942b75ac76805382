#ifndef SPILLWAY_SERVICE_ERROR_JSON_H_
#define SPILLWAY_SERVICE_ERROR_JSON_H_

#include <string>

#include "base/status.h"

namespace spillway::service {

/// An error as one JSON object: code, class, actor, object, message, mend, details. The form that
/// faces print and the state records.
std::string ErrorJson(const base::Status& error);

}  // namespace spillway::service

#endif  // SPILLWAY_SERVICE_ERROR_JSON_H_
