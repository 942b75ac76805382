#include "face/cli/definition_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "face/cli/definition_flags.h"
#include "face/sql/statement.h"
#include "face/yaml/document.h"
#include "service/table_name.h"
#include "sync/testing/random_definition.h"

namespace spillway::face::cli {
namespace {

using sync::Definition;

constexpr int kDefinitions = 1000;

service::Configuration OneTable(const Definition& definition) {
  service::Configuration configuration;
  configuration.tables.emplace_back();
  configuration.tables.back().definition = definition;
  return configuration;
}

Definition FromYaml(const std::string& text) {
  const auto read = yaml::ReadDocument(text, {"test.yaml", "/folder"}, {});
  if (!read.ok() || read->tables.size() != 1) {
    ADD_FAILURE() << read.status().ToString() << "\n" << text;
    return {};
  }
  return read->tables.front().definition;
}

Definition FromSql(const std::string& text) {
  const auto statements = sql::Parse({"", text});
  if (!statements.ok() || statements->size() != 1) {
    ADD_FAILURE() << statements.status().ToString() << "\n" << text;
    return {};
  }
  return std::get<sql::CreateSyncedTable>(statements->front().what).definition;
}

// The words of each line of `commands` as a POSIX shell takes them apart.
std::vector<std::vector<std::string>> ShellWords(const std::vector<std::string>& commands) {
  const std::string folder =
      std::filesystem::temp_directory_path() / ("spillway_shell_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  {
    std::ofstream script(folder + "/script");
    script << "spillway() { for word in \"$@\"; do printf '%s\\000' \"$word\"; done; "
              "printf 'end of command\\000'; }\n";
    for (const std::string& command : commands) script << command;
  }
  const std::string run = "sh " + folder + "/script > " + folder + "/words";
  EXPECT_EQ(std::system(run.c_str()), 0);
  std::ifstream words(folder + "/words");
  std::vector<std::vector<std::string>> lines(1);
  for (std::string word; std::getline(words, word, '\0');) {
    if (word == "end of command") {
      lines.emplace_back();
    } else {
      lines.back().push_back(word);
    }
  }
  lines.pop_back();
  std::filesystem::remove_all(folder);
  return lines;
}

// Through the command table, as the program would.
Definition FromWords(const std::vector<std::string>& words) {
  CLI::App app;
  CLI::App* create = app.add_subcommand("synced-table")->add_subcommand("create");
  std::string name;
  DefinitionFlags flags;
  create->add_option("NAME", name)->required();
  flags.AddTo(create);
  std::vector<const char*> arguments = {"spillway"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  Definition definition;
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& error) {
    ADD_FAILURE() << error.what();
    return definition;
  }
  const auto parsed = service::ParseSyncedTableName(name);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  if (!parsed.ok()) return definition;
  definition.target = parsed->target;
  definition.table = parsed->table;
  const base::Status applied = flags.Apply(&definition);
  EXPECT_TRUE(applied.ok()) << applied.ToString();
  return definition;
}

// Prints what was covered, and fails for what was not: every field set and left out, every word,
// every way of quoting in every field that holds free text.
void CheckCoverage(const sync::testing::Coverage& coverage) {
  int combinations = 0;
  for (const sync::Field& field : sync::Fields()) {
    const std::string key(field.key);
    const int set = coverage.set.contains(key) ? coverage.set.at(key) : 0;
    const int left_out = coverage.left_out.contains(key) ? coverage.left_out.at(key) : 0;
    std::printf("%-20s set %4d, left out %4d", key.c_str(), set, left_out);
    EXPECT_GT(set, 0) << key;
    EXPECT_TRUE(left_out > 0 || key == "source") << key;
    for (const sync::Word& word : field.words) {
      EXPECT_TRUE(coverage.words.contains(key + ": " + std::string(word.text))) << word.text;
    }
    int classes = 0;
    for (const auto& each : sync::testing::kQuotingClasses) {
      classes += coverage.text_classes.contains(key + ": " + std::string(each.name)) ? 1 : 0;
    }
    if (classes > 0) {
      std::printf(", quoting classes %d of %zu", classes, sync::testing::kQuotingClasses.size());
      EXPECT_EQ(classes, static_cast<int>(sync::testing::kQuotingClasses.size())) << key;
    }
    std::printf("\n");
    combinations += classes;
  }
  std::printf("%d definitions, %zu fields, %d field and quoting class pairs\n", kDefinitions,
              sync::Fields().size(), combinations);
}

TEST(DefinitionForms, YamlToSqlToCommandsToYamlLosesNothing) {
  sync::testing::RandomDefinitions random(20261121);
  std::vector<Definition> definitions;
  std::vector<std::string> documents;
  std::vector<std::string> commands;
  for (int i = 0; i < kDefinitions; ++i) {
    definitions.push_back(random.Next());
    documents.push_back(WriteConfiguration(OneTable(definitions.back()), DefinitionForm::kYaml));
    const Definition from_yaml = FromYaml(documents.back());
    ASSERT_EQ(from_yaml, definitions.back()) << documents.back();
    const std::string statement = WriteConfiguration(OneTable(from_yaml), DefinitionForm::kSql);
    const Definition from_sql = FromSql(statement);
    ASSERT_EQ(from_sql, definitions.back()) << statement;
    commands.push_back(WriteConfiguration(OneTable(from_sql), DefinitionForm::kCli));
  }
  const std::vector<std::vector<std::string>> words = ShellWords(commands);
  ASSERT_EQ(words.size(), definitions.size());
  for (std::size_t i = 0; i < definitions.size(); ++i) {
    const Definition from_command = FromWords(words[i]);
    ASSERT_EQ(from_command, definitions[i]) << commands[i];
    ASSERT_EQ(WriteConfiguration(OneTable(from_command), DefinitionForm::kYaml), documents[i]);
  }
  CheckCoverage(random.coverage());
}

TEST(DefinitionForms, RegisteredThingsHaveCommands) {
  service::Configuration configuration;
  configuration.targets = {{"shop", "postgresql://app@db/shop", "${env:X}", {}}};
  configuration.sources = {{"lake.t", "s3://b/t", {{"aws_region", "eu west"}}, {}}};
  EXPECT_EQ(WriteConfiguration(configuration, DefinitionForm::kCli),
            "spillway target add shop postgresql://app@db/shop --password '${env:X}'\n"
            "spillway source add lake.t s3://b/t --storage-option 'aws_region=eu west'\n");
}

TEST(ReadTextFile, SaysWhatIsWrong) {
  EXPECT_THAT(ReadTextFile("nothing.yaml", "/tmp", {}).status().message(),
              testing::HasSubstr("there is no file nothing.yaml"));
  EXPECT_THAT(ReadTextFile(".", "/tmp", {}).status().message(), testing::HasSubstr("a folder"));
}

}  // namespace
}  // namespace spillway::face::cli
