"""A million invoice lines against orders and receipts, a million documents against a counterpart's list, beside bare joins."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import ibis

from bench.workload import Figure, Goal, Task, Workload
from suture.rules.match_table import match_table
from suture.rules.reconcile_table import reconcile_table

LINES = 1_000_000
THREADS = 2
_TABLES = ("orders", "receipts", "invoices", "ours", "theirs")
#: One line in twenty-five lacks its goods, one in forty bills too many, one in twenty-five too much, one in thirty a line twice.
_MADE = """
copy (select 'PO-' || (i // 5) as "order", (i % 5 + 1)::int as line, 'ITM-' || (hash(i) % 20000) as item,
             'SUP-' || (hash(i // 5) % 300) as supplier, case when hash(i) % 50 = 0 then 'IMPLANT' else '' end as category,
             false as service, 'USD' as currency, (1 + hash(i * 3) % 100)::decimal(18, 6) as quantity,
             ((100 + hash(i * 7) % 100000) / 100)::decimal(18, 6) as price, 1::decimal(18, 6) as per, false as cancelled
      from range({count}) t(i)) to '{folder}/orders.parquet';
copy (select 'PO-' || (i // 5) as "order", (i % 5 + 1)::int as line,
             ((1 + hash(i * 3) % 100) * case when hash(i * 11) % 20 = 0 then 0.5 else 1 end)::decimal(18, 6) as quantity
      from range({count}) t(i) where hash(i * 5) % 25 <> 0) to '{folder}/receipts.parquet';
copy (select i as position, 'INV-' || (i // 5) as invoice, (i % 5 + 1)::int as line, 'PO-' || (j // 5) as "order",
             (j % 5 + 1)::int as order_line, 'ITM-' || (hash(j) % 20000) as item, 'USD' as currency,
             q::decimal(18, 6) as quantity, p::decimal(18, 6) as price, 1::decimal(18, 6) as per,
             (q * p)::decimal(18, 6) as amount
      from (select i, j, 1 + hash(j * 3) % 100 + case when hash(i * 17) % 40 = 0 then 1 else 0 end as q,
                   ((100 + hash(j * 7) % 100000) / 100)::decimal(18, 2) + case when hash(i * 19) % 25 = 0 then 0.5 else 0 end as p
            from (select i, case when hash(i * 13) % 30 = 0 then hash(i) % {count} else i end as j from range({count}) t(i))))
      to '{folder}/invoices.parquet';
copy (select 'INV-' || i as reference, ((hash(i) % 1000000) / 100)::decimal(18, 6) as amount, 'USD' as currency, 'posted' as state
      from range({count}) t(i)) to '{folder}/ours.parquet';
copy (select 'INV-' || (i + case when hash(i * 23) % 50 = 0 then {count} else 0 end) as reference,
             ((hash(i) % 1000000 + case when hash(i * 29) % 50 = 0 then 1 else 0 end) / 100)::decimal(18, 6) as amount,
             'USD' as currency, 'posted' as state
      from range({count}) t(i)) to '{folder}/theirs.parquet';
"""
_MATCH_JOIN = """
copy (select i.position, i.invoice, i.line, i."order", i.order_line, i.quantity, i.price, i.amount,
             o.quantity as ordered, o.price as order_price, coalesce(r.received, 0) as received
      from '{folder}/invoices.parquet' i
      left join '{folder}/orders.parquet' o on i."order" = o."order" and i.order_line = o.line
      left join (select "order", line, sum(quantity) as received from '{folder}/receipts.parquet' group by all) r
             on i."order" = r."order" and i.order_line = r.line) to '{folder}/joined.parquet'
"""
_LIST_JOIN = """
copy (select coalesce(o.reference, t.reference) as reference, o.amount, t.amount as their_amount, o.state, t.state as their_state
      from '{folder}/ours.parquet' o full outer join '{folder}/theirs.parquet' t on o.reference = t.reference)
      to '{folder}/joined.parquet'
"""


def run(task: Task) -> Iterator[Figure]:
    """Both batches, each in a process of its own, ours and the bare join in turn."""
    folder, count = task.room("tables"), task.of(LINES)
    _apart(made, folder, count)
    for what, ours, join in (("match", _match, _MATCH_JOIN), ("reconciliation", _reconcile, _LIST_JOIN)):
        pairs, peaks = [], []
        for turn in range(task.runs):
            mine, bare = _apart(_timed, ours, folder), _apart(_timed, _bare, folder, join)
            pairs.append((mine[0], bare[0]))
            peaks.append(mine[1])
            task.tell(f"{what} {turn + 1}: {mine[0]:.2f} s, bare join {bare[0]:.2f} s, peak {mine[1]:.0f} MB")
        yield Figure(
            workload=f"{count:,} lines, batch {what}",
            unit="s",
            ours=tuple(mine for mine, _ in pairs),
            baseline=tuple(bare for _, bare in pairs),
            baseline_name="DuckDB, the bare join",
            goal=Goal(bound=2.0, of="ratio", most=True),
            memory_mb=max(peaks),
            note=f"{THREADS} threads; Parquet to Parquet; ours includes building and compiling the query",
        )


def _apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """Done in a fresh process, so that neither memory nor warm caches pass from one to the next."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _timed(work: Callable[..., None], folder: Path, *arguments: Any) -> tuple[float, float]:
    """Seconds, with modules loaded before the clock starts, and the peak of memory in MB."""
    import_module("pyarrow")  # Ibis loads it with its first table, the bare join never does
    engine = ibis.duckdb.connect()
    engine.raw_sql(f"set threads = {THREADS}; set enable_progress_bar = false")
    began = time.perf_counter()
    work(engine, folder, *arguments)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def made(folder: Path, count: int) -> None:
    """Write the five tables as Parquet files."""
    duckdb.execute("set enable_progress_bar = false;" + _MADE.format(folder=folder, count=count))


def _tables(engine: Any, folder: Path, *names: str) -> Iterator[Any]:
    return (engine.read_parquet(folder / f"{name}.parquet") for name in names)


def _match(engine: Any, folder: Path) -> None:
    match_table(*_tables(engine, folder, "orders", "receipts", "invoices")).to_parquet(folder / "matched.parquet")


def _reconcile(engine: Any, folder: Path) -> None:
    reconcile_table(*_tables(engine, folder, "ours", "theirs")).to_parquet(folder / "differences.parquet")


def _bare(engine: Any, folder: Path, join: str) -> None:
    engine.raw_sql(join.format(folder=folder))


WORKLOAD = Workload(name="million_lines", order=90, title="A million lines at once", run=run)
