#include "target/publish.h"

namespace spillway::target {

std::string_view Name(PublishWay way) {
  switch (way) {
    case PublishWay::kSwap:
      return "swap";
    case PublishWay::kApply:
      return "apply in place";
  }
  return "swap";
}

bool DeletesTooMany(std::int64_t deleted, std::int64_t present, double percent) {
  return deleted > 0 && static_cast<double>(deleted) * 100 > percent * static_cast<double>(present);
}

}  // namespace spillway::target
