"""What every operation owes, and what its layer may reach: one suite over whatever is declared.

The laws, where P is an operation:

1. P says what it is: owner, permission, class of data, criticality, latency target, an example that it would itself accept.
2. P changes something and asks for a key, or it looks something up and has an answer; its parameters are its path's and query's.
3. P tells nothing of vendors: no table, no field and no name of theirs stands in what it takes and gives.
4. A process operation reaches processes and systems' operations alone: no link, no journal, no system, no clock is in reach.
5. Two versions of one capability stand side by side, and the older says when it ends.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from suture.extensions import found
from suture.gateway.openapi import openapi
from suture.gateway.operation import Operation, operations
from suture.gateway.system_apis import system_apis
from suture.model import DOCUMENTS
from suture.processes import Process
from suture.runtime.network import Network
from tests.small_network import SYSTEMS, instances

PACKAGE = Path(__file__).resolve().parents[2] / "suture"
DECLARED = operations()
DERIVED = system_apis(Network(name="small", instances=instances()), SYSTEMS)
EVERY = {**DECLARED, **DERIVED}
PROCESSES = found("suture.processes", "PROCESS", Process)
ROLES = {system.role for system in SYSTEMS.values()} | {"cmms"}

every_operation = pytest.mark.parametrize("operation", EVERY.values(), ids=list(EVERY))
every_declared = pytest.mark.parametrize("operation", DECLARED.values(), ids=list(DECLARED))


def test_the_capabilities_that_the_house_promised_are_there() -> None:
    promised = {
        *("create_order", "change_order", "validate_supplier", "check_contract_price", "check_availability"),
        *("validate_cost_center", "post_receipt", "submit_invoice", "invoice_status", "payment_status", "approve"),
        *("register_asset", "update_work_order", "post_financial_event", "trace", "register_supplier"),
        *("partner_orders", "acknowledge_order", "announce_shipment", "partner_bill", "partner_payment", "report_shipment"),
    }
    assert promised <= set(DECLARED)


# -- 1


@every_operation
def test_an_operation_says_what_it_is(operation: Operation) -> None:
    assert re.fullmatch(r"[a-z][\w.-]*", operation.name)
    assert operation.title
    assert operation.text.endswith(".")
    assert operation.owner
    assert re.fullmatch(r"[a-z]+\.[a-z]+", operation.permission)
    assert 0 < operation.latency_ms <= 2000
    assert operation.criticality.tolerance_s > 0
    assert operation.criticality.volume_per_day > 0
    assert operation.latency_ms / 1000 <= operation.criticality.tolerance_s, "its answer comes later than its users tolerate"
    assert set(operation.rests_on) <= set(PROCESSES) | ROLES | {instance.name for instance in instances()}


@every_declared
def test_an_operation_lives_in_a_file_of_its_name(operation: Operation) -> None:
    assert importlib.util.find_spec(f"suture.gateway.operations.{operation.name}") is not None


@every_declared
def test_an_example_fits_its_operation(operation: Operation) -> None:
    assert operation.examples, "an operation without an example is not explained"
    for example in operation.examples:
        assert set(example.given) >= set(operation.names)
        msgspec.convert(dict(example.given), operation.asks, strict=False)
        assert isinstance(example.answer, operation.gives)
        assert (example.document is None) == (not operation.takes)
        assert example.document is None or type(example.document) in operation.takes


# -- 2


@every_operation
def test_it_changes_something_or_looks_something_up(operation: Operation) -> None:
    assert bool(operation.takes) == (operation.method != "GET") == (operation.answer is None)
    assert operation.idempotency == ("key" if operation.takes else "safe")
    assert set(operation.names) <= {field.name for field in msgspec.structs.fields(operation.asks)}
    assert all(DOCUMENTS[kind.__name__] is kind for kind in operation.takes)
    if operation.guards:
        guarded = EVERY[operation.guards]
        assert guarded.method == "GET"
        assert set(guarded.names) <= set(operation.names)


# -- 3


def test_no_contract_speaks_of_tables_and_vendors() -> None:
    contract = msgspec.json.encode(openapi(EVERY.values())).decode()
    theirs = ("externalRef", "companyCode", "EKKO", "EKPO", "BAPI", "LFA1", "MATNR", "vendorInvoice", "storage_location")
    assert not [word for word in theirs if re.search(rf'"{word}"', contract)]
    assert not re.search(r"\b(select|insert|table) \w+ (from|into)\b", contract)


#: Addresses of counterparts' own APIs.
_THEIRS = re.compile(r"/api/(purchase-orders|goods-receipts|supplier-invoices|journal-entries)|/sap/opu/|/v[12]/approval-tasks")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_vendor_is_reachable_from_its_connector_alone(path: Path) -> None:
    """Paths of a counterpart's own API stand in its connector (and its twin) and nowhere else."""
    if path.relative_to(PACKAGE).parts[0] not in ("systems", "sandbox"):
        assert not _THEIRS.search(path.read_text("utf-8"))


# -- 4

#: What a module of an operation may import. No journal, no transport, no system, no runtime: what it reaches is ``Inside``.
ALLOWED = (
    *("suture.model", "suture.processes", "suture.rules", "suture.views.register"),
    *("suture.gateway.access", "suture.gateway.answers", "suture.gateway.listing", "suture.gateway.operation"),
    *("suture.gateway.problem", "suture.gateway.samples", "suture.gateway.standing", "suture.gateway.verdicts"),
)
PURE = {"__future__", "collections.abc", "datetime", "decimal", "typing", "msgspec", "re"}
#: What the parts that operations share may import beyond that.
SHARED = ("listing", "standing", "verdicts", "answers", "samples")


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, with the names that may be modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@every_declared
def test_an_operation_reaches_processes_and_systems_operations_alone(operation: Operation) -> None:
    for path in reach(f"suture.gateway.operations.{operation.name}"):
        strange = [name for name in imports(path) if name not in PURE and not allowed(name)]
        assert not strange, f"{path} reaches {strange}"


def allowed(name: str) -> bool:
    """Whether an operation may import it."""
    return name == "suture.gateway" or any(name == each or name.startswith(f"{each}.") for each in ALLOWED)


def reach(module: str) -> list[Path]:
    """The operation's file, and the shared parts that it imports."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin)
    names = set(re.findall(r"\b(" + "|".join(SHARED) + r")\b", path.read_text("utf-8")))
    return [path, *(path.parents[1] / f"{name}.py" for name in names)]


def test_the_layers_stand_one_on_the_other() -> None:
    """A system's operation rests on that system; a process's on processes and roles; a partner's on processes alone."""
    for operation in EVERY.values():
        if operation.layer == "system":
            assert operation.rests_on == (operation.name.partition(".")[0],)
        if operation.layer == "partner":
            assert set(operation.rests_on) <= set(PROCESSES)


# -- 5


def test_versions_stand_side_by_side() -> None:
    replaced = [operation for operation in EVERY.values() if operation.replaces]
    assert replaced, "no operation has two versions"
    for operation in replaced:
        older = EVERY[operation.replaces]
        assert (older.path, older.method, older.version) == (operation.path, operation.method, operation.version - 1)
        assert older.state == "deprecated"


@every_operation
def test_who_is_deprecated_says_when_it_ends(operation: Operation) -> None:
    deprecated = operation.state == "deprecated"
    assert deprecated == (operation.deprecated_on is not None) == (operation.sunset_on is not None)
    if operation.deprecated_on and operation.sunset_on:
        assert (operation.sunset_on - operation.deprecated_on).days >= 180, "consumers need half a year"
        assert any(each.replaces == operation.name for each in EVERY.values()), "nobody succeeds it"


def test_the_same_declarations_make_the_same_contract() -> None:
    assert openapi(EVERY.values()) == openapi(reversed(EVERY.values()))
