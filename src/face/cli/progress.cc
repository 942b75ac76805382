#include "face/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "data/display_width.h"
#include "service/error_json.h"

namespace spillway::face::cli {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kPlainInterval{5000};
constexpr std::size_t kBarCells = 20;
constexpr std::size_t kLeastBarCells = 5;

std::string FormatTime(milliseconds time) {
  const std::int64_t seconds = (time.count() + 999) / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

std::string FormatTook(milliseconds took) {
  return took.count() < 10'000 ? fmt::format("{:.2f} s", static_cast<double>(took.count()) / 1000)
                               : FormatTime(took);
}

// Every visitor of events that only cares for some of them.
template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

class SilentProgress : public sync::EventSink {
 public:
  void Receive(const std::string&, const sync::Event&) override {}
};

class JsonProgress : public sync::EventSink {
 public:
  explicit JsonProgress(Console* console) : console_(console) {}
  void Receive(const std::string& table, const sync::Event& event) override {
    const bool warning =
        std::holds_alternative<sync::Warning>(event) || std::holds_alternative<sync::Retry>(event);
    console_->Log(warning ? "warning" : "info", EventJson(table, event));
  }

 private:
  Console* console_;
};

// What plain lines and the bar say alike: decisions, warnings, retries and phases worth a line.
class SpokenProgress : public sync::EventSink {
 public:
  explicit SpokenProgress(Console* console) : console_(console) {}

  void Receive(const std::string& table, const sync::Event& event) override {
    std::visit(Overloaded{
                   [&](const sync::PhaseStarted& started) { Started(table, started.phase); },
                   [&](const sync::PhaseFinished& finished) { Finished(table, finished); },
                   [&](const sync::Progress& progress) { Show(table, progress); },
                   [&](const sync::Decision& decision) { Say(table, decision.text); },
                   [&](const sync::Warning& warning) {
                     Clear();
                     console_->Warn(table + ": " + warning.text);
                   },
                   [&](const sync::Retry& retry) {
                     Clear();
                     console_->Warn(table + ": trying " + retry.what +
                                    " again after: " + retry.cause.ToString());
                   },
               },
               event);
  }

 protected:
  virtual void Started(const std::string& table, sync::Phase phase) = 0;
  virtual void Finished(const std::string& table, const sync::PhaseFinished& finished) = 0;
  virtual void Show(const std::string& table, const sync::Progress& progress) = 0;
  virtual void Clear() {}
  void Say(const std::string& table, std::string_view text) {
    Clear();
    console_->Note(table + ": " + std::string(text));
  }
  Console* console() const { return console_; }

 private:
  Console* console_;
};

class PlainProgress : public SpokenProgress {
 public:
  using SpokenProgress::SpokenProgress;

 protected:
  void Started(const std::string&, sync::Phase) override { last_ = SteadyClock::now(); }
  void Finished(const std::string& table, const sync::PhaseFinished& finished) override {
    if (finished.phase == sync::Phase::kLoad || finished.phase == sync::Phase::kIndex ||
        finished.phase == sync::Phase::kPublish) {
      Say(table, fmt::format("{} took {}", sync::Name(finished.phase), FormatTook(finished.took)));
    }
  }
  void Show(const std::string& table, const sync::Progress& progress) override {
    const auto now = SteadyClock::now();
    if (now - last_ < kPlainInterval) return;
    last_ = now;
    Say(table, ProgressLine(progress, 200));
  }

 private:
  SteadyClock::time_point last_;
};

class BarProgress : public SpokenProgress {
 public:
  using SpokenProgress::SpokenProgress;
  ~BarProgress() override { Clear(); }

 protected:
  void Started(const std::string&, sync::Phase phase) override {
    if (phase == sync::Phase::kLoad) return;
    Draw(fmt::format("{} …", sync::Name(phase)));
  }
  void Finished(const std::string& table, const sync::PhaseFinished& finished) override {
    if (finished.phase == sync::Phase::kLoad) Say(table, last_line_);
    Clear();
  }
  void Show(const std::string&, const sync::Progress& progress) override {
    last_line_ = ProgressLine(progress, console()->err_columns());
    Draw(last_line_);
  }
  void Clear() override {
    if (!drawn_) return;
    console()->Err("\r\x1b[K");
    drawn_ = false;
  }

 private:
  void Draw(std::string_view line) {
    // The last column stays free: a full line would wrap, and the next one leave it behind.
    const int room = std::max(static_cast<int>(console()->err_columns()) - 1, 1);
    const bool fits = data::DisplayWidth(line) <= room;
    console()->Err("\r\x1b[K" + (fits ? std::string(line) : data::FitToWidth(line, room)));
    drawn_ = true;
  }
  bool drawn_ = false;
  std::string last_line_;
};

}  // namespace

std::string ProgressLine(const sync::Progress& progress, std::size_t width) {
  const double seconds = std::max(static_cast<double>(progress.elapsed.count()) / 1000, 0.001);
  const std::string phase(sync::Name(progress.phase));
  std::string line;
  std::optional<double> share;
  if (progress.total_rows && *progress.total_rows > 0) {
    share = std::min(
        1.0, static_cast<double>(progress.rows) / static_cast<double>(*progress.total_rows));
    line += fmt::format(" {:3.0f}%", *share * 100);
  }
  line += fmt::format("  {} rows", FormatCount(progress.rows));
  line += fmt::format("  {:.0f} MB/s", static_cast<double>(progress.bytes) / 1e6 / seconds);
  if (progress.remaining && progress.remaining->count() > 0) {
    line += "  ETA " + FormatTime(*progress.remaining);
  }
  if (progress.bottleneck != sync::Bottleneck::kNone) {
    const std::string limit = fmt::format("  limited by {}", sync::Name(progress.bottleneck));
    if (phase.size() + line.size() + limit.size() <= width) line += limit;
  }
  // The bar has what room the numbers leave.
  const std::size_t used = phase.size() + line.size() + 1;
  const std::size_t cells = width > used ? std::min(kBarCells, width - used) : 0;
  if (!share || cells < kLeastBarCells) return phase + line;
  std::string bar = " ";
  const auto full = static_cast<std::size_t>(*share * static_cast<double>(cells));
  for (std::size_t i = 0; i < cells; ++i) bar += i < full ? "█" : "░";
  return phase + bar + line;
}

std::string EventJson(const std::string& synced_table, const sync::Event& event) {
  nlohmann::ordered_json json;
  json["synced_table"] = synced_table;
  std::visit(Overloaded{
                 [&](const sync::PhaseStarted& started) {
                   json["event"] = "phase_started";
                   json["phase"] = sync::Name(started.phase);
                 },
                 [&](const sync::PhaseFinished& finished) {
                   json["event"] = "phase_finished";
                   json["phase"] = sync::Name(finished.phase);
                   json["took_ms"] = finished.took.count();
                 },
                 [&](const sync::Progress& progress) {
                   json["event"] = "progress";
                   json["phase"] = sync::Name(progress.phase);
                   json["rows"] = progress.rows;
                   if (progress.total_rows) json["total_rows"] = *progress.total_rows;
                   json["bytes"] = progress.bytes;
                   json["elapsed_ms"] = progress.elapsed.count();
                   if (progress.remaining) json["remaining_ms"] = progress.remaining->count();
                   json["bottleneck"] = sync::Name(progress.bottleneck);
                 },
                 [&](const sync::Decision& decision) {
                   json["event"] = "decision";
                   json["text"] = decision.text;
                 },
                 [&](const sync::Warning& warning) {
                   json["event"] = "warning";
                   json["text"] = warning.text;
                 },
                 [&](const sync::Retry& retry) {
                   json["event"] = "retry";
                   json["what"] = retry.what;
                   json["error"] = nlohmann::ordered_json::parse(service::ErrorJson(retry.cause));
                 },
             },
             event);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::unique_ptr<sync::EventSink> MakeProgress(ProgressStyle style, Console* console) {
  const bool for_programs = console->format == OutputFormat::kJson && !console->log_format;
  if (style == ProgressStyle::kAuto && (console->quiet || for_programs)) {
    style = ProgressStyle::kNone;
  }
  switch (style) {
    case ProgressStyle::kAuto:
      if (console->logs_json()) return std::make_unique<JsonProgress>(console);
      if (console->err_rewrites_lines()) return std::make_unique<BarProgress>(console);
      return std::make_unique<PlainProgress>(console);
    case ProgressStyle::kPlain:
      return std::make_unique<PlainProgress>(console);
    case ProgressStyle::kJson:
      return std::make_unique<JsonProgress>(console);
    case ProgressStyle::kNone:
      return std::make_unique<SilentProgress>();
  }
  return std::make_unique<SilentProgress>();
}

}  // namespace spillway::face::cli
