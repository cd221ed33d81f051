"""A handful of kills of the real service on SQLite, counted as the long proof counts them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prove.part import Task
from prove.parts.kills import storm


def test_a_few_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    task = Task(share=0.02, folder=tmp_path, tell=lambda line: None)
    seen = asyncio.run(asyncio.wait_for(storm(task, "SQLite", 3, tmp_path / "day", load=3), 120))
    assert seen.counted.trouble() == ()
    assert seen.counted.held
    assert seen.counted.documents > 20, "a storm over nothing proves nothing"
