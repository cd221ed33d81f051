"""The match over tables on a Spark cluster of two workers: ``python -m live.spark_match [LINES]``, the same answers as DuckDB's.

Needs pyspark and Java 17; the cluster is Spark's own local-cluster mode, with executors in processes of their own on loopback.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ibis

from bench.workloads.million_lines import made
from suture.rules.match_table import match_table

TABLES = ("orders", "receipts", "invoices")
_COMPARED = "position, outcome, reasons, variance, before"


def main(count: int) -> int:
    """0 if both engines say the same of every line."""
    with tempfile.TemporaryDirectory(prefix="suture-spark-") as name:
        folder = Path(name)
        made(folder, count)
        duck = ibis.duckdb.connect()
        _timed("DuckDB", duck, folder, folder / "duck.parquet")
        cluster = _cluster()
        _timed("Spark, two workers", ibis.pyspark.connect(cluster), folder, folder / "spark")
        cluster.stop()
        differences = _differences(duck, folder)
        sys.stdout.write(f"{count:,} lines, {differences} judged differently\n")
        return 1 if differences else 0


def _cluster() -> Any:
    # the master and both workers stay on loopback, not only the driver
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "8",
        "spark.ui.enabled": "false",
    }
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("suture-match")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _timed(name: str, engine: Any, folder: Path, target: Path) -> None:
    began = time.perf_counter()
    tables = (engine.read_parquet(str(folder / f"{table}.parquet")) for table in TABLES)
    match_table(*tables).to_parquet(str(target))
    sys.stdout.write(f"{name}: {time.perf_counter() - began:.1f} s\n")


def _differences(duck: Any, folder: Path) -> int:
    mine, theirs = f"'{folder}/duck.parquet'", f"'{folder}/spark/*.parquet'"
    either = " union all ".join(
        f"(select {_COMPARED} from {one} except select {_COMPARED} from {other})"
        for one, other in ((mine, theirs), (theirs, mine))
    )
    return int(duck.raw_sql(f"select count(*) from ({either})").fetchone()[0])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
