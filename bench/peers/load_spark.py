"""Spark: its Delta source, its JDBC sink with batches rewritten into multi-row inserts, two tasks.

SPARK_JARS names the folder that spark-jars.pom.xml was resolved into.
"""

import glob
import os
from urllib.parse import urlsplit

import pyspark
from pyspark.sql import SparkSession, functions

from task import Task


def main() -> None:
    task = Task()
    jars = sorted(glob.glob(os.path.join(os.environ["SPARK_JARS"], "*.jar")))
    spark = (
        SparkSession.builder.master("local[2]")
        .appName("bench")
        .config("spark.jars", ",".join(jars))
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config(
            "spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )
        .config("spark.driver.memory", "4g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.local.dir", task.folder)
        .config("spark.sql.warehouse.dir", os.path.join(task.folder, "warehouse"))
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    server = urlsplit(task.url)
    with task.clock():
        task.create_table()
        frame = spark.read.format("delta").load(task.source).select(*task.names)
        for name in task.json_columns:
            frame = frame.withColumn(name, functions.to_json(functions.col(name)))
        if frame.rdd.getNumPartitions() < 2:
            frame = frame.repartition(2)
        # stringtype=unspecified lets the server turn JSON text into jsonb.
        jdbc = f"jdbc:postgresql://{server.hostname}:{server.port}{server.path}"
        frame.write.format("jdbc").options(
            url=f"{jdbc}?reWriteBatchedInserts=true&stringtype=unspecified",
            dbtable=task.table,
            user=server.username,
            password=server.password,
            driver="org.postgresql.Driver",
            batchsize="10000",
            numPartitions="2",
        ).mode("append").save()
        task.add_key()
    task.cpu = None  # the work is the JVM's, which this process does not wait for
    task.done(f"Spark {pyspark.__version__}")
    spark.stop()


main()
