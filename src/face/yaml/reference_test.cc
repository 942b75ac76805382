#include "face/yaml/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace spillway::face::yaml {
namespace {

using base::ErrorClass;

std::optional<std::string> Environment(const std::string& name) {
  if (name == "LAKE") return "s3://lake";
  return std::nullopt;
}

TEST(ExpandReferences, ReplacesWhatTheyLeadTo) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("spillway_reference_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "name") << "products\n";
  EXPECT_EQ(*ExpandReferences("${env:LAKE}/${file:name}/x", folder.string(), Environment),
            "s3://lake/products/x");
  EXPECT_EQ(*ExpandReferences("$HOME {x}", folder.string(), Environment), "$HOME {x}");
  std::filesystem::remove_all(folder);
}

TEST(ExpandReferences, SaysWhatLeadsNowhere) {
  const auto error = [](std::string_view text) {
    return ExpandReferences(text, "/nowhere", Environment).status();
  };
  EXPECT_EQ(error("${env:ABSENT}").error_class(), ErrorClass::kSecretUnavailable);
  EXPECT_THAT(error("${env:ABSENT}").message(), testing::HasSubstr("ABSENT is not set"));
  EXPECT_THAT(error("${file:x}").message(), testing::HasSubstr("no file /nowhere/x"));
  EXPECT_EQ(error("${x}").error_class(), ErrorClass::kInvalidDefinition);
  EXPECT_EQ(error("${env:}").error_class(), ErrorClass::kInvalidDefinition);
  EXPECT_THAT(error("a ${env:LAKE").message(), testing::HasSubstr("never closed"));
}

}  // namespace
}  // namespace spillway::face::yaml
