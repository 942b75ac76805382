#ifndef SPILLWAY_DATA_TYPE_TEXT_H_
#define SPILLWAY_DATA_TYPE_TEXT_H_

#include <optional>
#include <string>
#include <string_view>

#include "data/schema.h"

/// Spark's spellings of types, as they stand in Delta schemas. Any thread.
namespace spillway::data {

/// The type that a Delta schema's primitive name denotes: long, decimal(10,2), varchar(3), interval
/// day to second … Nothing for a name that is none. A decimal's precision and scale are not checked
/// here.
std::optional<Type> ParsePrimitiveName(std::string_view name);

/// Delta's name of a type that is not nested: long, decimal(10,2); char(n) and varchar(n) are
/// string. A nested one as Type::ToString has it.
std::string DeltaName(const Type& type);

/// Takes the lengths of char(n) and varchar(n) from `spelling` (the metadata value
/// __CHAR_VARCHAR_TYPE_STRING: Spark's catalog string of the whole type) over into the strings of
/// `type`. Parts of a spelling that do not fit the type are passed over: lengths constrain writers,
/// and never change what a value reads as.
void ApplyCharLengths(std::string_view spelling, Type* type);

}  // namespace spillway::data

#endif  // SPILLWAY_DATA_TYPE_TEXT_H_
