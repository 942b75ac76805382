"""Compares the keys in PostgreSQL (one a line) with those that delta-rs reads from the Delta table.

usage: check.py TABLE KEYS
"""

import sys

from deltalake import DeltaTable


def main() -> int:
    table, keys_file = sys.argv[1:]
    expected = sorted(DeltaTable(table).to_pyarrow_table(columns=["product_id"])["product_id"].to_pylist())
    with open(keys_file) as file:
        found = [int(line) for line in file]
    if found != expected:
        print(f"DIFFERENT: {len(found)} keys in PostgreSQL, {len(expected)} in the Delta table")
        return 1
    print(f"equal: {len(found)} rows, every key once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
