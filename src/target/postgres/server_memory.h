#ifndef SPILLWAY_TARGET_POSTGRES_SERVER_MEMORY_H_
#define SPILLWAY_TARGET_POSTGRES_SERVER_MEMORY_H_

#include <cstdint>
#include <string_view>

#include "target/postgres/session/sql.h"

/// How much memory of the server a statement takes, until the open transaction ends.
///
/// A B-tree is built from sorted runs. Runs of some 32 MiB stay near a core and are sorted and
/// merged faster than few large ones: bench/index_memory.py. Other methods, and sorts of so much
/// that their runs could not be merged in one pass, get at least what they are granted.
namespace spillway::target::postgres {

/// Memory for index builds of a transaction that makes nothing else meanwhile, in bytes.
inline constexpr std::int64_t kIndexMemory = std::int64_t{256} << 20;

/// True when `clause`, what follows the table in CREATE INDEX, makes a B-tree.
bool IsBtree(std::string_view clause);

/// The statement that sets the memory for a B-tree over rows of `table`; `granted` bytes at least
/// when they are many.
Sql SetSortMemory(const TableName& table, std::int64_t granted);

/// The statement that raises the memory of an index build to `granted` bytes where the server gives
/// less.
Sql RaiseIndexMemory(std::int64_t granted);

/// As RaiseIndexMemory, of each sort and hash table of a query.
Sql RaiseWorkMemory(std::int64_t granted);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_SERVER_MEMORY_H_
