#ifndef SPILLWAY_TARGET_POSTGRES_COPY_NESTED_COLUMNS_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_NESTED_COLUMNS_H_

#include <memory>
#include <string>

#include "base/result.h"
#include "target/postgres/copy/column_encoder.h"

namespace spillway::target::postgres {

/// Encoder of arrays, maps, structs and variants as jsonb, json or text: the canonical JSON of
/// docs/formats/json.md. REQUIRES: the type table maps `source` to `target`.
base::Result<std::unique_ptr<ColumnEncoder>> MakeDocumentColumn(const data::Type& source,
                                                                const PostgresType& target,
                                                                const std::string& column,
                                                                const EncodeOptions& options);

/// Encoder of an array as a PostgreSQL array of one dimension; `elements` encodes the element type
/// as `target` without its array mark.
std::unique_ptr<ColumnEncoder> MakeArrayColumn(const PostgresType& target,
                                               std::unique_ptr<ColumnEncoder> elements);

/// Encoder of an array of numbers as vector or halfvec. REQUIRES: the type table maps `source` to
/// `target`.
std::unique_ptr<ColumnEncoder> MakeVectorColumn(const data::Type& source,
                                                const PostgresType& target);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_NESTED_COLUMNS_H_
