"""A process that is asked to stop among others: it ends what it has begun, commits it, and its parts are free at once."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.runtime.service import STOP_WITHIN_S
from suture.transports import Http
from tests.cli.test_run import service
from tests.runtime.loopback import Loopback, filed, until, webhook

pytestmark = pytest.mark.postgres
#: On a machine with other work, too: a start publishes master data into PostgreSQL.
PATIENCE_S = 60


def test_asked_to_stop_it_concludes_what_is_under_way_and_leaves(tmp_path: Path, postgres_url: str) -> None:
    async def story() -> None:
        async with Loopback(tmp_path) as house:
            house.erp.latency_s = 1.0
            network = house.write_network()
            journal = open_journal(postgres_url, load_or_create_key(tmp_path / "blobs.key"))
            async with service(network, "--database", postgres_url) as process:
                assert process.stdout is not None
                line = (await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)).decode()
                http = line.split("listening on ")[1].split(",")[0]
                async with webhook(http) as link:
                    assert (await link.perform(Http(method="GET", path="/health/ready"))).status == 200
                    assert (await link.perform(filed(house.requisition(1)))).status == 202
                    await until(lambda: journal.open_deliveries("erp-north", "sending"), "the ERP is spoken to")
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.communicate(), PATIENCE_S)
                assert process.returncode == 0
                took = time.monotonic() - began
            assert house.ordered() == {"REQ-000001": 1}
            assert not [each for each in journal.open_deliveries() if each.status in ("sending", "unknown")], (
                "nothing is in doubt"
            )
            [order] = [each for each in journal.scan_deliveries("erp-north") if type(each.document).__name__ == "PurchaseOrder"]
            assert order.status == "done"
            assert took < STOP_WITHIN_S + 10, "it did not wait for anything else"
            heir = await asyncio.to_thread(journal.beat, "heir", ("worker",), ("clock", "seal", "instance/erp-north"), 3.0)
            assert heir.held == {"clock", "seal", "instance/erp-north"}, "nobody has to wait for its leases"
            assert [name for name, _ in heir.members] == ["heir"]
            journal.close()

    asyncio.run(asyncio.wait_for(story(), 3 * PATIENCE_S))
