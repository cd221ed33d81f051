"""``suture reconcile`` beside a running service, and on the service's own schedule: over sockets, on one SQLite journal."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import structs

from suture.cli.reconcile import _of_suppliers
from suture.model import FieldCompared, Policy, SuppliersCompared, encode
from tests.cli.test_run import ROOT, listening, run, service
from tests.runtime.loopback import Loopback, filed, free_port, until, webhook

ORDERS = 5
AT_ONCE = Policy(
    id="reconciliation",
    version=1,
    effective=datetime(2026, 1, 1, tzinfo=UTC),
    author="author",
    approver="controller",
    values={"grace_minutes": "0", "resends": "100"},
)


async def reconcile(network: Path, *options: str) -> tuple[int, str, str]:
    """The command as a shell runs it: exit code and what it said."""
    command = [sys.executable, "-m", "suture", "reconcile", "erp-north", "--network", str(network), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, out.decode(), err.decode()


async def living(house: Loopback, port: int) -> None:
    """So many requisitions have become orders."""
    async with webhook(f"http://127.0.0.1:{port}") as link:
        for number in range(1, ORDERS + 1):
            assert (await link.perform(filed(house.requisition(number)))).status == 202
    await until(lambda: len(house.dropped()) == ORDERS, "every order at the supplier")


def references(house: Loopback) -> list[str]:
    return sorted(booked.reference for booked in house.erp.orders)


def back(house: Loopback, reference: str) -> bool:
    return reference in references(house)


def prepared(folder: Path) -> Loopback:
    house = Loopback(folder)
    (folder / "masters/reconciliation.json").write_bytes(encode(AT_ONCE))
    return house


def test_it_mends_what_it_may_while_the_service_runs_and_says_what_remains(tmp_path: Path) -> None:
    async def story() -> None:
        async with prepared(tmp_path) as house:
            port = free_port()
            network = house.write_network(port=port)
            async with service(network) as process:
                await listening(process)
                await living(house, port)
                assert (await reconcile(network))[:2] == (0, AGREED)
                lost = house.erp.orders.pop(1).reference
                house.erp.orders.append(structs.replace(house.erp.orders[0], number="4599999999", reference="THEIRS"))
                code, out, err = await reconcile(network, "--dry-run")
                assert (code, err) == (1, "")
                assert f"orders {lost}: missing there" in out
                assert "would be resent" in out
                assert "2 differences" in out
                assert "nothing was changed" in out
                assert lost not in references(house)
                code, out, _ = await reconcile(network, "--json", "-")
                assert code == 1
                assert _done(out) == {lost: "resent", "THEIRS": "raised"}
                await until(lambda: lost in references(house), "the service sent it again")
                code, out, _ = await reconcile(network, "--json", "-")
                assert (code, _done(out)) == (1, {"THEIRS": "open"})
                assert len(house.erp.orders) == ORDERS + 1
                assert process.returncode is None

    run(story())


AGREED = "erp-north: 5 documents compared, both sides agree; 0 in flight, not judged\n"


def _done(out: str) -> dict[str, str]:
    report: dict[str, Any] = json.loads(out)
    return {each["reference"]: each["done"] for each in report["differences"]}


def test_the_service_does_it_by_itself_as_often_as_the_network_file_says(tmp_path: Path) -> None:
    async def story() -> None:
        async with prepared(tmp_path) as house:
            port = free_port()
            address = f'address = "http://127.0.0.1:{house.ports["erp-north"]}"\nsecret = "file:{tmp_path}/secret"'
            network = house.write_network(port=port, erp_north=f"{address}\nreconcile_every_s = 0.2")
            async with service(network) as process:
                await listening(process)
                await living(house, port)
                for _ in range(2):
                    lost = house.erp.orders.pop(1).reference
                    await until(partial(back, house, lost), "it came back by itself")
                assert len(references(house)) == len(set(references(house))) == ORDERS
                await house.close("erp-north")
                await asyncio.sleep(0.5)
                assert process.returncode is None, "a counterpart that is away stops nothing"

    run(story())


def test_what_stands_in_the_way_is_told_with_what_to_do_next(tmp_path: Path) -> None:
    async def story() -> None:
        async with prepared(tmp_path) as house:
            network = house.write_network()
            code, _, err = await reconcile(network)
            assert code == 2
            assert "there is no journal" in err
            async with service(network) as process:
                await listening(process)
            await house.close("erp-north")
            code, out, _ = await reconcile(network)
            assert code == 1
            assert "orders not compared" in out
            network.write_text(network.read_text().replace("erp-north", "erp-south"))
            code, _, err = await reconcile(network)
            assert code == 2
            assert "there is no instance 'erp-north'" in err
            assert "erp-south" in err

    run(story())


def test_it_says_which_suppliers_are_held_otherwise() -> None:
    differing = (
        FieldCompared(field="account", compared=6, differing=("CEDAR",), differences=1),
        FieldCompared(field="tax_id", compared=6, differing=tuple("ABCDEFG"), differences=1007),
        FieldCompared(field="name", compared=6),
    )
    fact = SuppliersCompared(instance="erp", at=AT_ONCE.effective, suppliers=6, fields=differing, missing=("BIRCH",))
    otherwise = "otherwise there: account of CEDAR; tax id of A, B, C, D, E and 1,002 more"
    assert _of_suppliers(fact) == f"6 suppliers compared, {otherwise}, missing there: BIRCH"
    assert _of_suppliers(structs.replace(fact, fields=(), missing=())) == "6 suppliers compared, both sides agree"
