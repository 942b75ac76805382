#include "data/batch_writer.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace spillway::data {

using base::ErrorClass;
using base::Status;

TextSink FileSink(std::FILE* file, std::string name) {
  return [file, name = std::move(name)](std::string_view text) {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0) {
      return Status();
    }
    const int code = errno;
    const bool full = code == ENOSPC || code == EDQUOT;
    return Status(full ? ErrorClass::kStoreNoSpace : ErrorClass::kFileUnusable,
                  "text cannot be written: " + name + ": " + std::strerror(code))
        .With("object", name);
  };
}

}  // namespace spillway::data
