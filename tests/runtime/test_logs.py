"""Logs: one line for each thing, as text or data, and none of a failure's own words."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import msgspec
import pytest

from suture.runtime.logs import TEXT_MOST, JsonLines, Lines, written

LOG = logging.getLogger("suture.test")


@pytest.fixture(params=["json", "text"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with written(request.param, stream):
        yield stream


def test_a_failure_tells_its_kind_and_place_and_none_of_its_words(log: io.StringIO) -> None:
    try:
        raise ValueError("PID|1||MRN0000001^^^HOSP||GARCIA^ANA")
    except ValueError:
        LOG.exception("intake failed for %s/%s", "ehr", "adt")
    said = log.getvalue()
    assert "intake failed for ehr/adt" in said
    assert "ValueError" in said
    assert not [word for word in ("MRN0000001", "GARCIA", "PID|") if word in said]
    assert said.count("\n") == 1


def test_one_line_stays_one_line_and_has_an_end(log: io.StringIO) -> None:
    LOG.warning("first\nsecond %s", "x" * 10_000)
    [line] = log.getvalue().splitlines()
    assert len(line) < TEXT_MOST + 200


def test_named_arguments_are_data() -> None:
    record = LOG.makeRecord("suture.test", logging.INFO, "f", 1, "operation=%s status=%d ms=%.1f", ("orders", 200, 1.5), None)
    told = msgspec.json.decode(JsonLines().format(record))
    assert told["fields"] == {"operation": "orders", "status": 200, "ms": 1.5}
    assert (told["level"], told["logger"], told["text"]) == ("info", "suture.test", "operation=orders status=200 ms=1.5")
    assert told["at"].endswith("Z")


def test_text_says_when_how_grave_and_who() -> None:
    record = LOG.makeRecord("suture.test", logging.WARNING, "f", 1, "erp: works again", (), None)
    assert Lines().format(record).endswith("Z warning suture.test: erp: works again")


def test_nobody_above_prints_the_words_after_all(log: io.StringIO) -> None:
    above = io.StringIO()
    handler = logging.StreamHandler(above)
    logging.getLogger().addHandler(handler)
    try:
        LOG.warning("for us alone")
    finally:
        logging.getLogger().removeHandler(handler)
    assert above.getvalue() == ""
    assert "for us alone" in log.getvalue()
