// Locations and storage options as a caller of the C ABI might write them, well formed or not:
// probed or refused by class. Every store lies at a closed port of this machine, or in a folder.

#include <lakeio.h>

#include <nlohmann/json.hpp>

#include "lake/delta_documents.h"
#include "lake/lakeio_call.h"
#include "lake/lakeio_handles.h"
#include "lake/testing/damaged_table.h"

namespace {

using namespace spillway;
using lake::testing::FuzzBytes;
using nlohmann::json;

constexpr const char* kSchemes[] = {"", "file:", "file://", "s3://", "abfss://", "az://", "gs://"};
// None leads anywhere else: what names an endpoint is set below.
constexpr const char* kOptions[] = {"aws_region",
                                    "aws_access_key_id",
                                    "aws_secret_access_key",
                                    "aws_session_token",
                                    "aws_skip_signature",
                                    "aws_virtual_hosted_style_request",
                                    "azure_storage_account_name",
                                    "azure_storage_account_key",
                                    "azure_storage_sas_key",
                                    "google_service_account_key",
                                    "no_such_option",
                                    ""};

template <std::size_t N>
std::string Pick(const char* const (&texts)[N], FuzzBytes* bytes) {
  return texts[bytes->Number(1) % N];
}

lakeio_runtime* Runtime() {
  static lakeio_runtime* const kRuntime = [] {
    lakeio_runtime* runtime = nullptr;
    const char* options =
        R"({"connect_timeout_ms": 100, "request_timeout_ms": 100, "max_retries": 0})";
    if (!lake::FromLakeio(lakeio_runtime_new(options, nullptr, nullptr, &runtime)).ok()) {
      std::abort();
    }
    return runtime;
  }();
  return kRuntime;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzBytes input(base::testing::AsText(bytes, size));
  const std::size_t kind = input.Number(1);
  const std::string scheme = Pick(kSchemes, &input);
  json options = json::object();
  for (std::size_t i = 0; i < kind / 4 % 8; ++i) {
    const std::string option = Pick(kOptions, &input);
    options[option] = std::string(input.Text(input.Number(1)));
  }
  const bool is_remote = scheme.ends_with("://") && scheme != "file://";
  if (is_remote) {
    options["allow_http"] = "true";
    options["aws_endpoint"] = "http://127.0.0.1:1";
    options["azure_storage_endpoint"] = "http://127.0.0.1:1";
    options["google_base_url"] = "http://127.0.0.1:1";
    options["azure_storage_use_emulator"] = "false";
  }
  const std::string place(input.Text(input.Number(1)));
  const std::string folder = base::testing::FuzzFolder().string() + "/";
  json location = {{"url", scheme + (is_remote ? "" : folder) + place},
                   {"storage_options", options}};
  std::string text = location.dump(-1, ' ', false, json::error_handler_t::replace);
  // A damaged document could name another endpoint.
  if (!is_remote && kind % 4 == 3) text = lake::testing::Damage(std::move(text), input);
  char* answer = nullptr;
  const base::Status status =
      lake::FromLakeio(lakeio_store_probe(Runtime(), nullptr, text.c_str(), &answer));
  const lake::LakeioText owned(answer);
  lake::testing::CountAnswer(status.ok() ? lake::ParseProbe(answer).status() : status);
  return 0;
}
