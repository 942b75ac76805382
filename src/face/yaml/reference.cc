#include "face/yaml/reference.h"

#include <filesystem>

#include "state/durable_file.h"

namespace spillway::face::yaml {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

Result<std::string> ReadReferredFile(const std::string& path) {
  SPILLWAY_ASSIGN(auto content, state::ReadSmallFile(path));
  if (!content) {
    return Status(ErrorClass::kSecretUnavailable, "there is no file " + path)
        .Mend("Make the file, or correct the reference.");
  }
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  return *std::move(content);
}

Result<std::string> Expand(std::string_view reference, std::string_view folder,
                           const state::Environment& environment) {
  const std::size_t colon = reference.find(':');
  const std::string_view kind = reference.substr(0, colon);
  const std::string name(colon == std::string_view::npos ? "" : reference.substr(colon + 1));
  if (kind == "env" && !name.empty()) {
    auto value = environment(name);
    if (value) return *std::move(value);
    return Status(ErrorClass::kSecretUnavailable,
                  "the environment variable " + name + " is not set")
        .Mend("Set it: export " + name + "=…");
  }
  if (kind == "file" && !name.empty()) {
    return ReadReferredFile((std::filesystem::path(folder) / name).string());
  }
  return Status(ErrorClass::kInvalidDefinition, "no reference: ${" + std::string(reference) + "}")
      .Mend("Write ${env:NAME} or ${file:PATH}.");
}

}  // namespace

Result<std::string> ExpandReferences(std::string_view text, std::string_view folder,
                                     const state::Environment& environment) {
  std::string expanded;
  while (true) {
    const std::size_t begin = text.find("${");
    expanded += text.substr(0, begin);
    if (begin == std::string_view::npos) return expanded;
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) {
      return Status(ErrorClass::kInvalidDefinition, "a reference is never closed: ${")
          .Mend("Write ${env:NAME} or ${file:PATH}.");
    }
    SPILLWAY_ASSIGN(const std::string value,
                    Expand(text.substr(begin + 2, end - begin - 2), folder, environment));
    expanded += value;
    text.remove_prefix(end + 1);
  }
}

}  // namespace spillway::face::yaml
