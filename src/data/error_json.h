#ifndef SPILLWAY_DATA_ERROR_JSON_H_
#define SPILLWAY_DATA_ERROR_JSON_H_

#include <string>
#include <string_view>

#include "base/status.h"

/// Errors as the JSON objects in which they cross the Arrow stream interface and lakeio's C ABI
/// (lakeio.h, lakeio_error_json): {"code", "retryable", "class", "message", "object", "details"}.
/// Any thread.
namespace spillway::data {

/// The error that `json` holds. Its class is found by name; a class that this release does not
/// know, or a text that is no such object, becomes INTERNAL with the text in the message. The
/// details are kept, "object" among them when it is not empty. Never ok.
base::Status ParseErrorJson(std::string_view json);
/// The inverse. REQUIRES: !error.ok().
std::string FormatErrorJson(const base::Status& error);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_ERROR_JSON_H_
