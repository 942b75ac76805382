#include "face/cli/row_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/ids.h"
#include "data/batch_writer.h"
#include "service/lake_tables.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;
namespace filesystem = std::filesystem;

constexpr int kMostLinks = 40;
// Leaves room in a file's name (255 bytes) for what makes the name of its temporary file its own.
constexpr std::size_t kNameBytes = 200;

Status FileError(const std::string& path, int cause) {
  return Status(cause == ENOSPC || cause == EDQUOT ? ErrorClass::kStoreNoSpace
                                                   : ErrorClass::kFileUnusable,
                "cannot write " + path + ": " + std::strerror(cause))
      .With("object", path);
}

// An error of writing the file `hidden` as one of `shown`, which is what the user knows.
Status InsteadOf(const std::string& hidden, const std::string& shown, const Status& error) {
  std::string message(error.message());
  const std::size_t at = message.find(hidden);
  if (at != std::string::npos) message.replace(at, hidden.size(), shown);
  Status told(error.error_class(), std::move(message));
  for (const auto& [key, value] : error.details()) {
    told = std::move(told).With(key, value.find(hidden) == std::string::npos ? value : shown);
  }
  return std::move(told).Mend(std::string(error.mend()));
}

// Where `path` leads through symbolic links, whose last may lead to nothing.
Result<filesystem::path> Resolve(const std::string& path) {
  std::error_code error;
  filesystem::path resolved = filesystem::absolute(path, error);
  for (int links = 0; !error && filesystem::is_symlink(resolved); ++links) {
    if (links == kMostLinks) return FileError(path, ELOOP);
    const filesystem::path link = filesystem::read_symlink(resolved, error);
    resolved = resolved.parent_path() / link;
  }
  if (error) return FileError(path, error.value());
  return resolved;
}

Result<std::unique_ptr<data::BatchWriter>> MakeWriter(RowFormat format, data::BatchStream& rows,
                                                      data::TextSink sink) {
  switch (format) {
    case RowFormat::kTable:
      return data::MakeTableWriter(rows.schema(), data::TableOptions(), std::move(sink));
    case RowFormat::kCsv:
      return data::MakeCsvWriter(rows.schema(), std::move(sink));
    case RowFormat::kNdjson:
      return data::MakeNdjsonWriter(rows.schema(), std::move(sink));
    case RowFormat::kParquet:
      break;
  }
  return Status(ErrorClass::kInvalidArgument, "parquet is not a text format");
}

// Returns how many rows there were.
Result<std::int64_t> Copy(const base::Context& context, RowFormat format, data::BatchStream& rows,
                          data::TextSink sink) {
  SPILLWAY_ASSIGN(const auto writer, MakeWriter(format, rows, std::move(sink)));
  std::int64_t count = 0;
  while (true) {
    SPILLWAY_ASSIGN(const std::optional<data::Batch> batch, rows.Next(context));
    if (!batch) break;
    SPILLWAY_TRY(writer->Write(*batch));
    count += batch->rows();
  }
  SPILLWAY_TRY(writer->Finish());
  return count;
}

// Writes text into the open `descriptor` of `path`, and closes it.
Result<std::int64_t> CopyInto(const base::Context& context, RowFormat format,
                              data::BatchStream& rows, int descriptor, const std::string& path) {
  std::FILE* file = fdopen(descriptor, "wb");
  if (file == nullptr) {
    close(descriptor);
    return FileError(path, errno);
  }
  Result<std::int64_t> count = Copy(context, format, rows, data::FileSink(file, path));
  if (std::fclose(file) != 0 && count.ok()) return FileError(path, errno);
  return count;
}

// A file beside `path`, without a name or of one that nobody else uses; gone unless it took
// `path`'s place.
class FileBeside {
 public:
  explicit FileBeside(const filesystem::path& path)
      : path_(path.string()),
        beside_((path.parent_path() / ("." + path.filename().string().substr(0, kNameBytes) + "." +
                                       base::NewUuid() + ".partial"))
                    .string()) {}
  ~FileBeside() {
    if (unnamed_ >= 0) close(unnamed_);
    if (is_there_) std::remove(beside_.c_str());
  }
  FileBeside(const FileBeside&) = delete;
  FileBeside& operator=(const FileBeside&) = delete;

  const std::string& name() const { return beside_; }

  /// Makes the file, which has no name until it takes `path`'s place where the file system can
  /// make such: then nothing is left of it when the process is killed. Returns a descriptor, which
  /// becomes the caller's; negative with errno when it cannot be made.
  int Make() {
    const bool can_be_linked = access("/proc/self/fd", X_OK) == 0;
    const std::string folder = filesystem::path(path_).parent_path().string();
    if (can_be_linked) unnamed_ = open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    return unnamed_ >= 0 ? fcntl(unnamed_, F_DUPFD_CLOEXEC, 0) : MakeNamed();
  }

  /// The same, to be written by its name.
  int MakeNamed() {
    const int descriptor = open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    is_there_ = descriptor >= 0;
    return descriptor;
  }

  /// Puts the file in the place of `path`, with the permissions of what was there; false with errno
  /// when it cannot be.
  bool TakePlace() {
    if (unnamed_ >= 0) {
      const std::string file = "/proc/self/fd/" + std::to_string(unnamed_);
      is_there_ = linkat(AT_FDCWD, file.c_str(), AT_FDCWD, beside_.c_str(), AT_SYMLINK_FOLLOW) == 0;
      if (!is_there_) return false;
    }
    struct stat before{};
    if (stat(path_.c_str(), &before) == 0 && chmod(beside_.c_str(), before.st_mode & 07777) != 0) {
      return false;
    }
    is_there_ = std::rename(beside_.c_str(), path_.c_str()) != 0;
    return !is_there_;
  }

 private:
  const std::string path_;
  const std::string beside_;
  int unnamed_ = -1;
  bool is_there_ = false;
};

}  // namespace

Result<RowOutput> RowOutput::To(RowFormat format, const std::string& out) {
  RowOutput output(format, out);
  if (out.empty()) {
    if (format != RowFormat::kParquet) return output;
    return Status(ErrorClass::kInvalidArgument, "--format parquet wants --out FILE");
  }
  std::error_code ignored;
  // A pipe may be known by a link of /proc alone, which leads to no path.
  output.is_special_ = filesystem::is_other(filesystem::status(out, ignored));
  filesystem::path file = filesystem::absolute(out, ignored);
  if (!output.is_special_) {
    SPILLWAY_ASSIGN(file, Resolve(out));
  }
  output.file_ = file.string();
  if (filesystem::is_directory(file, ignored) || !file.has_filename()) {
    return FileError(out, EISDIR);
  }
  if (output.is_special_ && format == RowFormat::kParquet) {
    return Status(ErrorClass::kInvalidArgument,
                  "--format parquet wants a regular file, not " + out);
  }
  if (!filesystem::is_directory(file.parent_path(), ignored)) {
    return Status(ErrorClass::kFileUnusable,
                  "cannot write " + out + ": there is no folder " + file.parent_path().string())
        .With("object", out)
        .Mend("Make the folder: mkdir -p " + file.parent_path().string());
  }
  return output;
}

Status RowOutput::Write(const base::Context& context, service::World& world,
                        std::unique_ptr<data::BatchStream> rows, Console* console) const {
  if (out_.empty()) {
    const auto sink = [console](std::string_view text) {
      console->Out(text);
      return console->Flush();
    };
    return Copy(context, format_, *rows, sink).status();
  }
  std::int64_t count = 0;
  if (is_special_) {
    const int descriptor = open(file_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return FileError(out_, errno);
    SPILLWAY_ASSIGN(count, CopyInto(context, format_, *rows, descriptor, out_));
  } else {
    FileBeside beside(file_);
    const int descriptor = format_ == RowFormat::kParquet ? beside.MakeNamed() : beside.Make();
    if (descriptor < 0) return FileError(out_, errno);
    if (format_ == RowFormat::kParquet) {
      close(descriptor);
      const auto written = service::ExportParquet(context, world, beside.name(), std::move(rows));
      if (!written.ok()) return InsteadOf(beside.name(), out_, written.status());
      count = *written;
    } else {
      SPILLWAY_ASSIGN(count, CopyInto(context, format_, *rows, descriptor, out_));
    }
    if (!beside.TakePlace()) return FileError(out_, errno);
  }
  console->Note(fmt::format("wrote {} rows to {}", FormatCount(count), out_));
  return Status();
}

}  // namespace spillway::face::cli
