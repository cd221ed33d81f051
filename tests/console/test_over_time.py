"""Charts over time, by string: one range for all, the target drawn in, and each outage, pause and change marked with words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec import Struct
from starlette.testclient import TestClient

from suture.console.over_time import course, daily, lasted, spoken, told_marks, trend
from suture.console.times import Times, times_of
from suture.journal import State, Unit
from suture.runtime.breakers import BREAKERS, Trip
from suture.views.marks import Mark
from tests.console.scene import Scene

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
OUTAGE = Mark(kind="outage", text="bank out of reach", at=FIRST + 2 * DAY, until=FIRST + 3 * DAY)
PAUSE = Mark(kind="pause", text="sending to erp paused", at=FIRST + 8 * DAY, until=None)
CHANGE = Mark(kind="change", text="policy tolerances version 2", at=FIRST + 5 * DAY, until=None)
TARGET = Decimal(95)


class Told(Struct, frozen=True):
    day: datetime
    value: Decimal | None


def times(*marks: Mark) -> Times:
    """Ten days, of which nine and a half have passed."""
    return Times(days=0, first=FIRST, last=FIRST + 10 * DAY, now=FIRST + 9.5 * DAY, cut=False, marks=marks, more=False)


def points(*values: int | None) -> list[Told]:
    return [Told(FIRST + index * DAY, None if value is None else Decimal(value)) for index, value in enumerate(values)]


def spans(svg: str, kind: str) -> list[str]:
    return re.findall(rf'<path class="{kind}" d="([^"]+)"', svg)


def read(svg: str) -> Sequence[str]:
    """The titles of a picture, which has to be well formed."""
    return [each.text or "" for each in ElementTree.fromstring(svg).iter("title")]


def test_a_day_stands_where_the_range_says_and_not_where_its_number_says() -> None:
    few = trend(points(90, None, None, 99), TARGET, times(), "Kept")
    assert 'points="12,' in few
    assert re.search(r'points="12,\d+ 84,\d+"', few), "noon of the first and of the fourth of ten days, in 240"


def test_the_target_is_drawn_in_where_no_value_reaches_it() -> None:
    for svg in (trend(points(90, 91), TARGET, times(), "Kept"), course(points(90, 91), TARGET, times(), "Kept", " %")):
        assert 'class="target"' in svg
    assert 'class="target"' not in course(points(90, 91), None, times(), "Kept", "")


def test_marks_stand_in_every_chart_of_the_range_at_the_same_place() -> None:
    range = times(PAUSE, CHANGE, OUTAGE)
    small = trend(points(90, 91), TARGET, range, "Kept"), daily([(FIRST, 3)], range, "Received")
    for svg in small:
        assert spans(svg, "outage") == ["M48.0 0h24.0V56h-24.0z"]
        assert spans(svg, "pause") == ["M192.0 50h36.0V56h-36.0z"], "what lasts is drawn until now, not until tonight"
        assert spans(svg, "change") == ["M120.0 56V6m-3-6h6l-3 6z"]
        assert "1 pause, 1 change, 1 outage" in read(svg)
        assert 'marked: 1 pause, 1 change, 1 outage"' in svg


def test_a_large_chart_says_of_each_mark_and_each_day_what_it_is() -> None:
    titles = read(course(points(90, None, 91), TARGET, times(PAUSE, CHANGE, OUTAGE), "Kept", " %"))
    assert titles == [
        "sending to erp paused, 2026-03-09 00:00 UTC until now",
        "policy tolerances version 2, from 2026-03-06 00:00 UTC",
        "bank out of reach, 2026-03-03 00:00 to 2026-03-04 00:00 UTC",
        "the target, 95",
        "2026-03-01: 90 %",
        "2026-03-03: 91 %",
    ]


def test_a_line_is_told_in_words_where_its_scale_has_no_room() -> None:
    told = spoken(points(90, None, 96, 91), times(), " %")
    assert told == "Between 90 % and 96 % on 3 days; 91 % on 2026-03-04, the last"


def test_what_somebody_has_named_is_text_and_nothing_else() -> None:
    evil = Mark(kind="change", text='policy <script>"&', at=FIRST, until=None)
    svg = course(points(1, 2), None, times(evil), "Kept", "")
    assert "<script" not in svg
    assert lasted(evil) in read(svg)


def test_where_nothing_is_told_nothing_is_drawn() -> None:
    assert not trend(points(90), TARGET, times(OUTAGE), "Kept")
    assert not course(points(None, None), TARGET, times(OUTAGE), "Kept", "")
    assert not daily([(FIRST, 0), (FIRST - DAY, 7)], times(OUTAGE), "Received")
    assert told_marks(()) == ""


# -- on the pages


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Somebody who looks at the house in which a counterpart was out of reach."""
    scene = Scene(tmp_path_factory.mktemp("scene"))
    client = TestClient(scene.app, base_url="http://127.0.0.1", follow_redirects=False)
    client.get(f"/enter/{scene.link()}")
    return client


def test_every_page_with_charts_names_the_outage_of_its_range(client: TestClient) -> None:
    for path in ("/flows", "/slas", "/kpis", "/kpi?name=sla_attainment"):
        page, told = client.get(path).text, client.get(path.replace("?", ".json?") if "?" in path else f"{path}.json").json()
        assert "inventory out of reach, 2026-" in page, path
        assert "Charts run from 2026-" in page
        assert [mark["kind"] for mark in told["times"]["marks"]] == ["outage"]


def test_one_range_in_the_address_holds_for_every_chart_and_goes_along(client: TestClient) -> None:
    ranges = {
        path: client.get(f"{path}.json", params={"days": "7", "name": "sla_attainment"}).json()["times"]
        for path in ("/flows", "/slas", "/kpis", "/kpi")
    }
    [same] = {(told["days"], told["first"], told["last"]) for told in ranges.values()}
    assert same[0] == 7
    page = client.get("/flows?days=7").text
    assert all(f'href="{path}?days=7"' in page for path in ("/kpis", "/slas", "/business"))
    assert client.get("/flows.json?days=8").json()["times"]["days"] == 0, "a range that is not offered is none"


def test_a_breaker_that_is_open_is_an_outage_until_now(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    key = (BREAKERS, "erp")
    known = scene.journal.states([key]).get(key)
    trip = Trip(phase="open", since=scene.clock.now() - timedelta(hours=5), failures=7)
    scene.journal.commit([Unit(states=[State(*key, (known.version if known else 0) + 1, msgspec.json.encode(trip))])])
    with scene.desk.ask({}) as ask, ask.figures() as kept:
        marks = times_of(ask, kept).marks
    assert [(mark.text, mark.until) for mark in marks if "breaker" in mark.text] == [("breaker of erp open", None)]
