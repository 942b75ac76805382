#include "source/source_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "state/sqlite_connection.h"
#include "state/sqlite_store.h"
#include "state/test_folder.h"

namespace spillway::source {
namespace {

using base::Context;
using base::ErrorClass;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

class SourceRegistryTest : public ::testing::Test {
 protected:
  SourceRegistryTest()
      : home_(*state::Home::Resolve(folder_.path() + "/home", state::ProcessEnvironment())),
        secrets_(home_, [](const std::string& name) -> std::optional<std::string> {
          if (name == "KEY") return "from the environment";
          return std::nullopt;
        }) {
    EXPECT_TRUE(home_.Prepare().ok());
    store_ = *state::OpenSqliteStore(context_, home_.state_file());
  }
  SourceRegistry Registry() const {
    return SourceRegistry(store_.get(), &secrets_, folder_.path());
  }

  const Context context_;
  const state::TestFolder folder_;
  const state::Home home_;
  const SecretKeeper secrets_;
  std::unique_ptr<state::Store> store_;
};

TEST_F(SourceRegistryTest, TakesPathsAndUrls) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"./lake/products", folder_.path() + "/lake/products"},
      {"lake/products/", folder_.path() + "/lake/products"},
      {"../x", std::filesystem::path(folder_.path()).parent_path().string() + "/x"},
      {".", folder_.path()},
      {"/lake/./a//b/", "/lake/a/b"},
      {"/", "/"},
      {"file:///lake/products", "file:///lake/products"},
      {"file:lake/products", folder_.path() + "/lake/products"},
      {"s3://lake/products/", "s3://lake/products"},
      {"S3A://lake/products", "S3A://lake/products"},
      {"abfss://container@account.dfs.core.windows.net/x",
       "abfss://container@account.dfs.core.windows.net/x"},
      {"gs://lake/x", "gs://lake/x"},
  };
  for (const auto& [text, expected] : cases) {
    const auto resolved = Registry().Resolve(context_, text);
    ASSERT_TRUE(resolved.ok()) << text << ": " << resolved.status().ToString();
    EXPECT_EQ(resolved->source, expected) << text;
    EXPECT_EQ(resolved->location.url, expected) << text;
    EXPECT_FALSE(resolved->registered) << text;
    // What a definition keeps means the same from anywhere.
    const SourceRegistry elsewhere(store_.get(), &secrets_, "/somewhere/else");
    EXPECT_EQ(elsewhere.Resolve(context_, resolved->source)->source, expected) << text;
  }
}

TEST_F(SourceRegistryTest, RefusesWhatIsNoLocation) {
  for (const std::string& text :
       {std::string(), std::string("hdfs://lake/x"), std::string("https://lake/x"),
        std::string("/a\0b", 4), std::string("s3://key:hush@lake/x"),
        std::string("az://lake/x?sig=hush"), std::string("s3://"), std::string("s3:///x"),
        std::string("abfss://")}) {
    const auto resolved = Registry().Resolve(context_, text);
    EXPECT_EQ(resolved.status().error_class(), ErrorClass::kInvalidArgument) << text;
    EXPECT_THAT(resolved.status().ToString(), Not(HasSubstr("hush"))) << text;
  }
}

TEST_F(SourceRegistryTest, ResolvesNames) {
  const auto warnings = Registry().Add(context_, "lake.sales.products", "s3://lake/products",
                                       {{"AWS_Region", "eu-west-1"},
                                        {"aws_secret_access_key", "${env:KEY}"},
                                        {"aws_access_key_id", "AKIA"},
                                        {"aws_session_token", "hush"}});
  ASSERT_TRUE(warnings.ok()) << warnings.status().ToString();
  EXPECT_THAT(*warnings, SizeIs(1));
  const auto resolved = Registry().Resolve(context_, "lake.sales.products");
  ASSERT_TRUE(resolved.ok());
  EXPECT_TRUE(resolved->registered);
  EXPECT_EQ(resolved->source, "lake.sales.products");
  EXPECT_EQ(resolved->location.url, "s3://lake/products");
  EXPECT_THAT(resolved->location.storage_options,
              ElementsAre(Pair("aws_access_key_id", "AKIA"), Pair("aws_region", "eu-west-1"),
                          Pair("aws_secret_access_key", "from the environment"),
                          Pair("aws_session_token", "hush")));
  EXPECT_THAT(store_->GetSource(context_, "lake.sales.products")->storage_options,
              ElementsAre(Pair("aws_access_key_id", "AKIA"), Pair("aws_region", "eu-west-1"),
                          Pair("aws_secret_access_key", "${env:KEY}"),
                          Pair("aws_session_token",
                               "${stored:source/lake.sales.products/aws_session_token}")));
  ASSERT_TRUE(Registry().Remove(context_, "lake.sales.products").ok());
  EXPECT_FALSE(secrets_.Resolve("${stored:source/lake.sales.products/aws_session_token}").ok());
}

TEST_F(SourceRegistryTest, KeepsARelativePathAbsolute) {
  ASSERT_TRUE(Registry().Add(context_, "products", "./lake/products", {}).ok());
  EXPECT_EQ(store_->GetSource(context_, "products")->url, folder_.path() + "/lake/products");
}

TEST_F(SourceRegistryTest, SaysWhatIsMissing) {
  ASSERT_TRUE(Registry().Add(context_, "lake.sales.products", "/lake/products", {}).ok());
  const auto missing = Registry().Resolve(context_, "lake.sales.product");
  EXPECT_EQ(missing.status().error_class(), ErrorClass::kSourceNotFound);
  EXPECT_EQ(missing.status().detail("nearest"), "lake.sales.products");
  EXPECT_THAT(std::string(missing.status().mend()),
              HasSubstr("spillway source add lake.sales.product URL"));
  ASSERT_EQ(mkdir((folder_.path() + "/orders").c_str(), 0700), 0);
  const auto folder = Registry().Resolve(context_, "orders");
  EXPECT_EQ(folder.status().error_class(), ErrorClass::kSourceNotFound);
  EXPECT_THAT(std::string(folder.status().mend()), HasSubstr("./orders"));
  ASSERT_TRUE(Registry()
                  .Add(context_, "locked", "s3://lake/x", {{"aws_secret_access_key", "${env:NO}"}})
                  .ok());
  const auto locked = Registry().Resolve(context_, "locked");
  EXPECT_EQ(locked.status().error_class(), ErrorClass::kSecretUnavailable);
  EXPECT_THAT(std::string(locked.status().message()), HasSubstr("source locked"));
}

TEST_F(SourceRegistryTest, RefusesBadNames) {
  for (const char* name :
       {"", "a/b", ".a", "a.", "a..b", "a.b.c.d", "s3://x", "a b", "a\nb", "é\"x"}) {
    EXPECT_EQ(Registry().Add(context_, name, "/lake/x", {}).status().error_class(),
              ErrorClass::kInvalidArgument)
        << name;
  }
  EXPECT_TRUE(Registry().Add(context_, "é.ü", "/lake/x", {}).ok());
  EXPECT_EQ(Registry().Add(context_, "a", "products", {}).status().error_class(),
            ErrorClass::kInvalidArgument);
  EXPECT_EQ(Registry()
                .Add(context_, "a", "s3://x/y", {{"AWS_REGION", "a"}, {"aws_region", "b"}})
                .status()
                .error_class(),
            ErrorClass::kInvalidArgument);
}

TEST_F(SourceRegistryTest, KeepsTheSecretsOfASourceThatIsThere) {
  ASSERT_TRUE(Registry().Add(context_, "a", "s3://x/y", {{"aws_session_token", "first"}}).ok());
  EXPECT_EQ(Registry()
                .Add(context_, "a", "s3://x/y", {{"aws_session_token", "second"}})
                .status()
                .error_class(),
            ErrorClass::kAlreadyExists);
  EXPECT_EQ(Registry().Resolve(context_, "a")->location.storage_options.at("aws_session_token"),
            "first");
}

TEST_F(SourceRegistryTest, AChangeThatIsNotWrittenDownLeavesTheSecretsAsTheyWere) {
  ASSERT_TRUE(Registry().Add(context_, "a", "s3://x/y", {{"aws_session_token", "first"}}).ok());
  const std::string second = "${stored:source/a/aws_session_token/2}";
  {
    auto writer = *state::SqliteConnection::Open(home_.state_file(), state::OpenMode::kReadWrite);
    const auto held = *state::SqliteTransaction::Begin(writer.get());
    const auto changed = Registry().Change(context_.Within(std::chrono::milliseconds(50)), "a",
                                           "s3://x/y", {{"aws_session_token", "second"}});
    EXPECT_FALSE(changed.ok());
  }
  EXPECT_FALSE(secrets_.Resolve(second).ok());
  EXPECT_EQ(Registry().Resolve(context_, "a")->location.storage_options.at("aws_session_token"),
            "first");
}

TEST_F(SourceRegistryTest, AChangeDropsTheSecretThatItReplaces) {
  ASSERT_TRUE(Registry().Add(context_, "a", "s3://x/y", {{"aws_session_token", "first"}}).ok());
  const std::string first = store_->GetSource(context_, "a")->storage_options["aws_session_token"];
  ASSERT_TRUE(Registry().Change(context_, "a", "s3://x/y", {{"aws_session_token", "next"}}).ok());
  EXPECT_EQ(Registry().Resolve(context_, "a")->location.storage_options.at("aws_session_token"),
            "next");
  EXPECT_FALSE(secrets_.Resolve(first).ok());
}

TEST(StorageOptions, AreSecretByName) {
  for (const char* option :
       {"aws_secret_access_key", "AWS_SESSION_TOKEN", "azure_storage_account_key", "access_key",
        "azure_storage_client_secret", "azure_storage_sas_key", "sas_token", "bearer_token",
        "google_service_account_key", "azure_storage_access_key"}) {
    EXPECT_TRUE(IsSecretOption(option)) << option;
  }
  for (const char* option :
       {"aws_access_key_id", "aws_region", "aws_endpoint_url", "azure_storage_account_name",
        "google_service_account_path", "azure_federated_token_file", "aws_allow_http",
        "azure_storage_tenant_id", "timeout", "azure_use_azure_cli",
        "google_application_credentials", "proxy_url"}) {
    EXPECT_FALSE(IsSecretOption(option)) << option;
  }
  EXPECT_TRUE(IsSecretOption("azure_storage_connection_string"));
  EXPECT_TRUE(HoldsSecret("proxy_url", "http://user:hush@proxy:3128"));
  EXPECT_FALSE(HoldsSecret("proxy_url", "http://user@proxy:3128"));
  EXPECT_FALSE(HoldsSecret("aws_endpoint_url", "http://127.0.0.1:9000"));
  EXPECT_THAT(RedactOptions({{"proxy_url", "http://user:hush@proxy:3128"}}),
              ElementsAre(Pair("proxy_url", "***")));
  EXPECT_THAT(
      RedactOptions(
          {{"aws_secret_access_key", "hush"}, {"sas_token", "${env:X}"}, {"aws_region", "eu"}}),
      ElementsAre(Pair("aws_region", "eu"), Pair("aws_secret_access_key", "***"),
                  Pair("sas_token", "${env:X}")));
}

}  // namespace
}  // namespace spillway::source
