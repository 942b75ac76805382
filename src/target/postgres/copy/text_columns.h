#ifndef SPILLWAY_TARGET_POSTGRES_COPY_TEXT_COLUMNS_H_
#define SPILLWAY_TARGET_POSTGRES_COPY_TEXT_COLUMNS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "target/postgres/copy/column_encoder.h"
#include "target/postgres/copy/json_syntax.h"

namespace spillway::target::postgres {

/// Encoders of strings and binary values as text, varchar, char, bytea, uuid, json and jsonb.
/// nullptr when `target` does not store such a source.
std::unique_ptr<ColumnEncoder> MakeTextColumn(const data::Type& source, const PostgresType& target);

/// Rows from `first`, at most `count` and at least one, whose bytes are at most kPreparedBytes.
std::int64_t RowsWithinBudget(const std::int32_t* offsets, std::int64_t count);

/// What keeps `text` out of a PostgreSQL string; nothing when it can be stored.
std::optional<BadValue> CheckText(std::string_view text);

/// What keeps `text` out of a json or jsonb column.
std::optional<BadValue> CheckDocument(std::string_view text, JsonTarget target);

/// Refuses a field that is longer than the server takes.
std::optional<BadValue> CheckFieldSize(std::size_t bytes);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_COPY_TEXT_COLUMNS_H_
