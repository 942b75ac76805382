#include "sync/event.h"

namespace spillway::sync {

std::string_view Name(Phase phase) {
  switch (phase) {
    case Phase::kObserve:
      return "observe";
    case Phase::kFence:
      return "fence";
    case Phase::kPlan:
      return "plan";
    case Phase::kLoad:
      return "load";
    case Phase::kIndex:
      return "index";
    case Phase::kPublish:
      return "publish";
  }
  return "observe";
}

std::string_view Name(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kNone:
      return "";
    case Bottleneck::kSource:
      return "reading the source";
    case Bottleneck::kEncoding:
      return "encoding";
    case Bottleneck::kTarget:
      return "the target server";
  }
  return "";
}

}  // namespace spillway::sync
