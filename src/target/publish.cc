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

}  // namespace spillway::target
