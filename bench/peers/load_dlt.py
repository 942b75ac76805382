"""dlt: delta-rs batches as the resource, its Postgres destination (CSV COPY), then the key.

dlt makes its own table; its types are compared with the floor's by the caller. Nested columns reach it
as JSON text with a `json` hint, which it stores as jsonb.
"""

import json
import os

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import deltalake
import dlt
import pyarrow as pa
from dlt.destinations import postgres

from task import Task


def with_json_text(batch, names: list[str]):
    for name in names:
        index = batch.schema.get_field_index(name)
        values = batch.column(index).to_pylist(maps_as_pydicts="strict")
        text = pa.array([None if v is None else json.dumps(v) for v in values], pa.string())
        batch = batch.set_column(index, name, text)
    return batch


def main() -> None:
    task = Task()
    schema, _, table = task.table.partition(".")
    hints = {name: {"data_type": "json"} for name in task.json_columns}

    @dlt.resource(name=table, write_disposition="append", columns=hints)
    def rows():
        for batch in deltalake.DeltaTable(task.source).to_pyarrow_dataset().to_batches():
            if batch.num_rows:
                yield pa.Table.from_batches([with_json_text(batch, task.json_columns)])

    with task.clock():
        pipeline = dlt.pipeline(
            pipeline_name="bench",
            pipelines_dir=task.folder,
            destination=postgres(credentials=task.url),
            dataset_name=schema,
        )
        pipeline.run(rows())
        task.add_key()
    # dlt keeps tables of its own beside the data; they are no part of the comparison.
    task.execute(
        *(
            f"DROP TABLE IF EXISTS {schema}._dlt_{name}"
            for name in ("loads", "pipeline_state", "version")
        )
    )
    task.done(f"dlt {dlt.__version__}")


main()
