"""polars: read_delta, then write_database with its ADBC engine."""

import json

import polars as pl

from task import Task


def main() -> None:
    task = Task()
    schema, _, table = task.table.partition(".")
    with task.clock():
        task.create_table()
        frame = pl.read_delta(task.source)
        if not task.json_columns:
            frame.select(task.names).write_database(
                task.table, task.url, engine="adbc", if_table_exists="append"
            )
        else:
            # polars has no map (it reads a list of key and value), nor a jsonb to write.
            converted = []
            for name in task.json_columns:
                kind = frame.schema[name]
                if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
                    column = pl.Series(
                        name,
                        [
                            json.dumps({entry["key"]: entry["value"] for entry in entries})
                            for entries in frame[name].to_list()
                        ],
                    )
                elif isinstance(kind, pl.List):
                    column = pl.Series(name, [json.dumps(value) for value in frame[name].to_list()])
                else:
                    column = frame[name].struct.json_encode().alias(name)
                converted.append(column)
            stage = f"{schema}.{table}_text"
            frame.with_columns(converted).select(task.names).write_database(
                stage, task.url, engine="adbc", if_table_exists="replace"
            )
            selected = ", ".join(
                f"{name}::jsonb" if name in task.json_columns else name for name in task.names
            )
            task.execute(
                f"INSERT INTO {task.table} SELECT {selected} FROM {stage}", f"DROP TABLE {stage}"
            )
        task.add_key()
    task.done(f"polars {pl.__version__}")


main()
