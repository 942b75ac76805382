#ifndef SPILLWAY_DATA_TEXT_BUFFER_H_
#define SPILLWAY_DATA_TEXT_BUFFER_H_

#include <string>
#include <utility>

#include "base/status.h"
#include "data/batch_writer.h"

namespace spillway::data {

/// Text on its way to a sink, in pieces large enough. Used by one thread.
class TextBuffer {
 public:
  explicit TextBuffer(TextSink sink) : sink_(std::move(sink)) {}
  /// Where text is appended; rows are whole when FlushIfLarge is called.
  std::string* text() { return &text_; }
  base::Status FlushIfLarge() {
    constexpr std::size_t kLarge = 256 << 10;
    return text_.size() < kLarge ? base::Status() : Flush();
  }
  base::Status Flush() {
    base::Status status = text_.empty() ? base::Status() : sink_(text_);
    text_.clear();
    return status;
  }

 private:
  TextSink sink_;
  std::string text_;
};

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_TEXT_BUFFER_H_
