#include "data/batch_writer.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace spillway::data {
namespace {

using base::ErrorClass;
using base::Status;

TEST(FileSink, NamesTheFileThatIsFull) {
  std::FILE* const full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  const Status status = FileSink(full, "/dev/full")("text");
  std::fclose(full);
  EXPECT_EQ(status.error_class(), ErrorClass::kStoreNoSpace);
  EXPECT_EQ(status.detail("object"), "/dev/full");
}

}  // namespace
}  // namespace spillway::data
