#include "target/postgres/copy/json_syntax.h"

#include <bitset>

namespace spillway::target::postgres {
namespace {

// numeric's limits: digits before the decimal point, places after it.
constexpr std::int64_t kMaxExponent = 131071;
constexpr std::int64_t kMaxScale = 16383;
// An exponent is not read further than this: it is out of range whatever the digits are.
constexpr std::int64_t kExponentCap = 1073741823;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// A pass over the text, without recursion.
class JsonChecker {
 public:
  JsonChecker(std::string_view text, JsonTarget target)
      : at_(text.data()),
        begin_(text.data()),
        end_(text.data() + text.size()),
        jsonb_(target == JsonTarget::kJsonb) {}

  std::optional<std::string> Run() {
    if (!Document()) return reason_ + " at byte " + std::to_string(at_ - begin_);
    return std::nullopt;
  }

 private:
  bool Fail(const char* reason) {
    reason_ = reason;
    return false;
  }
  void SkipSpace() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool Document() {
    SkipSpace();
    if (!Value()) return false;
    while (depth_ > 0) {
      SkipSpace();
      if (!Next()) return false;
    }
    SkipSpace();
    return at_ == end_ || Fail("text after the JSON value");
  }

  /// Reads a scalar, or the opening of an array or object.
  bool Value() {
    if (at_ == end_) return Fail("the JSON text ends early");
    switch (*at_) {
      case '"':
        return String();
      case '{':
      case '[':
        return Open();
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        return Number();
    }
  }

  bool Open() {
    if (depth_ == kMaxJsonDepth) return Fail("JSON nested too deep");
    objects_[static_cast<std::size_t>(depth_++)] = *at_++ == '{';
    first_ = true;
    return true;
  }

  /// Inside an array or object: its end, or its next member.
  bool Next() {
    const bool object = objects_[static_cast<std::size_t>(depth_ - 1)];
    if (Take(object ? '}' : ']')) {
      --depth_;
      first_ = false;
      return true;
    }
    if (!first_ && !Take(',')) return Fail("a comma or the end of an array or object is expected");
    SkipSpace();
    if (object) {
      if (at_ == end_ || *at_ != '"') return Fail("a member's name is expected");
      if (!String()) return false;
      SkipSpace();
      if (!Take(':')) return Fail("a colon is expected");
      SkipSpace();
    }
    first_ = false;
    return Value();
  }

  bool Word(std::string_view word) {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    if (!rest.starts_with(word)) return Fail("no JSON value");
    at_ += word.size();
    return true;
  }

  bool String() {
    ++at_;
    bool high_surrogate = false;  // the character before was the first half of a pair
    while (at_ < end_) {
      const auto c = static_cast<unsigned char>(*at_);
      if (high_surrogate && c != '\\') return Fail("half a surrogate pair");
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c < 0x20) return Fail("a control character in a JSON string");
      if (c != '\\') {
        ++at_;
        continue;
      }
      if (at_ + 1 == end_) break;
      const char escape = at_[1];
      if (escape == 'u') {
        if (!Unicode(&high_surrogate)) return false;
        continue;
      }
      if (high_surrogate) return Fail("half a surrogate pair");
      if (std::string_view("\"\\/bfnrt").find(escape) == std::string_view::npos) {
        return Fail("an unknown escape in a JSON string");
      }
      at_ += 2;
    }
    at_ = end_;
    return Fail("a JSON string without end");
  }

  /// \uXXXX.
  bool Unicode(bool* high_surrogate) {
    std::uint32_t code = 0;
    for (int i = 2; i < 6; ++i) {
      const char c = at_ + i < end_ ? at_[i] : '\0';
      const int digit = IsDigit(c)             ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return Fail("four hexadecimal digits are expected after \\u");
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    if (jsonb_) {
      const bool high = code >= 0xD800 && code <= 0xDBFF;
      const bool low = code >= 0xDC00 && code <= 0xDFFF;
      if (low != *high_surrogate) return Fail("half a surrogate pair");
      if (code == 0) return Fail("\\u0000 in a JSON string");
      *high_surrogate = high;
    }
    at_ += 6;
    return true;
  }

  bool Number() {
    const char* const start = at_;
    Take('-');
    const char* const digits = at_;
    if (!Take('0')) {
      while (at_ < end_ && IsDigit(*at_)) ++at_;
    }
    if (at_ == digits) {
      at_ = start;
      return Fail("no JSON value");
    }
    const std::int64_t integer_digits = at_ - digits;
    std::int64_t places = 0;
    if (Take('.')) {
      const char* const fraction = at_;
      while (at_ < end_ && IsDigit(*at_)) ++at_;
      places = at_ - fraction;
      if (places == 0) return Fail("a digit is expected after the point");
    }
    const char* const digits_end = at_;
    std::int64_t exponent = 0;
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      ++at_;
      const bool negative = at_ < end_ && *at_ == '-';
      if (negative || (at_ < end_ && *at_ == '+')) ++at_;
      const char* const power = at_;
      for (; at_ < end_ && IsDigit(*at_); ++at_) {
        if (exponent < kExponentCap) exponent = exponent * 10 + (*at_ - '0');
      }
      if (at_ == power) return Fail("a digit is expected in the exponent");
      if (negative) exponent = -exponent;
    }
    return !jsonb_ || WithinNumeric(digits, digits_end, integer_digits, places, exponent);
  }

  /// numeric_in's limits.
  bool WithinNumeric(const char* digits, const char* digits_end, std::int64_t integer_digits,
                     std::int64_t places, std::int64_t exponent) {
    if (exponent >= kExponentCap || exponent <= -kExponentCap || places - exponent > kMaxScale) {
      return Fail("a number outside the range of numeric");
    }
    // The power of ten of the first digit that is not zero.
    std::int64_t power = integer_digits - 1 + exponent;
    for (const char* c = digits; c < digits_end; ++c) {
      if (*c == '.') continue;
      if (*c != '0') {
        return power <= kMaxExponent || Fail("a number outside the range of numeric");
      }
      --power;
    }
    return true;
  }

  const char* at_;
  const char* begin_;
  const char* end_;
  const bool jsonb_;
  std::bitset<kMaxJsonDepth> objects_;  ///< whether the open levels are objects
  int depth_ = 0;
  bool first_ = false;  ///< nothing of the innermost level was read yet
  std::string reason_;
};

}  // namespace

std::optional<std::string> CheckJson(std::string_view text, JsonTarget target) {
  return JsonChecker(text, target).Run();
}

}  // namespace spillway::target::postgres
