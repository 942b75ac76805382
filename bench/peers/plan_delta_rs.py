"""delta-rs planning a full read: the snapshot and the list of its files. Imports are not timed."""

import json
import sys
import time

import deltalake

start = time.monotonic()
table = deltalake.DeltaTable(sys.argv[1])
files = len(table.file_uris())
print(json.dumps({"seconds": time.monotonic() - start, "files": files}))
