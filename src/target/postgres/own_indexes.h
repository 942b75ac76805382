#ifndef SPILLWAY_TARGET_POSTGRES_OWN_INDEXES_H_
#define SPILLWAY_TARGET_POSTGRES_OWN_INDEXES_H_

#include <string_view>

#include "target/postgres/session/sql.h"

/// Which indexes of a table are Spillway's own, whatever they are called by now and however their
/// storage was tuned: pieces of SQL for those who ask the catalogs.
namespace spillway::target::postgres {

/// An expression: the definition `def` (text, as pg_get_indexdef writes it) without the names of
/// index and table: "UNIQUE USING btree (id) WITH (fillfactor='70')".
Sql UnnamedIndex(SqlText def);
/// Likewise, without storage parameters too: what two indexes have in common that find the same
/// rows in the same way.
Sql IndexForm(SqlText def);

/// A common table expression own_index: the rows of pg_index of the relation in `relation`, an
/// expression of that name with a column oid, that Spillway made, the primary key among them.
/// Beside the columns of pg_index: form (IndexForm); as_published, false when its storage
/// parameters were changed since; untouched, false likewise and when it was renamed. Of several
/// alike no more are Spillway's than `shape` has.
Sql OwnIndexes(SqlText relation, std::string_view shape);

/// An expression: the names of the key columns of index `index`, a row of pg_index, as text[].
Sql KeyColumns(SqlText index);

}  // namespace spillway::target::postgres

#endif  // SPILLWAY_TARGET_POSTGRES_OWN_INDEXES_H_
