#include "data/display_width.h"

#include <algorithm>
#include <iterator>

#include "base/hex.h"
#include "data/utf8.h"

namespace spillway::data {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// The blocks of combining marks, zero-width characters and variation selectors in common use.
constexpr Range kZeroWidth[] = {
    {0x0300, 0x036F},   {0x0483, 0x0489},   {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
    {0x05C4, 0x05C5},   {0x0610, 0x061A},   {0x064B, 0x065F}, {0x0670, 0x0670}, {0x06D6, 0x06DC},
    {0x06DF, 0x06E4},   {0x06E7, 0x06E8},   {0x06EA, 0x06ED}, {0x0711, 0x0711}, {0x0730, 0x074A},
    {0x0900, 0x0902},   {0x093A, 0x093A},   {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0E31, 0x0E31},   {0x0E34, 0x0E3A},   {0x0E47, 0x0E4E}, {0x1AB0, 0x1ACE}, {0x1DC0, 0x1DFF},
    {0x200B, 0x200F},   {0x202A, 0x202E},   {0x2060, 0x2064}, {0x20D0, 0x20F0}, {0x302A, 0x302D},
    {0x3099, 0x309A},   {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF},
    {0xE0020, 0xE007F}, {0xE0100, 0xE01EF},
};

constexpr Range kDoubleWidth[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x26A1, 0x26A1},   {0x26BD, 0x26BE},   {0x2705, 0x2705},
    {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},
    {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F004, 0x1F004},
    {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320},
    {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA},
    {0x1F3E0, 0x1F3F0}, {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC},
    {0x1F4FF, 0x1F53D}, {0x1F550, 0x1F567}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5},
    {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D7}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC},
    {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

template <std::size_t kCount>
bool Holds(const Range (&ranges)[kCount], char32_t code_point) {
  const auto* found =
      std::lower_bound(std::begin(ranges), std::end(ranges), code_point,
                       [](const Range& range, char32_t value) { return range.last < value; });
  return found != std::end(ranges) && found->first <= code_point;
}

struct Decoded {
  char32_t code_point = 0xFFFD;
  std::size_t length = 1;
  bool valid = false;
};

Decoded Decode(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t length = Utf8SequenceLength(at, at + text.size());
  if (length == 0) return {};
  if (length == 1) return {at[0], 1, true};
  char32_t value = at[0] & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) value = value << 6 | (at[i] & 0x3FU);
  return {value, length, true};
}

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

void AppendEscape(char32_t c, std::string* out) {
  if (c == '\n' || c == '\r' || c == '\t') {
    out->push_back('\\');
    out->push_back(c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    return;
  }
  const char byte = static_cast<char>(c);
  *out += "\\x" + base::HexText({&byte, 1});
}

}  // namespace

int CodePointWidth(char32_t code_point) {
  if (code_point < 0x300) return 1;
  if (Holds(kZeroWidth, code_point)) return 0;
  return Holds(kDoubleWidth, code_point) ? 2 : 1;
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Decoded decoded = Decode(text);
    width += decoded.valid ? CodePointWidth(decoded.code_point) : 1;
    text.remove_prefix(decoded.length);
  }
  return width;
}

std::string FitToWidth(std::string_view text, int width) {
  std::string fitted;
  int used = 0;
  // Where the text is cut if it turns out longer: the last place that leaves a column for the
  // ellipsis.
  std::size_t cut = 0;
  while (!text.empty()) {
    const Decoded decoded = Decode(text);
    std::string piece;
    if (!decoded.valid) {
      piece = "\xEF\xBF\xBD";
    } else if (IsControl(decoded.code_point)) {
      AppendEscape(decoded.code_point, &piece);
    } else {
      piece = text.substr(0, decoded.length);
    }
    const int piece_width = DisplayWidth(piece);
    if (used + piece_width > width) {
      fitted.resize(cut);
      fitted.append("…");
      return fitted;
    }
    fitted.append(piece);
    used += piece_width;
    if (used < width) cut = fitted.size();
    text.remove_prefix(decoded.length);
  }
  return fitted;
}

}  // namespace spillway::data
