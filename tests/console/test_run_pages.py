"""What runs, on its pages: every number opens exactly what it counts, and equals a count that somebody else makes."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from suture.cli import main
from suture.model import Decided, Decision, Delivered, MessageReceived, Ref
from suture.runtime.alerts import Alerting
from suture.runtime.network import Alert, Instance, Network
from suture.runtime.pauses import pauses
from suture.runtime.wiring import Wiring
from suture.views.events import history
from tests.console.conftest import Opened
from tests.console.scene import Scene


def five(client: TestClient) -> dict[tuple[str, str], dict[str, int]]:
    return {(flow["instance"], flow["channel"]): flow for flow in client.get("/flows.json").json()["flows"]}


def test_the_five_numbers_are_a_recount_of_the_journal(client: TestClient, opened: Opened) -> None:
    rows = [row.event for row in history(opened.journal)]
    messages = [each.data for each in rows if isinstance(each.data, MessageReceived)]
    received = Counter((message.instance, message.channel) for message in messages)
    told = five(client)
    assert {way: flow["received"] for way, flow in told.items() if flow["received"]} == dict(received)
    assert sum(flow["filtered"] for flow in told.values()) == sum(opened.journal.repeats().values()) > 0
    done = {each.data.delivery for each in rows if isinstance(each.data, Delivered) and each.data.outcome == "done"}
    assert sum(flow["sent"] for flow in told.values()) == len(done)
    owed = {debt.delivery for each in rows if isinstance(each.data, Decided | MessageReceived) for debt in each.data.owes}
    assert sum(flow["queued"] for flow in told.values()) == len(owed - done)


def test_each_of_the_five_numbers_opens_what_it_counts(client: TestClient) -> None:
    page = client.get("/flows").text
    links = [unescape(link) for link in re.findall(r'href="(/flows\?[^"]+)"', page)]
    assert links
    for link in links[:12]:
        behind = client.get(link.replace("/flows?", "/flows.json?")).json()["behind"]
        count, rows, skip = behind["flow"][behind["which"]], list(behind["rows"]), behind["more"]
        while skip:
            more = client.get(f"{link.replace('/flows?', '/flows.json?')}&skip={skip}").json()["behind"]
            rows, skip = rows + more["rows"], more["more"]
        counted = sum(row["again"] for row in rows) if behind["which"] == "filtered" else len(rows)
        assert counted == count


def test_legs_add_up_to_their_flow(client: TestClient) -> None:
    for (instance, channel), flow in five(client).items():
        behind = client.get("/flows.json", params={"instance": instance, "channel": channel}).json()["behind"]
        for name in ("queued", "sent"):
            assert sum(leg[name] for leg in behind["legs"]) == flow[name]


def test_a_way_in_that_does_not_exist_is_met_with_those_that_do(client: TestClient) -> None:
    answer = client.get("/flows?instance=nobody&channel=x")
    assert answer.status_code == 404
    assert "procurement" in answer.text


@pytest.mark.parametrize("query", ["", "facility=NSH", "supplier=ALDER&days=0", "stage=ordering"])
def test_tiles_say_what_the_command_says(
    query: str, client: TestClient, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    tiles = [tile for group in client.get(f"/kpis.json?{query}").json()["groups"] for tile in group["tiles"]]
    options = [part for pair in query.split("&") if pair for part in (f"--{pair.split('=')[0]}", pair.split("=")[1])]
    place = str(opened.desk.books.parent)
    with pytest.raises(SystemExit):
        main(["kpis", "-j", place, "--at", "2026-03-20T12:00", "--json", "-", *options])
    said = msgspec.json.decode(capsys.readouterr().out)
    assert {tile["name"]: tile["figures"] for tile in tiles} == {name: told["figures"] for name, told in said.items()}
    assert len(tiles) == len(said) > 10


def test_a_tile_opens_into_parts_that_add_up_and_into_documents(client: TestClient) -> None:
    one = client.get("/kpi.json?name=sla_attainment&which=all").json()
    [figure] = one["tile"]["figures"]
    assert {split["by"] for split in one["splits"]} == {"facility", "supplier", "stage", "kind"}
    for split in one["splits"]:
        assert sum(each["number"] for part in split["parts"] for each in part["figures"]) == figure["number"]
    for row in one["behind"][:3]:
        assert client.get("/documents", params={"id": row["about"]}).status_code == 200


def test_a_narrowed_tile_narrows_its_documents(client: TestClient) -> None:
    one = client.get("/kpi.json?name=order_to_receipt&which=all&facility=NSH").json()
    [figure] = one["tile"]["figures"]
    assert {row["facility"] for row in one["behind"]} == {"NSH"}
    assert figure["number"] == len(one["behind"]) < 26


def test_service_levels_are_the_kpis_figures(client: TestClient) -> None:
    flows = client.get("/slas.json").json()["flows"]
    [figure] = client.get("/kpi.json?name=sla_attainment").json()["tile"]["figures"]
    assert sum(flow["number"] for flow in flows) == figure["number"]
    assert sum(flow["kept"] for flow in flows) == float(figure["sum"])


def test_every_conversation_stands_in_one_phase_of_its_process(client: TestClient, opened: Opened) -> None:
    for process in client.get("/processes.json").json()["processes"]:
        states = 0
        after = ""
        while page := opened.journal.scan_states(process["name"], after, 500):
            states, after = states + len(page), page[-1].key
        assert process["total"] == states == sum(phase["number"] for phase in process["phases"]) + process["elsewhere"]


def test_a_phase_opens_who_stands_in_it(client: TestClient) -> None:
    page = unescape(client.get("/processes").text)
    links = re.findall(r'href="(/processes\?[^"]+)" aria-label="([\d,]+) ', page)
    assert links
    for link, count in links[:6]:
        behind: dict[str, Any] = client.get(link.replace("/processes?", "/processes.json?")).json()["behind"]
        assert behind["number"] == int(count.replace(",", ""))
        assert len(behind["rows"]) == min(behind["number"], 30)
    assert client.get("/processes?process=nothing&phase=x").status_code == 404


def test_the_catalogue_opens_every_entry(client: TestClient) -> None:
    counts = client.get("/catalogue.json").json()["counts"]
    assert set(counts) == {"systems", "formats", "processes", "events", "kpis"}
    for kind, count in counts.items():
        entries = client.get(f"/catalogue.json?kind={kind}").json()["entries"]
        assert len(entries) == count > 0
        for entry in (entries[0], entries[-1]):
            one = client.get("/catalogue.json", params={"kind": kind, "name": entry["name"]}).json()["one"]
            assert one["facts"]
            assert one["version"]
    assert client.get("/catalogue?kind=none").status_code == client.get("/catalogue?kind=systems&name=none").status_code == 404


def test_no_sample_of_an_event_holds_what_never_leaves(client: TestClient) -> None:
    payment = client.get("/catalogue.json?kind=events&name=suture.payment_instruction").json()["one"]
    assert "creditor" in dict(payment["facts"])["Never leaves"]
    assert "creditor" not in payment["sample"]


# -- systems and what one may decide about them


@pytest.fixture
def declared(opened: Opened) -> TestClient:
    """An operator at a console that was given a network file."""
    instances = (
        Instance(name="procurement", system="procurement_rest", role="procurement", address="http://127.0.0.1:1", owner="it"),
    )
    opened.desk.wiring = Wiring(opened.journal, Network(name="day", instances=instances), privacy_key=bytes(32))
    return opened.client("operator")


def hold(client: TestClient, press: str, **other: str) -> Response:
    """Press a button of the system's page."""
    page = client.get("/system?name=procurement").text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page[page.index('action="/hold"') :]))
    return client.post("/hold", data={**form, "verb": press, "reason": "a new release tonight", **other})


def test_systems_are_the_ledgers_and_the_journals(client: TestClient, opened: Opened) -> None:
    systems = client.get("/systems.json").json()["counterparts"]
    assert sum(one["owed"] for one in systems) == client.get("/proof.json").json()["debits"]
    done = [each.event.data for each in history(opened.journal) if isinstance(each.event.data, Delivered)]
    for one in systems:
        assert one["done"] == sum(end.instance == one["name"] and end.outcome == "done" for end in done)
        assert (one["latency"] is not None) == bool(one["done"])


def test_the_use_of_a_quota_is_the_attempts_that_the_deliveries_were_given(opened: Opened) -> None:
    erp = Instance(name="erp-north", system="erp_rest", role="erp", address="http://127.0.0.1:1", rate_per_s=0.5)
    opened.desk.wiring = Wiring(opened.journal, Network(name="day", instances=(erp,)), privacy_key=bytes(32))
    attempts = {row.id: row.attempts for row in opened.journal.scan_deliveries("erp-north", limit=100_000)}
    ended = {id: opened.journal.find(Ref("Delivery", id))[-1].event.at for id in attempts}
    opened.desk.at = at = sorted(ended.values())[len(ended) // 2]
    operator = opened.client("operator")
    quota = operator.get("/system.json?name=erp-north").json()["one"]["quota"]
    ages = {id: at - end for id, end in ended.items() if end <= at}
    assert quota["used"]["day"] == sum(attempts[id] for id, age in ages.items() if age < timedelta(days=1)) > 5
    minute = sum(attempts[id] > 0 for id, age in ages.items() if age < timedelta(minutes=1))
    assert quota["used"]["minute"] == minute > 0
    assert (quota["most"], quota["window_s"], quota["under_way"]) == (1, 2.0, 0)
    drawn = operator.get("/system?name=erp-north").text
    assert f"of 1 in the last 2 s, {minute} of 30 in the last minute" in drawn
    assert f">{minute} of 30</td>" in operator.get("/systems").text


def test_an_operator_pauses_and_resumes_with_a_reason(declared: TestClient, opened: Opened) -> None:
    assert hold(declared, "pause").status_code == 303
    one = declared.get("/system.json?name=procurement").json()
    assert (one["one"]["pause"]["phase"], one["one"]["pause"]["actor"]) == ("paused", "Nia Osei")
    assert [verb["name"] for verb in one["verbs"]] == ["drain", "degrade", "resume"]
    assert [(made["verb"], made["reason"]) for made in one["decided"]] == [("pause", "a new release tonight")]
    assert hold(declared, "resume").status_code == 303
    decisions = [row.event.data for row in history(opened.journal) if isinstance(row.event.data, Decision)]
    assert [(made.subject.id, made.verb) for made in decisions] == [("procurement", "pause"), ("procurement", "resume")]
    assert "procurement" in declared.get("/audit").text or declared.get("/audit").status_code == 403


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"reason": " "}, 422),
        ({"csrf": "x"}, 403),
        ({"verb": "explode"}, 422),
        ({"instance": "nobody"}, 404),
        ({"decision": "x"}, 400),
    ],
)
def test_a_form_that_cannot_be_taken_decides_nothing(
    other: dict[str, str], status: int, declared: TestClient, opened: Opened
) -> None:
    assert hold(declared, "pause", **other).status_code == status
    assert pauses(opened.desk.wiring, ["procurement"]) == {}


def test_a_page_that_is_stale_decides_nothing(declared: TestClient, opened: Opened) -> None:
    page = declared.get("/system?name=procurement").text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page[page.index('action="/hold"') :]))
    assert hold(declared, "pause").status_code == 303
    answer = declared.post("/hold", data={**form, "decision": "f" * 32, "verb": "drain", "reason": "late"})
    assert answer.status_code == 409
    assert pauses(opened.desk.wiring, ["procurement"])["procurement"].phase == "paused"


def test_who_may_not_is_told_why_and_refused(declared: TestClient, opened: Opened) -> None:
    viewer = opened.client("viewer")
    page = viewer.get("/system?name=procurement").text
    assert page.count(' disabled aria-describedby="does-') == 3
    assert hold(viewer, "pause").status_code == 403
    assert pauses(opened.desk.wiring, ["procurement"]) == {}


def test_without_a_network_file_nothing_is_held_back(opened: Opened) -> None:
    page = opened.client("operator").get("/system?name=procurement").text
    assert "start the console with --network" in page


# -- incidents


@pytest.fixture
def alerted(opened: Opened) -> TestClient:
    """An operator at a console whose network alerts somebody; everything up to now has been looked at once."""
    alerts = (Alert(name="duty", webhook="http://127.0.0.1:1"),)
    opened.desk.wiring = Wiring(opened.journal, Network(name="day", alerts=alerts), privacy_key=bytes(32))
    looking = Alerting(opened.desk.wiring, {}, opened.clock, directly)
    while looking.look() or looking.behind:
        asyncio.run(looking.once())
    return opened.client("operator")


async def directly(step: Callable[[], Any]) -> Any:
    return step()


def test_incidents_are_one_for_each_cause_and_cover_every_open_exception(alerted: TestClient) -> None:
    open_ones = alerted.get("/incidents.json").json()["open"]
    exceptions = alerted.get("/exceptions.json").json()
    assert len({row["key"] for row in open_ones}) == len(open_ones) < exceptions["count"]
    assert sum(row["count"] for row in open_ones) == exceptions["count"]
    for row in open_ones:
        assert alerted.get(row["link"]).status_code == 200


def test_who_sees_to_an_incident_says_so_with_a_reason(alerted: TestClient, opened: Opened) -> None:
    page = alerted.get("/incidents").text
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page[page.index('action="/acknowledge"') :])[:4])
    assert alerted.post("/acknowledge", data={**form, "reason": ""}).status_code == 422
    assert alerted.post("/acknowledge", data={**form, "reason": "calling them"}).status_code == 303
    row = next(row for row in alerted.get("/incidents.json").json()["open"] if row["key"] == form["incident"])
    assert (row["phase"], row["acknowledged_by"]) == ("acknowledged", "Nia Osei")
    assert opened.client("viewer").post("/acknowledge", data=form).status_code == 403


def test_without_alerts_the_page_says_how_to_have_some(client: TestClient) -> None:
    assert "[[alerts]]" in client.get("/incidents").text


# -- business


@pytest.mark.parametrize("query", ["", "facility=NSH", "supplier=ALDER", "stage=receiving"])
def test_every_open_exception_is_under_one_theme_and_the_sums_reconcile(query: str, client: TestClient, opened: Opened) -> None:
    told = client.get(f"/business.json?{query}").json()
    assert told["count"] == sum(theme["count"] for theme in told["themes"])
    for theme in told["themes"]:
        assert theme["count"] == sum(theme["facilities"].values())
        rows = client.get(f"/business.json?{query}", params={"theme": theme["name"]} if not query else None).json()["rows"]
        assert query or len(rows) == min(theme["count"], 30)
    with opened.desk.ask({}) as ask:
        everything = ask.books.exceptions()
    assert told["count"] == len(everything) if not query else told["count"] <= len(everything)


def test_facilities_add_up_to_the_group(client: TestClient) -> None:
    whole = client.get("/business.json").json()
    each = [client.get("/business.json", params={"facility": name}).json()["count"] for name in whole["facilities"] if name]
    assert sum(each) + sum(theme["facilities"].get("", 0) for theme in whole["themes"]) == whole["count"] > 0


def test_a_breaker_that_is_open_stands_where_one_looks_for_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    breaker = scene.still.delivering.gates["inventory"].breaker
    for _ in range(breaker.trips):
        breaker.end(scene.clock.now(), reached=False)
    scene.settle()
    client = TestClient(scene.app, base_url="http://127.0.0.1", follow_redirects=False)
    client.get(f"/enter/{scene.link()}")
    breakers = {each["name"]: each["breaker"]["phase"] for each in client.get("/systems.json").json()["counterparts"]}
    assert {name for name, phase in breakers.items() if phase == "open"} == {"inventory"}
    drawn = client.get("/system?name=inventory").text
    assert "<dt>Breaker</dt>" in drawn
    assert "failures in a row" in drawn
