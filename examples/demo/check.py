"""Compares the keys in PostgreSQL (one a line) with those that delta-rs reads from the Delta table.

usage: check.py TABLE KEYS
"""

import sys

from deltalake import DeltaTable
from pyarrow import parquet


def main() -> int:
    table, keys_file = sys.argv[1:]
    # File by file: a dataset of delta-rs leaves threads behind that abort the program at its end.
    files = DeltaTable(table).file_uris()
    keys = [parquet.read_table(file, columns=["product_id"])["product_id"] for file in files]
    expected = sorted(key.as_py() for column in keys for key in column)
    with open(keys_file) as file:
        found = [int(line) for line in file]
    if found != expected:
        print(f"DIFFERENT: {len(found)} keys in PostgreSQL, {len(expected)} in the Delta table")
        return 1
    print(f"equal: {len(found)} rows, every key once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
