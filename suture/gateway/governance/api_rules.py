"""What the linter asks of operations: whoever calls one today can call it tomorrow, until its version ends as announced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from suture.gateway.operation import Operation
from suture.model import Finding
from suture.model.schema import Change, Unversioned, compare

#: The file of what was promised, among the published schemas.
LOCK = "operations.json"


def promise(operations: Iterable[Operation]) -> dict[str, Any]:
    """What callers rely on: where an operation is, what it takes and gives, and with which permission."""
    chosen = sorted((each for each in operations if each.state != "experimental"), key=lambda each: each.name)
    kinds = dict.fromkeys(kind for each in chosen for kind in (each.asks, each.gives, *each.takes))
    _, shapes = msgspec.json.schema_components(list(kinds), ref_template="#/$defs/{name}")
    return {
        "operations": {each.name: _told(each) for each in chosen},
        "$defs": msgspec.json.decode(msgspec.json.encode(shapes)),
    }


def promise_text(operations: Iterable[Operation], previous: bytes = b"") -> str:
    """The promise as text to keep; raises Unversioned if it breaks ``previous``."""
    made = promise(operations)
    if previous and (broken := breaks(msgspec.json.decode(previous), made)):
        raise Unversioned("; ".join(map(str, broken)))
    return msgspec.json.format(msgspec.json.encode(made, order="sorted"), indent=1).decode() + "\n"


def api_findings(operations: Iterable[Operation], published: Path | None) -> tuple[Finding, ...]:
    """What is wrong with operations, and what in them breaks what was promised."""
    apis = list(operations)
    return (*_replaced(apis), *(_broken(apis, published / LOCK) if published else ()))


def breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes that callers would notice; a version that was announced to end may go."""
    shapes = (change for change in compare({"$defs": old["$defs"]}, {"$defs": new["$defs"]}) if change.kind == "breaking")
    return (*_calls(old["operations"], new["operations"]), *(change for change in shapes if _used(change, new)))


def _calls(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            if not was["deprecated"]:
                yield Change(f"/operations/{name}", "breaking", "the operation is gone, and nobody was told that it would end")
            continue
        for part in ("method", "address", "permission", "asks", "gives"):
            if was[part] != now[part]:
                yield Change(f"/operations/{name}/{part}", "breaking", f"{was[part]} became {now[part]}")
        for kind in sorted(set(was["takes"]) - set(now["takes"])):
            yield Change(f"/operations/{name}/takes", "breaking", f"it takes no {kind} any more")


def _used(change: Change, new: Mapping[str, Any]) -> bool:
    """A shape that went with its operation is missed by nobody."""
    name = change.path.split("/")[2]
    return name in new["$defs"]


def _told(operation: Operation) -> dict[str, Any]:
    return {
        "method": operation.method,
        "address": operation.address,
        "permission": operation.permission,
        "asks": operation.asks.__name__,
        "gives": getattr(operation.gives, "__name__", str(operation.gives)),
        "takes": sorted(kind.__name__ for kind in operation.takes),
        "deprecated": operation.state == "deprecated",
        "owner": operation.owner,
    }


def _replaced(apis: list[Operation]) -> Iterator[Finding]:
    names = {each.name for each in apis}
    for each in apis:
        path = f"operations.{each.name}"
        if each.state == "deprecated" and each.sunset_on is None:
            yield Finding(code="no_sunset", path=path, text="it is deprecated: say on which day it ends")
        if each.replaces and each.replaces not in names:
            text = f"it replaces {each.replaces!r}, which is gone"
            yield Finding(code="replaces_nothing", path=path, text=text, severity="warning")
        if not each.examples:
            yield Finding(code="no_example", path=path, text="whoever wants to call it needs an example", severity="warning")


def _broken(apis: list[Operation], lock: Path) -> Iterator[Finding]:
    if not lock.is_file():
        text = "what was promised of operations is not at hand: `make docs` writes it, and it is kept under version control"
        yield Finding(code="unpublished", path=str(lock), text=text, severity="warning")
        return
    for change in breaks(msgspec.json.decode(lock.read_bytes()), promise(apis)):
        text = f"{change.text}: make it another version of the operation, and announce the end of this one"
        yield Finding(code="unversioned_change", path=change.path.strip("/").replace("/", "."), text=text)
