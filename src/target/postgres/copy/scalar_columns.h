#ifndef SPILLWAY_TARGET_POSTGRES_COPY_SCALAR_COLUMNS_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_SCALAR_COLUMNS_H_

#include <memory>

#include "target/postgres/copy/column_encoder.h"

namespace spillway::target::postgres {

/// Encoders of booleans, numbers, dates, timestamps and intervals. nullptr when `target` does not
/// store such a source.
std::unique_ptr<ColumnEncoder> MakeScalarColumn(const data::Type& source,
                                                const PostgresType& target);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_SCALAR_COLUMNS_H_
