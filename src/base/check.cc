#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace spillway::base {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "spillway: invariant broken: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace spillway::base
