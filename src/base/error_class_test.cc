#include "base/error_class.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace spillway::base {
namespace {

TEST(ErrorClass, NamesAreFoundAgain) {
  for (const ErrorClassInfo& info : ErrorClasses()) {
    EXPECT_EQ(ErrorClassByName(info.name), info.error_class);
    EXPECT_EQ(&Describe(info.error_class), &info);
    EXPECT_FALSE(info.mend.empty());
  }
  EXPECT_EQ(ErrorClassByName("NO_SUCH_CLASS"), std::nullopt);
}

// docs/reference/errors.md is the table rendered. With SPILLWAY_RENDER_DOCS set the page is written
// anew.
TEST(ErrorClass, ReferencePageIsTheTable) {
  std::ostringstream page;
  page << "# Error classes\n\nEvery error has one of these classes. The code says what the caller "
          "should do; with "
          "`-o json` both are members of the error object.\n\n"
          "| class | code | who can mend it | meaning | mend |\n| --- | --- | --- | --- | --- |\n";
  for (const ErrorClassInfo& info : ErrorClasses()) {
    page << "| `" << info.name << "` | " << Name(info.code) << " | " << Name(info.actor) << " | "
         << info.meaning << " | " << info.mend << " |\n";
  }
  const std::string path = std::string(SPILLWAY_SOURCE_DIR) + "/docs/reference/errors.md";
  if (std::getenv("SPILLWAY_RENDER_DOCS") != nullptr) std::ofstream(path) << page.str();
  std::stringstream on_disk;
  on_disk << std::ifstream(path).rdbuf();
  EXPECT_EQ(on_disk.str(), page.str()) << "render it with SPILLWAY_RENDER_DOCS=1";
}

}  // namespace
}  // namespace spillway::base
