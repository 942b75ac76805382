#include "face/cli/line_reader.h"

#include <histedit.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <set>

namespace spillway::face::cli {
namespace {

constexpr int kHistoryLines = 1000;
// How soon a stop is noticed while nothing is typed.
constexpr int kPollMilliseconds = 100;

bool IsWordByte(unsigned char c) {
  return std::isalnum(c) != 0 || c == '_' || c == '.' || c >= 0x80;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string CommonPrefix(const std::vector<std::string>& words) {
  std::string prefix = words.front();
  for (const std::string& word : words) {
    const auto end = std::ranges::mismatch(prefix, word).in1;
    prefix.erase(end, prefix.end());
  }
  return prefix;
}

}  // namespace

std::vector<std::string> CompletionsOf(std::string_view prefix,
                                       const std::vector<std::string>& words) {
  const std::string wanted = Lower(prefix);
  const bool is_lower = !prefix.empty() && wanted == prefix;
  std::set<std::string> found;
  for (const std::string& word : words) {
    const std::string lower = Lower(word);
    if (!lower.starts_with(wanted)) continue;
    const bool is_keyword =
        std::ranges::all_of(word, [](unsigned char c) { return std::isupper(c) != 0 || c == '_'; });
    found.insert(is_keyword && is_lower ? lower : word);
  }
  return {found.begin(), found.end()};
}

struct LineReader::Terminal {
  EditLine* line = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::string history_file;
  std::string prompt;
  Words words;
  std::stop_token stop;

  static Terminal* Of(EditLine* line) {
    void* data = nullptr;
    el_get(line, EL_CLIENTDATA, &data);
    return static_cast<Terminal*>(data);
  }

  static char* Prompt(EditLine* line) { return Of(line)->prompt.data(); }

  // One character of the terminal, or 0 at its end and when stopped.
  static int GetCharacter(EditLine* line, wchar_t* character) {
    const std::stop_token& stop = Of(line)->stop;
    std::mbstate_t state{};
    while (true) {
      pollfd ready{STDIN_FILENO, POLLIN, 0};
      const int count = poll(&ready, 1, kPollMilliseconds);
      if (stop.stop_requested()) return 0;
      if (count <= 0) continue;
      char byte = 0;
      if (read(STDIN_FILENO, &byte, 1) != 1) return 0;
      const std::size_t used = std::mbrtowc(character, &byte, 1, &state);
      if (used == static_cast<std::size_t>(-2)) continue;
      if (used == static_cast<std::size_t>(-1)) {
        state = {};
        continue;
      }
      return 1;
    }
  }

  // Tab: inserts what all completions share; a second Tab lists them.
  static unsigned char Complete(EditLine* line, int) {
    Terminal* terminal = Of(line);
    const LineInfo* info = el_line(line);
    const char* begin = info->cursor;
    while (begin > info->buffer && IsWordByte(static_cast<unsigned char>(begin[-1]))) --begin;
    const std::string prefix(begin, info->cursor);
    const std::vector<std::string> found = CompletionsOf(prefix, terminal->words());
    if (found.empty()) return CC_ERROR;
    const std::string common = CommonPrefix(found);
    if (common.size() > prefix.size() || (found.size() == 1 && common != prefix)) {
      el_deletestr(line, static_cast<int>(prefix.size()));
      el_insertstr(line, (found.size() == 1 ? common + " " : common).c_str());
      return CC_REFRESH;
    }
    if (found.size() == 1) {
      el_insertstr(line, " ");
      return CC_REFRESH;
    }
    std::fputs("\r\n", stderr);
    for (const std::string& word : found) std::fprintf(stderr, "%s  ", word.c_str());
    std::fputs("\r\n", stderr);
    return CC_REDISPLAY;
  }
};

LineReader::LineReader(std::string history_file, Words words, std::stop_token stop)
    : terminal_(std::make_unique<Terminal>()) {
  // Characters are read as the terminal's user has set them.
  std::setlocale(LC_CTYPE, "");
  terminal_->history_file = std::move(history_file);
  terminal_->words = std::move(words);
  terminal_->stop = std::move(stop);
  terminal_->line = el_init("spillway", stdin, stderr, stderr);
  terminal_->history = history_init();
  EditLine* line = terminal_->line;
  history(terminal_->history, &terminal_->event, H_SETSIZE, kHistoryLines);
  history(terminal_->history, &terminal_->event, H_SETUNIQUE, 1);
  if (!terminal_->history_file.empty()) {
    history(terminal_->history, &terminal_->event, H_LOAD, terminal_->history_file.c_str());
  }
  el_set(line, EL_CLIENTDATA, static_cast<void*>(terminal_.get()));
  el_set(line, EL_PROMPT, &Terminal::Prompt);
  el_set(line, EL_EDITOR, "emacs");
  el_set(line, EL_SIGNAL, 0);
  el_set(line, EL_HIST, &history, terminal_->history);
  el_set(line, EL_GETCFN, &Terminal::GetCharacter);
  el_set(line, EL_ADDFN, "complete", "complete a word", &Terminal::Complete);
  el_set(line, EL_BIND, "^I", "complete", nullptr);
}

LineReader::~LineReader() {
  el_end(terminal_->line);
  history_end(terminal_->history);
}

std::optional<std::string> LineReader::Read(const std::string& prompt) {
  terminal_->prompt = prompt;
  int count = 0;
  const char* text = el_gets(terminal_->line, &count);
  if (text == nullptr || count <= 0) return std::nullopt;
  std::string line(text, static_cast<std::size_t>(count));
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  return line;
}

void LineReader::Remember(const std::string& text) {
  std::string line = text;
  std::ranges::replace(line, '\n', ' ');
  history(terminal_->history, &terminal_->event, H_ENTER, line.c_str());
  if (terminal_->history_file.empty()) return;
  const mode_t before = umask(0077);
  history(terminal_->history, &terminal_->event, H_SAVE, terminal_->history_file.c_str());
  umask(before);
}

}  // namespace spillway::face::cli
