#include "target/postgres/copy/uuid_text.h"

#include <gtest/gtest.h>

#include <string>

namespace spillway::target::postgres {
namespace {

TEST(UuidText, FormsOfTheManual) {
  // "UUID Type" in the PostgreSQL manual lists these as equal.
  const auto expected = ParseUuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  ASSERT_TRUE(expected);
  EXPECT_EQ(static_cast<unsigned char>((*expected)[0]), 0xA0);
  EXPECT_EQ(static_cast<unsigned char>((*expected)[15]), 0x11);
  for (const char* text :
       {"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"}) {
    EXPECT_EQ(ParseUuid(text), expected) << text;
  }
}

TEST(UuidText, OtherTexts) {
  for (const char* text :
       {"", "{", "{}", "a0eebc999c0b4ef8bb6d6bb9bd380a1", "a0eebc999c0b4ef8bb6d6bb9bd380a111",
        "a0-eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
        "-a0eebc999c0b4ef8bb6d6bb9bd380a11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0eebc999c0b4ef8bb6d6bb9bd380a11}", "a0ee--bc999c0b4ef8bb6d6bb9bd380a11",
        "g0eebc999c0b4ef8bb6d6bb9bd380a11", " a0eebc999c0b4ef8bb6d6bb9bd380a11"}) {
    EXPECT_FALSE(ParseUuid(text)) << text;
  }
}

}  // namespace
}  // namespace spillway::target::postgres
