#include "source/secret_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "state/durable_file.h"
#include "state/test_folder.h"

namespace spillway::source {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::HasSubstr;
using ::testing::Not;

class SecretKeeperTest : public ::testing::Test {
 protected:
  SecretKeeperTest() : keeper_(Home(), Environment()) { EXPECT_TRUE(Home().Prepare().ok()); }
  state::Home Home() const {
    return *state::Home::Resolve(folder_.path() + "/home", Environment());
  }
  static state::Environment Environment() {
    return [](const std::string& name) -> std::optional<std::string> {
      if (name == "PASSWORD") return "from the environment";
      if (name == "EMPTY") return "";
      return std::nullopt;
    };
  }

  const Context context_;
  const state::TestFolder folder_;
  const SecretKeeper keeper_;
};

TEST_F(SecretKeeperTest, ReadsTheEnvironment) {
  EXPECT_EQ(keeper_.Resolve("${env:PASSWORD}")->Reveal(), "from the environment");
  EXPECT_TRUE(keeper_.Resolve("${env:EMPTY}")->empty());
  const auto missing = keeper_.Resolve("${env:MISSING}");
  EXPECT_EQ(missing.status().error_class(), ErrorClass::kSecretUnavailable);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("MISSING"));
}

TEST_F(SecretKeeperTest, ReadsFiles) {
  const std::string path = folder_.path() + "/password";
  ASSERT_TRUE(state::ReplaceFile(path, " in a file \n", 0600).ok());
  EXPECT_EQ(keeper_.Resolve("${file:" + path + "}")->Reveal(), " in a file ");
  ASSERT_TRUE(state::ReplaceFile(path, "two\nlines\r\n", 0600).ok());
  EXPECT_EQ(keeper_.Resolve("${file:" + path + "}")->Reveal(), "two\nlines");
  EXPECT_EQ(keeper_.Resolve("${file:/nowhere}").status().error_class(),
            ErrorClass::kSecretUnavailable);
  EXPECT_EQ(keeper_.Resolve("${file:" + folder_.path() + "}").status().error_class(),
            ErrorClass::kSecretUnavailable);
}

TEST_F(SecretKeeperTest, KeepsLiteralsApart) {
  const auto kept = keeper_.Keep(context_, "target/shop", "hush");
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->reference, "${stored:target/shop}");
  EXPECT_THAT(kept->warning, HasSubstr("target/shop"));
  EXPECT_THAT(kept->warning, Not(HasSubstr("hush")));
  EXPECT_EQ(keeper_.Resolve(kept->reference)->Reveal(), "hush");
  struct stat file{};
  ASSERT_EQ(stat(Home().secrets_file().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(SecretKeeperTest, KeepsAnotherBesideTheFirstUntilOneIsDropped) {
  const auto first = keeper_.Keep(context_, "target/shop", "hush");
  const auto second = keeper_.Keep(context_, "target/shop", "other");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->reference, "${stored:target/shop/2}");
  EXPECT_EQ(keeper_.Resolve(first->reference)->Reveal(), "hush");
  EXPECT_EQ(keeper_.Resolve(second->reference)->Reveal(), "other");
  ASSERT_TRUE(keeper_.Drop(context_, first->reference).ok());
  EXPECT_FALSE(keeper_.Resolve(first->reference).ok());
  EXPECT_EQ(keeper_.Resolve(second->reference)->Reveal(), "other");
  EXPECT_EQ(keeper_.Keep(context_, "target/shop", "third")->reference, "${stored:target/shop}");
  for (const char* other : {"", "${env:PASSWORD}", "${stored:gone}", "hush"}) {
    EXPECT_TRUE(keeper_.Drop(context_, other).ok()) << other;
  }
  ASSERT_TRUE(keeper_.Forget(context_, "target/shop").ok());
  EXPECT_FALSE(keeper_.Resolve(second->reference).ok());
}

TEST_F(SecretKeeperTest, LeavesReferencesAlone) {
  const auto kept = keeper_.Keep(context_, "target/shop", "${env:NOT_SET_YET}");
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->reference, "${env:NOT_SET_YET}");
  EXPECT_EQ(kept->warning, "");
  EXPECT_NE(access(Home().secrets_file().c_str(), F_OK), 0);
  EXPECT_EQ(keeper_.Keep(context_, "k", "")->reference, "");
}

TEST_F(SecretKeeperTest, RefusesOtherReferences) {
  EXPECT_EQ(ParseSecretReference("${secret:scope/key}").status().error_class(),
            ErrorClass::kNotYetSupported);
  for (const char* text : {"${}", "${env}", "${env:}", "${vault:x}", "plain", "${env:X", ""}) {
    const auto parsed = ParseSecretReference(text);
    EXPECT_EQ(parsed.status().error_class(), ErrorClass::kInvalidArgument) << text;
  }
  // It may be a password after all, so it is not shown.
  EXPECT_THAT(keeper_.Keep(context_, "k", "${hush}").status().ToString(), Not(HasSubstr("hush")));
}

TEST_F(SecretKeeperTest, ForgetsByPrefix) {
  for (const char* key : {"source/a/x", "source/a/y", "source/ab/x", "source/a"}) {
    ASSERT_TRUE(keeper_.Keep(context_, key, "hush").ok());
  }
  ASSERT_TRUE(keeper_.Forget(context_, "source/a").ok());
  EXPECT_FALSE(keeper_.Resolve("${stored:source/a/x}").ok());
  EXPECT_FALSE(keeper_.Resolve("${stored:source/a}").ok());
  EXPECT_TRUE(keeper_.Resolve("${stored:source/ab/x}").ok());
  EXPECT_TRUE(keeper_.Forget(context_, "nothing").ok());
}

TEST_F(SecretKeeperTest, LosesNoneOfSeveralWriters) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&, i] { EXPECT_TRUE(keeper_.Keep(context_, "key" + std::to_string(i), "hush").ok()); });
  }
  threads.clear();
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(keeper_.Resolve("${stored:key" + std::to_string(i) + "}").ok());
  }
}

TEST_F(SecretKeeperTest, NoticesEveryTruncation) {
  ASSERT_TRUE(keeper_.Keep(context_, "key", "hush").ok());
  const auto whole = state::ReadSmallFile(Home().secrets_file());
  ASSERT_TRUE(whole.ok() && *whole);
  // The last byte is a line break, which nobody misses.
  for (std::size_t length = 0; length + 1 < (*whole)->size(); ++length) {
    ASSERT_TRUE(state::ReplaceFile(Home().secrets_file(), (*whole)->substr(0, length), 0600).ok());
    EXPECT_EQ(keeper_.Resolve("${stored:key}").status().error_class(), ErrorClass::kStateCorrupt)
        << length;
    EXPECT_FALSE(keeper_.Keep(context_, "other", "hush").ok()) << length;
  }
}

TEST_F(SecretKeeperTest, RefusesWhatIsNotText) {
  EXPECT_EQ(keeper_.Keep(context_, "key", "\xff\xfe").status().error_class(),
            ErrorClass::kInvalidArgument);
}

}  // namespace
}  // namespace spillway::source
