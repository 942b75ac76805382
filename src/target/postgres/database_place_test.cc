#include "target/postgres/database_place.h"

#include <gtest/gtest.h>

namespace spillway::target::postgres {
namespace {

std::string PlaceOf(const std::string& url) {
  const auto place = DatabasePlace(url);
  return place.ok() ? *place : "refused";
}

TEST(DatabasePlace, IsTheSameHoweverItIsWritten) {
  for (const char* url :
       {"postgresql://app@DB.example:5432/shop", "postgres://other:secret@db.example/shop",
        "postgresql://db.example/sh%6Fp?sslmode=require", "host=db.example dbname=shop user=x",
        "postgresql:///shop?host=db.example"}) {
    EXPECT_EQ(PlaceOf(url), "db.example:5432/shop") << url;
  }
  EXPECT_EQ(PlaceOf("postgresql://127.0.0.1/d"), PlaceOf("postgresql://localhost:5432/d"));
  EXPECT_EQ(PlaceOf("postgresql://[::1]/d"), PlaceOf("postgresql://localhost/d"));
  EXPECT_EQ(PlaceOf("host=/tmp/ dbname=d"), PlaceOf("postgresql://%2Ftmp/d"));
  EXPECT_EQ(PlaceOf("postgresql://me@h"), PlaceOf("postgresql://you@h/me"));
}

TEST(DatabasePlace, TellsDatabasesApart) {
  const std::string place = PlaceOf("postgresql://h:5432/d");
  for (const char* url : {"postgresql://h:5433/d", "postgresql://h2/d", "postgresql://h/D",
                          "postgresql://h,h2/d", "service=h dbname=d"}) {
    EXPECT_NE(PlaceOf(url), place) << url;
  }
  EXPECT_EQ(PlaceOf("postgresql://h:no/d?x=y"), "refused");
}

}  // namespace
}  // namespace spillway::target::postgres
