"""ADBC's PostgreSQL driver (binary COPY), fed by delta-rs through its pyarrow dataset, as a stream."""

import json

import adbc_driver_postgresql.dbapi
import deltalake
import pyarrow as pa

from task import Task


def with_json_text(batches, names: list[str]):
    """Nested columns as JSON text: Arrow has no such kernel, so Python's own encoder does it."""
    for batch in batches:
        for name in names:
            index = batch.schema.get_field_index(name)
            column = batch.column(index)
            values = column.to_pylist(maps_as_pydicts="strict")
            text = pa.array([None if v is None else json.dumps(v) for v in values], pa.string())
            batch = batch.set_column(index, name, text)
        yield batch


def main() -> None:
    task = Task()
    schema, _, table = task.table.partition(".")
    with task.clock():
        task.create_table()
        stage = f"{table}_text" if task.json_columns else table
        if task.json_columns:
            columns = ", ".join(
                f"{name} {'text' if name in task.json_columns else kind}"
                for name, kind in task.columns
            )
            task.execute(f"CREATE TABLE {schema}.{stage} ({columns})")
        dataset = deltalake.DeltaTable(task.source).to_pyarrow_dataset()
        batches = dataset.to_batches()
        if task.json_columns:
            batches = with_json_text(batches, task.json_columns)
            fields = [
                pa.field(f.name, pa.string()) if f.name in task.json_columns else f
                for f in dataset.schema
            ]
            reader = pa.RecordBatchReader.from_batches(pa.schema(fields), batches)
        else:
            reader = dataset.scanner().to_reader()
        with adbc_driver_postgresql.dbapi.connect(task.url) as connection:
            with connection.cursor() as cursor:
                cursor.adbc_ingest(stage, reader, mode="append", db_schema_name=schema)
            connection.commit()
        if task.json_columns:
            # The driver writes text where the column is jsonb, which the server refuses: it converts.
            selected = ", ".join(
                f"{name}::jsonb" if name in task.json_columns else name for name in task.names
            )
            task.execute(
                f"INSERT INTO {task.table} SELECT {selected} FROM {schema}.{stage}",
                f"DROP TABLE {schema}.{stage}",
            )
        task.add_key()
    task.done(
        f"adbc-driver-postgresql {adbc_driver_postgresql.__version__}, "
        f"deltalake {deltalake.__version__}"
    )


main()
