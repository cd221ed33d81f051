"""What single operations do: approvals, releases, what is brought by hand; and limits of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from suture.gateway import samples
from suture.gateway.limits import Allowance, BadLimits, Limits, read_limits
from suture.model import Approval, Case, Money, Person, Policy, Quantity, Ref
from suture.processes.rehearsal import START
from suture.runtime.publish import publish
from suture.views import exceptions, history
from tests.gateway.house import House, body, caller, house

ORDERS = "/api/process/v1/orders"


def opened(test: Callable[[House], Awaitable[None]]) -> None:
    """Run a test in a house of its own."""

    async def run() -> None:
        async with house() as there:
            await test(there)

    asyncio.run(run())


def big() -> tuple[Policy, Person]:
    """A policy that asks a department head for more than 500, and the head."""
    values = {"auto": {"USD": "500"}, "levels": [{"role": "department_head", "limit": {"USD": "10000"}}]}
    effective = START.replace(year=START.year - 1)
    policy = Policy(id="approval_limits", version=2, effective=effective, author="author", approver="controller", values=values)
    return policy, Person(id="head-1", roles=("department_head",))


def answer(by: str, decision: str = "approve") -> Approval:
    """An answer to the first question about the big requisition."""
    return structs.replace(
        samples.APPROVAL, id=f"AP-{by}", request="AR-R-BIG-1", subject=Ref("Requisition", "R-BIG"), approver=by, decision=decision
    )


async def asked(there: House) -> None:
    """A requisition for 800 dollars waits for approval."""
    publish(there.service.wiring, big(), START)
    there.believing.callers["head"] = caller("buyer", subject="head-1")
    line = structs.replace(samples.REQUISITION.lines[0], quantity=Quantity(Decimal(200), "EA"))
    wanted = structs.replace(samples.REQUISITION, id="R-BIG", requester="buyer-1", lines=(line,))
    said = await there.call("buyer", "POST", ORDERS, wanted)
    assert said.status_code == 202, said.text
    await there.service.settle()
    assert (await there.call("buyer", "GET", f"{ORDERS}/PO-R-BIG")).status_code == 404


def test_an_order_over_the_limit_is_ordered_once_somebody_with_authority_approves() -> None:
    async def test(there: House) -> None:
        await asked(there)
        said = await there.call("head", "POST", "/api/process/v1/approvals", answer("head-1"))
        assert said.status_code == 202, said.text
        await there.service.settle()
        assert body(await there.call("buyer", "GET", f"{ORDERS}/PO-R-BIG"))["state"] == "confirmed"

    opened(test)


def test_nobody_answers_for_another_and_no_machine_answers() -> None:
    async def test(there: House) -> None:
        await asked(there)
        forged = await there.call("buyer", "POST", "/api/process/v1/approvals", answer("head-1"))
        assert (forged.status_code, body(forged)["code"]) == (422, "unacceptable")
        there.believing.callers["robot"] = structs.replace(there.believing.callers["head"], kind="machine")
        machine = await there.call("robot", "POST", "/api/process/v1/approvals", answer("head-1"))
        assert machine.status_code == 422

    opened(test)


def test_a_limit_of_the_callers_own_holds_before_the_process_is_asked() -> None:
    async def test(there: House) -> None:
        await asked(there)
        there.believing.callers["small"] = caller("buyer", subject="head-1", limits=(Money(Decimal(700), "USD"),))
        said = await there.call("small", "POST", "/api/process/v1/approvals", answer("head-1"))
        assert (said.status_code, body(said)["code"]) == (403, "forbidden")
        assert "over your limit" in body(said)["detail"]

    opened(test)


def test_who_approves_orders_releases_no_payment() -> None:
    async def test(there: House) -> None:
        release = structs.replace(answer("head-1"), request="ALDER:71/release/1", subject=Ref("Invoice", "ALDER:71"))
        there.believing.callers["head"] = caller("buyer", subject="head-1")
        assert (await there.call("head", "POST", "/api/process/v1/approvals", release)).status_code == 422
        assert (await there.call("head", "POST", "/api/process/v1/releases", release)).status_code == 403

    opened(test)


def test_what_is_brought_by_hand_is_owed_once_and_the_books_balance() -> None:
    async def test(there: House) -> None:
        path = "/api/system/v1/erp/purchase-order"
        order = structs.replace(samples.ORDER, id="PO-OLD")
        first = await there.call("operator", "POST", path, order, key="b-1")
        assert first.status_code == 202, first.text
        await there.service.settle()
        again = await there.call("operator", "POST", path, order, key="b-1")
        assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
        other = await there.call("operator", "POST", path, samples.ORDER, key="b-1")
        assert body(other)["code"] == "key-reused"
        await there.service.settle()
        assert there.links["erp"].calls["POST"] == 1
        status = body(await there.call("operator", "GET", "/api/process/v1/submissions/b-1"))
        assert [part["source"] for part in status["has"]] == ["erp"]
        journal = there.service.wiring.journal
        assert not exceptions(row for row in history(journal) if isinstance(row.event.data, Case))
        # no process took it for an order of its own
        assert not journal.scan_states("order_to_receipt")

    opened(test)


def test_no_payment_is_brought_by_hand() -> None:
    async def test(there: House) -> None:
        names = {row["name"] for row in body(await there.call("operator", "GET", "/api/operations"))["operations"]}
        assert "erp.bring_purchase_order" in names
        assert not [name for name in names if "payment_instruction" in name]

    opened(test)


# -- limits


def test_limits_of_a_file_replace_what_they_name(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    assert read_limits(path) == Limits()
    path.write_text('body = 1000\n[allowances.bulk]\nrate = 1.0\nburst = 2\n[callers."key/a".bulk]\nrate = 5.0\nburst = 9\n')
    limits = read_limits(path)
    assert (limits.body, limits.unpacked) == (1000, Limits().unpacked)
    assert limits.of("key/a", "bulk") == Allowance(5.0, 9)
    assert limits.of("key/b", "bulk") == Allowance(1.0, 2)
    assert limits.of("key/b", "standard") == Limits().of("key/b", "standard")


@pytest.mark.parametrize("text", ["body = 'x'", "bodies = 1", "[allowances.bulk]\nrate = 0.0\nburst = 2", "= 1"])
def test_limits_that_cannot_be_used_are_told_with_their_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(BadLimits, match=r"gateway\.toml"):
        read_limits(path)


def test_a_trace_tells_which_versions_of_policies_applied() -> None:
    async def test(there: House) -> None:
        await there.buy(1)
        told = body(await there.call("buyer", "GET", "/api/process/v1/trace/PO-R-1"))
        assert {"approval_limits 1", "tolerances 1"} & set(told["policies"]), told["policies"]

    opened(test)
