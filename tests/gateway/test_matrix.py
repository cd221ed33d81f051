"""Every role against every operation, from the declarations alone: who may call what, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from msgspec import structs

from suture.gateway import Access, Caller
from suture.gateway.access import BOUND
from suture.gateway.operation import Operation, operations
from suture.gateway.system_apis import system_apis
from suture.runtime.network import Network
from tests.gateway.house import CALLERS, House, body, house, path_of, query_of
from tests.small_network import SYSTEMS, instances

ACCESS = Access()
DECLARED = operations()
DERIVED = system_apis(Network(name="small", instances=instances()), SYSTEMS)
EVERY = {**DECLARED, **DERIVED}


class Opened:
    """One house for all calls of this file, in a loop of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self.house: House = self.loop.run_until_complete(self._stack.enter_async_context(house()))
        self.run(self.house.buy(1, upto=1))

    def run(self, what: Any) -> Any:
        """Do it in the loop."""
        return self.loop.run_until_complete(what)

    def close(self) -> None:
        """Close the house."""
        self.run(self._stack.aclose())
        self.loop.close()


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    there = Opened()
    yield there
    there.close()


def may(caller: Caller, operation: Operation) -> bool:
    """What the declarations say, in words of their own: the permission is held, and partners stay at their own door."""
    granted = ACCESS.grants(caller.roles)
    resource, _, act = operation.permission.partition(".")
    held = bool(granted & {operation.permission, f"{resource}.*", f"*.{act}", "*.*"})
    bound = bool(caller.supplier) or bool(set(caller.roles) & set(BOUND))
    return held and (not bound or operation.layer == "partner")


@pytest.mark.parametrize("name", EVERY)
def test_every_role_gets_what_its_permissions_say(opened: Opened, name: str) -> None:
    operation = EVERY[name]
    for who, caller in CALLERS.items():
        sample = operation.examples[0].document if operation.examples else None
        said = opened.run(
            opened.house.call(who, operation.method, path_of(operation), sample, params={**query_of(operation), "mock": "true"})
        )
        if may(caller, operation):
            assert "this needs the permission" not in said.text, f"{who} holds {operation.permission}: {said.text}"
            # what fails after the permission fails for other reasons: the document is missing, or is about somebody else
            reasons = (200, 202, 403, 422) if sample is not None or not operation.takes else (400, 403)
            assert said.status_code in reasons, f"{who}: {said.status_code} {said.text}"
        else:
            assert said.status_code == 403, f"{who} may not {name}, and got {said.status_code} {said.text}"
            assert body(said)["code"] == "forbidden"


@pytest.mark.parametrize("name", EVERY)
def test_nobody_without_a_name_gets_anything(opened: Opened, name: str) -> None:
    operation = EVERY[name]
    for headers in ({}, {"x-caller": "somebody-else"}):
        said = opened.run(opened.house.client.request(operation.method, path_of(operation), headers=headers))
        assert said.status_code == 401
        assert said.headers["www-authenticate"]


@pytest.mark.parametrize("name", EVERY)
def test_scopes_narrow(opened: Opened, name: str) -> None:
    """Who holds the permission and offers a credential for something else only is refused."""
    operation = EVERY[name]
    for who, caller in CALLERS.items():
        if may(caller, operation):
            opened.house.believing.callers["narrow"] = structs.replace(caller, scopes=("nothing.here",))
            said = opened.run(opened.house.call("narrow", operation.method, path_of(operation), params={"mock": "true"}))
            assert said.status_code == 403, f"{who} with another scope got {said.status_code} from {name}"


def test_every_role_can_do_something_and_no_one_everything() -> None:
    for who, caller in CALLERS.items():
        able = {name for name, operation in EVERY.items() if may(caller, operation)}
        assert able != set(EVERY), f"{who} may do everything"
        assert able or who in ("nobody", "analyst"), f"{who} may do nothing here"


def test_what_a_caller_is_told_of_is_what_it_may_call(opened: Opened) -> None:
    for who, caller in CALLERS.items():
        said = opened.run(opened.house.call(who, "GET", "/api/operations"))
        told = {row["name"] for row in body(said)["operations"]}
        assert told == {name for name, operation in EVERY.items() if may(caller, operation)}, who
