"""DuckDB: its delta extension reads, its postgres extension writes (binary COPY)."""

import glob
import site

import duckdb

from task import Task


def extension(name: str) -> str:
    pattern = f"duckdb_extension_{name}/extensions/*/{name}.duckdb_extension"
    return glob.glob(f"{site.getsitepackages()[0]}/{pattern}")[0]


def main() -> None:
    task = Task()
    config = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    connection = duckdb.connect(config=config)
    for name in ("delta", "postgres_scanner"):
        connection.execute(f"LOAD '{extension(name)}'")
    selected = ", ".join(
        f"to_json({name})" if name in task.json_columns else name for name in task.names
    )
    with task.clock():
        task.create_table()
        connection.execute(f"ATTACH '{task.url}' AS target (TYPE postgres)")
        connection.execute(
            f"INSERT INTO target.{task.table} SELECT {selected} FROM delta_scan('{task.source}')"
        )
        task.add_key()
    task.done(f"DuckDB {duckdb.__version__}")


main()
