"""The count finds what is lost and what is doubled; a proof that cannot fail proves nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prove.count import count
from prove.house import House, twice
from prove.service import serving
from suture.sandbox.twins.erp import Booked


def test_a_promise_that_nobody_kept_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        async with House(tmp_path, seed=1, load=4) as house:
            async with serving(house.write_network()) as service:
                await asyncio.wait_for(house.first_yes(), 20)
                house.load = 0
                await service.stopped()
            house.accepted["00" * 32] = 0.0
            erp = house.stage.erps["erp-north"]
            erp.entries += [Booked(number="1", reference="E-1", body={}), Booked(number="2", reference="E-1", body={})]
            counted = await count(house, "")
            assert any("000000000000" in lost for lost in counted.lost)
            assert counted.doubled == ("erp-north E-1",)
            assert counted.sound
            assert not counted.held

    asyncio.run(asyncio.wait_for(story(), 120))


def test_a_file_that_the_bank_has_seen_counts_as_doubled(tmp_path: Path) -> None:
    house = House(tmp_path, seed=1, load=0)
    house.stage.bank.duplicates = 1
    assert len(twice(house.stage)) == 1
