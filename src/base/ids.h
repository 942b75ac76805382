#ifndef SPILLWAY_BASE_IDS_H_
#define SPILLWAY_BASE_IDS_H_

#include <string>

namespace spillway::base {

/// A fresh random identifier in UUID form (RFC 9562, version 4).
std::string NewUuid();

}  // namespace spillway::base

#endif  // SPILLWAY_BASE_IDS_H_
