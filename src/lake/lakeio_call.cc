#include "lake/lakeio_call.h"

#include <algorithm>
#include <string_view>

#include "data/error_json.h"

namespace spillway::lake {

using base::ErrorClass;
using base::Result;
using base::Status;

Status FromLakeio(lakeio_error* error) {
  const LakeioError owned(error);
  if (owned == nullptr) return Status();
  const LakeioText json(lakeio_error_json(owned.get()));
  if (json == nullptr) {
    return Status(ErrorClass::kInternal, "lakeio failed and could not say how");
  }
  Status status = data::ParseErrorJson(json.get());
  const std::string_view object = status.detail("object");
  const bool is_local = object.starts_with("file:") || object.starts_with('/');
  if (!is_local || status.error_class() != ErrorClass::kStoreAuthentication) return status;
  return std::move(status).Mend("Give the user who runs Spillway the right to read it.");
}

LakeioCall::LakeioCall(const base::Context& context)
    : context_(context), flag_(lakeio_cancel_new()), raise_(context.stop, flag_.get()) {}

Status LakeioCall::Run(const std::function<lakeio_error*(const lakeio_call*)>& call) const {
  SPILLWAY_TRY(context_.Check());
  lakeio_call bounds{.timeout_ms = 0, .cancel = flag_.get()};
  if (const auto left = context_.deadline.Remaining()) {
    bounds.timeout_ms = std::max<std::int64_t>(1, left->count());
  }
  return FromLakeio(call(&bounds));
}

Result<std::string> LakeioCall::RunForText(
    const std::function<lakeio_error*(const lakeio_call*, char**)>& call) const {
  char* text = nullptr;
  SPILLWAY_TRY(Run([&](const lakeio_call* bounds) { return call(bounds, &text); }));
  const LakeioText owned(text);
  if (owned == nullptr) return Status(ErrorClass::kInternal, "lakeio gave no answer");
  return std::string(owned.get());
}

}  // namespace spillway::lake
