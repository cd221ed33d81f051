"""What runs, on its pages: every number opens exactly what it counts, and equals a count that somebody else makes."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from suture.cli import main
from suture.model import Decided, Delivered, MessageReceived
from suture.views.events import history
from tests.console.conftest import Opened


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
