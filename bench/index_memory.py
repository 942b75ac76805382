"""How much memory a sort of an index build wants: the primary key of the narrow table, made again and
again with different settings, in alternating rounds. `ROWS=4000000 bench/run index_memory.py` runs it.

Prints seconds (minimum and median) and the CPU seconds of the machine, per setting.
"""

import statistics
import time

import contest
import data
import measure
import run
from cluster import Cluster

# maintenance_work_mem in MiB, max_parallel_maintenance_workers
SETTINGS = ((512, 2), (256, 2), (96, 2), (512, 1), (64, 1), (1500, 1), (1500, 0), (32, 0))


def busy_seconds() -> float:
    return sum(every - idle for every, idle in measure.core_times()) / measure.TICK


def main() -> None:
    shape = data.SHAPES["narrow"]
    rows, rounds = run.number("ROWS", shape.rows), run.number("RUNS", 5)
    source = data.make(shape.name, rows)
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {pair: [] for pair in SETTINGS}
    with Cluster() as cluster:
        encoded = contest.capture(cluster, shape, rows, source)
        contest.reset(cluster)
        contest.run_floor(cluster, run.floor_program(), shape, encoded, 2)
        with cluster.connect() as connection:
            connection.autocommit = True
            for _ in range(rounds):
                for memory, workers in SETTINGS:
                    drop = f"ALTER TABLE {contest.TABLE} DROP CONSTRAINT IF EXISTS loaded_pkey"
                    connection.execute(drop)
                    connection.execute("CHECKPOINT")
                    connection.execute(f"SET maintenance_work_mem = '{memory}MB'")
                    connection.execute(f"SET max_parallel_maintenance_workers = {workers}")
                    busy, begin = busy_seconds(), time.monotonic()
                    add = f"ADD CONSTRAINT loaded_pkey PRIMARY KEY ({data.KEY})"
                    connection.execute(f"ALTER TABLE {contest.TABLE} {add}")
                    seconds = time.monotonic() - begin
                    taken[memory, workers].append((seconds, busy_seconds() - busy))
    print(f"primary key over {rows:,} rows, {rounds} rounds")
    print("memory MiB  workers  min s  median s  CPU s")
    for (memory, workers), runs in taken.items():
        seconds = [each[0] for each in runs]
        cpu = statistics.median(each[1] for each in runs)
        middle = statistics.median(seconds)
        print(f"{memory:10}  {workers:7}  {min(seconds):5.2f}  {middle:8.2f}  {cpu:5.2f}")


if __name__ == "__main__":
    main()
