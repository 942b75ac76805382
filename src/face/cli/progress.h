#ifndef SPILLWAY_FACE_CLI_PROGRESS_H_
#define SPILLWAY_FACE_CLI_PROGRESS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "face/cli/console.h"
#include "sync/event.h"

namespace spillway::face::cli {

/// How a run's events are shown: as fits the terminal and the output, as lines, as JSON objects, or
/// not at all.
enum class ProgressStyle { kAuto, kPlain, kJson, kNone };

/// Shows a run's events on stderr: a bar on a terminal, plain lines elsewhere, one JSON object per
/// event, or nothing. kAuto chooses by the terminal and --log-format; with --output json it is
/// nothing. The console must outlive it. Used by one thread at a time, like the console.
std::unique_ptr<sync::EventSink> MakeProgress(ProgressStyle style, Console* console);

/// The bar's text for one state of a load, within `width` columns as far as it can be: phase, bar,
/// share, rows, MB/s, ETA and what limits it. The bar is shortened first, then left out; then what
/// limits it is.
std::string ProgressLine(const sync::Progress& progress, std::size_t width);

/// An event as one line of JSON.
std::string EventJson(const std::string& synced_table, const sync::Event& event);

}  // namespace spillway::face::cli

#endif  // SPILLWAY_FACE_CLI_PROGRESS_H_
