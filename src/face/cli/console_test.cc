#include "face/cli/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Status;

// A console that writes into two temporary files.
class ConsoleTest : public testing::Test {
 protected:
  ConsoleTest() : out_(std::tmpfile()), err_(std::tmpfile()), console_(out_, err_) {}
  ~ConsoleTest() override {
    std::fclose(out_);
    std::fclose(err_);
  }
  static std::string Text(std::FILE* file) {
    std::fflush(file);
    std::rewind(file);
    std::string text;
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
      text.push_back(static_cast<char>(c));
    return text;
  }
  std::FILE* out_;
  std::FILE* err_;
  Console console_;
};

TEST_F(ConsoleTest, ListsAreAligned) {
  console_.Print(R"([{"name":"ä","rows":1},{"name":"long","rows":null}])");
  EXPECT_EQ(Text(out_), "NAME  ROWS\nä     1\nlong  -\n");
}

TEST_F(ConsoleTest, WideCharactersAreAlignedAsTheyAreShown) {
  console_.Print(R"([{"name":"東京","rows":1},{"name":"e\u0301","rows":2}])");
  EXPECT_EQ(Text(out_), "NAME  ROWS\n東京  1\ne\u0301     2\n");
}

TEST_F(ConsoleTest, ObjectsAreLines) {
  console_.Print(R"({"state":"online","primary_key":["a","b"]})");
  EXPECT_EQ(Text(out_), "state        online\nprimary_key  a, b\n");
}

TEST_F(ConsoleTest, YamlQuotesWhatWouldBeReadAsSomethingElse) {
  console_.format = OutputFormat::kYaml;
  console_.Print(R"({"a":"true","b":"x: y","c":"plain text","d":"12","e":null,"f":[1,2],"g":""})");
  EXPECT_EQ(Text(out_),
            "a: \"true\"\nb: \"x: y\"\nc: plain text\nd: \"12\"\ne: ~\nf: [1, 2]\ng: \"\"\n");
}

TEST_F(ConsoleTest, ErrorsCarryTheirMendAndGoToStderr) {
  console_.Error(Status(ErrorClass::kLockTimeout, "busy").Mend("wait"));
  EXPECT_EQ(Text(out_), "");
  EXPECT_EQ(Text(err_), "error: busy [LOCK_TIMEOUT]\n  mend: wait\n");
}

TEST_F(ConsoleTest, ControlCharactersAreEscapedForPeople) {
  console_.Print(R"({"name":"a\u001b[31m","comment":"two\nlines"})");
  EXPECT_EQ(Text(out_), "name     a\\x1b[31m\ncomment  two\\nlines\n");
  console_.Note("a\x1b[0m");
  console_.Warn("b\x07");
  console_.Error(Status(ErrorClass::kLockTimeout, "c\x9b\nd:\n  its own line").Mend("e\r"));
  EXPECT_EQ(Text(err_),
            "a\\x1b[0m\nwarning: b\\x07\n"
            "error: c\xEF\xBF\xBD\\nd:\n  its own line [LOCK_TIMEOUT]\n  mend: e\\r\n");
}

TEST_F(ConsoleTest, RemarksAreObjectsWhereTheOutputIsJson) {
  console_.format = OutputFormat::kJson;
  console_.Note("note");
  EXPECT_THAT(Text(err_), testing::HasSubstr(R"("event":"message","message":"note"})"));
}

TEST_F(ConsoleTest, TextLogsMayBeAskedForBesideJson) {
  console_.format = OutputFormat::kJson;
  console_.log_format = LogFormat::kText;
  console_.Note("note");
  EXPECT_EQ(Text(err_), "note\n");
}

TEST(Console, KeepsThatStdoutCannotBeWritten) {
  std::FILE* const full = std::fopen("/dev/full", "w");
  Console console(full, stderr);
  console.Out("text");
  const Status failed = console.Flush();
  EXPECT_EQ(failed.error_class(), ErrorClass::kFileUnusable);
  EXPECT_FALSE(console.reader_has_gone());
  EXPECT_FALSE(console.Flush().ok());
  std::fclose(full);
}

TEST_F(ConsoleTest, QuietSilencesRemarksButNotErrors) {
  console_.quiet = true;
  console_.Note("note");
  console_.Warn("warning");
  console_.Error(Status(ErrorClass::kLockTimeout, "busy"));
  EXPECT_THAT(Text(err_), testing::StartsWith("error: busy"));
}

TEST_F(ConsoleTest, JsonErrorsAreOneObject) {
  console_.format = OutputFormat::kJson;
  console_.Error(Status(ErrorClass::kLockTimeout, "busy"));
  EXPECT_THAT(Text(err_), testing::StartsWith(R"({"code":"Unavailable","class":"LOCK_TIMEOUT")"));
}

TEST(ExitCode, FollowsTheManners) {
  EXPECT_EQ(ExitCode(Status()), 0);
  EXPECT_EQ(ExitCode(Status(ErrorClass::kSourceNotFound, "")), 1);
  EXPECT_EQ(ExitCode(Status(ErrorClass::kInvalidPredicate, "")), 2);
  EXPECT_EQ(ExitCode(Status(ErrorClass::kRunInProgress, "")), 4);
  EXPECT_EQ(ExitCode(Status(ErrorClass::kConfirmationRequired, "")), 5);
  EXPECT_EQ(ExitCode(Status(ErrorClass::kCancelled, "")), 130);
}

TEST(Format, CountsAndBytes) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
  EXPECT_EQ(FormatCount(-1234), "-1,234");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1234567), "1.2 MB");
}

}  // namespace
}  // namespace spillway::face::cli
