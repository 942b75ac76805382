#include "sync/cron.h"

#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace spillway::sync {
namespace {

std::string Wrong(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  const std::vector<std::string_view> parts(words.begin(), words.end());
  return FindWrongInCron(parts);
}

TEST(Cron, TakesWhatQuartzTakes) {
  for (const char* good :
       {"0 0 * * * ?", "0 0/5 8-18 ? * MON-FRI", "0 0 0 1 1 ? 2030", "*/10 /5 0,12 ? JAN-mar,6 2",
        "0 15 10 L * ?", "0 15 10 L-2 * ?", "0 15 10 LW * ?", "0 15 10 15W * ?", "0 15 10 ? * 6L",
        "0 15 10 ? * friL 2024-2026", "0 15 10 ? * 6#3", "0 15 10 ? * FRI#5",
        "59 59 23 31 12 ? 2099", "0 0 22-2 ? * SAT-SUN"}) {
    EXPECT_EQ(Wrong(good), "") << good;
  }
}

TEST(Cron, NamesThePartThatIsWrong) {
  EXPECT_EQ(Wrong("61 0 * * * ?"), "the second '61' is not within 0 to 59");
  EXPECT_EQ(Wrong("0 0 24 * * ?"), "the hour '24' is not within 0 to 23");
  EXPECT_EQ(Wrong("0 0 0 * 13 ?"), "the month '13' is not within 1 to 12");
  for (const char* bad :
       {"-1 0 * * * ?", "0 60 * * * ?",   "0 0 0 0 * ?",      "0 0 0 32 * ?",  "0 0 0 ? * 8",
        "0 0 0 ? * MO", "0 0 0 * FRI ?",  "0 0 0 * * ? 1969", "0 0/0 * * * ?", "0 1- * * * ?",
        "0 ,1 * * * ?", "0 1, * * * ?",   "0 ? * * * ?",      "0 * L * * ?",   "0 0 0 ? * 2#6",
        "0 0 0 ? * #2", "0 0 0 L-31 * ?", "0 0 0 W * ?",      "0 1/a * * * ?", "0 0 0 ** * ?",
        "0 0 * * * *",  "0 0 * ? * ?"}) {
    EXPECT_NE(Wrong(bad), "") << bad;
  }
}

}  // namespace
}  // namespace spillway::sync
