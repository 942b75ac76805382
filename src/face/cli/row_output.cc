#include "face/cli/row_output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "data/batch_writer.h"

namespace spillway::face::cli {
namespace {

using base::ErrorClass;
using base::Result;
using base::Status;

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

Status Copy(const base::Context& context, RowFormat format, data::BatchStream& rows,
            data::TextSink sink) {
  SPILLWAY_ASSIGN(const auto writer, MakeWriter(format, rows, std::move(sink)));
  while (true) {
    SPILLWAY_ASSIGN(const std::optional<data::Batch> batch, rows.Next(context));
    if (!batch) return writer->Finish();
    SPILLWAY_TRY(writer->Write(*batch));
  }
}

Status FileError(const std::string& what, const std::string& path) {
  const int cause = errno;
  return Status(cause == ENOSPC ? ErrorClass::kStoreNoSpace : ErrorClass::kFileUnusable,
                what + " " + path + ": " + std::strerror(cause))
      .With("object", path);
}

// Writes straight into a pipe or a device, whose place no file may take.
Status WriteSpecial(const base::Context& context, RowFormat format, data::BatchStream& rows,
                    const std::string& out) {
  std::FILE* file = std::fopen(out.c_str(), "wb");
  if (file == nullptr) return FileError("cannot write", out);
  Status status = Copy(context, format, rows, data::FileSink(file, out));
  if (std::fclose(file) != 0 && status.ok()) status = FileError("cannot write", out);
  return status;
}

// Writes beside `out` and puts the file in its place at the end, so that nobody sees half of it.
Status WriteFile(const base::Context& context, RowFormat format, data::BatchStream& rows,
                 const std::string& out) {
  const std::string beside = out + ".partial";
  std::FILE* file = std::fopen(beside.c_str(), "wb");
  if (file == nullptr) return FileError("cannot write", beside);
  Status status = Copy(context, format, rows, data::FileSink(file, out));
  if (std::fclose(file) != 0 && status.ok()) status = FileError("cannot write", beside);
  if (status.ok() && std::rename(beside.c_str(), out.c_str()) != 0) {
    status = FileError("cannot put the file in place:", out);
  }
  if (!status.ok()) std::remove(beside.c_str());
  return status;
}

}  // namespace

bool IsSpecialFile(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  return std::filesystem::is_other(status);
}

Status WriteRows(const base::Context& context, RowFormat format, data::BatchStream& rows,
                 const std::string& out, Console* console) {
  if (out.empty()) {
    return Copy(context, format, rows, data::FileSink(console->out(), "standard output"));
  }
  if (IsSpecialFile(out)) return WriteSpecial(context, format, rows, out);
  return WriteFile(context, format, rows, out);
}

}  // namespace spillway::face::cli
