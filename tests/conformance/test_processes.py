"""What every process owes: one suite over whatever is found in ``suture/processes``.

The laws, where P is a process, s a state, e an event and E the example of P:

1. P says what it is; its states are frozen, full of defaults, begin with ``phase``, and survive their wire form.
2. E happens as it is told: each phase, and each named effect in its order; a step that names none says nothing.
3. P answers only documents that it hears, and hears the answers to what it says: fates, timers, decisions, approvals.
4. ``P.on[e](s, e, seen)`` is a function of its arguments and leaves them as they were; so are ``key`` and ``needs``.
5. An event that comes twice, at once or later, says nothing that was said before, and ends in the same state.
6. Fates, timers and decisions that nobody waits for change nothing.
7. Each phase is reached in E or named by the process's own tests; each phase in which E binds others has its compensation.
8. The code that decides imports nothing that could know the time, roll dice or reach the world.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from suture.extensions import found
from suture.journal import Event
from suture.model import DOCUMENTS, Approval, Decision, Delivered, Document, Ref, TimerFired
from suture.processes import Ask, Effect, Emit, Process, Raise, Seen, Send, Wait
from suture.processes.rehearsal import START, Turn, rehearse, said, shelf

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = found("suture.processes", "PROCESS", Process)
AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
#: What a decision may be made of; anything else could know more than it was told.
PURE = {
    "__future__",
    "base64",
    "collections",
    "collections.abc",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "hashlib",
    "itertools",
    "re",
    "typing",
}
OURS = ("suture.model", "suture.journal", "suture.rules", "suture.processes")
NOBODY_WAITS: tuple[Document, ...] = (
    Delivered(delivery="D", role="nobody", instance="x", document=Ref("Nothing", "N"), outcome="done", at=AT),
    TimerFired(name="nobody waits for this", due=AT),
    Decision(id="X", subject=Ref("Case", "nobody/knows/this"), verb="accept", actor="P", at=AT, reason="", position=1),
)
encode = msgspec.json.Encoder(decimal_format="string").encode

every_process = pytest.mark.parametrize("process", PROCESSES.values(), ids=list(PROCESSES))


def story(process: Process, times: int = 1) -> list[Turn]:
    """The example, each document given so many times in a row, at one moment."""
    assert process.example is not None
    documents = [step.given for step in process.example.steps for _ in range(times)]
    return rehearse(process, documents, process.example.masters, every=timedelta(0))


def spoken(effects: tuple[Effect, ...]) -> list[str]:
    """What others hear of these effects."""
    return [said(effect) for effect in effects if isinstance(effect, Send | Emit | Ask)]


def seen_by(process: Process, state: msgspec.Struct, event: Event) -> Seen:
    """What the example's masters show to this decision."""
    assert process.example is not None
    filed = shelf(process.example.masters)
    needed = [(kind.__name__, id) for kind, id in process.needs(state, event)]
    return Seen(START, {need: filed.get(need, ()) for need in needed}, key_of(process))


def key_of(process: Process) -> str:
    """The key of the example."""
    assert process.example is not None
    return next(key for step in process.example.steps for key in process.key(step.given))


def event_of(document: Document) -> Event:
    """The document as an event at the beginning of the example."""
    return Event(once="conformance", kind="accepted", source="test", at=START, data=document)


def test_there_are_processes() -> None:
    assert {"masters", "requisition_to_order", "order_to_receipt", "usage_to_replenishment"} <= set(PROCESSES)


# -- 1


@every_process
def test_a_process_says_what_it_is(process: Process) -> None:
    assert process.name == process.name.lower()
    assert importlib.util.find_spec(f"suture.processes.{process.name}") is not None
    assert process.title
    assert process.owner
    assert process.version >= 1
    assert len(set(process.phases)) == len(process.phases)
    assert process.example is not None, "a process without an example is not explained"
    assert process.example.text.endswith(".")
    assert all(handler.__doc__ for handler in process.on.values())


@every_process
def test_a_state_is_frozen_and_begins_with_its_phase(process: Process) -> None:
    fields = msgspec.structs.fields(process.state)
    assert fields[0].name == "phase"
    assert process.state.__struct_config__.frozen
    assert process.state().phase in process.phases  # type: ignore[attr-defined]  # the law above


@every_process
def test_a_state_survives_its_wire_form(process: Process) -> None:
    for turn in story(process):
        assert msgspec.json.decode(encode(turn.state), type=process.state) == turn.state


# -- 2


@every_process
def test_the_example_happens_as_it_is_told(process: Process) -> None:
    assert process.example is not None
    turns = rehearse(process, [step.given for step in process.example.steps], process.example.masters)
    for step, turn in zip(process.example.steps, turns, strict=True):
        assert turn.state.phase == step.state  # type: ignore[attr-defined]  # states begin with their phase
        assert turn.state.phase in process.phases  # type: ignore[attr-defined]
        heard = [said(effect) for effect in turn.effects]
        rest = iter(heard)
        assert all(effect in rest for effect in step.effects), f"{step.effects} is not told in this order by {heard}"
        assert bool(heard) == bool(step.effects), f"a step that says {heard} must name something of it"


# -- 3


@every_process
def test_a_process_hears_the_answers_to_what_it_says(process: Process) -> None:
    answers: dict[type, type[Document]] = {Send: Delivered, Wait: TimerFired, Ask: Approval, Raise: Decision}
    for turn in story(process):
        for effect in turn.effects:
            answer = answers.get(type(effect))
            if isinstance(effect, Raise) and not effect.case.actions:
                continue
            assert answer is None or answer in process.on, f"it says {said(effect)} and does not hear {answer}"


@every_process
def test_a_process_hears_documents(process: Process) -> None:
    assert process.on
    assert all(DOCUMENTS[kind.__name__] is kind for kind in process.on)


@every_process
def test_an_exception_says_what_one_can_do(process: Process) -> None:
    for effect in (effect for turn in story(process) for effect in turn.effects if isinstance(effect, Raise)):
        case = effect.case
        assert case.id.startswith(f"{process.name}/{key_of(process)}/{case.reason}")
        assert case.objects
        assert case.owner in ("ap", "buyer", "supply_chain", "steward", "operations", "treasury")
        assert case.text
        assert case.suggestion
        assert case.deadline is None or case.deadline > case.at


# -- 4


@every_process
def test_a_decision_is_a_function_of_its_arguments(process: Process) -> None:
    state = process.state()
    for turn in story(process):
        event = event_of(turn.given)
        seen = seen_by(process, state, event)
        before = encode(state), encode(turn.given)
        handler = process.on[type(turn.given)]
        assert handler(state, event, seen) == handler(state, event, seen)
        assert (encode(state), encode(turn.given)) == before
        assert process.key(turn.given) == process.key(turn.given)
        state = turn.state


@every_process
def test_needs_name_documents(process: Process) -> None:
    for turn in story(process):
        for kind, id in process.needs(turn.state, event_of(turn.given)):
            assert issubclass(kind, Document)
            assert isinstance(id, str)


# -- 5


@every_process
def test_an_event_that_comes_twice_in_a_row_is_heard_once(process: Process) -> None:
    once, twice = story(process), story(process, times=2)
    for first, repeat in zip(twice[::2], twice[1::2], strict=True):
        assert spoken(repeat.effects) == [], f"a repeated {type(repeat.given).__name__} speaks again"
        assert repeat.state == first.state
    assert twice[-1].state == once[-1].state


@every_process
def test_an_event_that_comes_again_later_is_heard_once(process: Process) -> None:
    assert process.example is not None
    documents = [step.given for step in process.example.steps]
    turns = rehearse(process, [*documents, *documents], process.example.masters, every=timedelta(0))
    for repeat in turns[len(documents) :]:
        assert spoken(repeat.effects) == [], f"a late repeat of {type(repeat.given).__name__} speaks again"


# -- 6


@every_process
@pytest.mark.parametrize("document", NOBODY_WAITS, ids=lambda document: type(document).__name__)
def test_answers_that_nobody_waits_for_change_nothing(process: Process, document: Document) -> None:
    if type(document) not in process.on:
        pytest.skip("it never asks for such an answer")
    later = () if isinstance(document, TimerFired) else (turn.state for turn in story(process))  # its only timer needs no name
    for state in (process.state(), *later):
        event = event_of(document)
        after, effects = process.on[type(document)](state, event, seen_by(process, state, event))
        assert after == state
        assert not effects


# -- 7


@every_process
def test_each_phase_is_reached_or_tested(process: Process) -> None:
    reached = {process.state().phase, *(turn.state.phase for turn in story(process))}  # type: ignore[attr-defined]
    own = ROOT / f"tests/processes/test_{process.name}.py"
    tests = own.read_text("utf-8") if own.exists() else ""
    missing = [phase for phase in process.phases if phase not in reached and f'"{phase}"' not in tests]
    assert not missing, f"neither the example nor {own.name} shows {missing}"


@every_process
def test_each_phase_that_binds_others_has_its_compensation(process: Process) -> None:
    binding = {turn.state.phase for turn in story(process) if any(binds(effect) for effect in turn.effects)}  # type: ignore[attr-defined]
    assert binding <= set(process.compensation), f"what undoes {sorted(binding - set(process.compensation))}?"
    assert set(process.compensation) <= set(process.phases)


def binds(effect: Effect) -> bool:
    """Whether somebody outside acts on it: news of where something stands bind nobody."""
    return isinstance(effect, Send) and not type(effect.document).__name__.endswith("Status")


# -- 8


@every_process
def test_the_code_that_decides_is_sealed(process: Process) -> None:
    for module in reach(f"suture.processes.{process.name}"):
        for name in imports(module):
            pure = name in PURE or name.split(".")[0] == "msgspec" or name.startswith(OURS)
            assert pure, f"{module} imports {name}: a decision is told what it may know"


def reach(module: str, known: set[str] | None = None) -> set[str]:
    """The module and every rule and process module that it imports, directly or not."""
    known = set() if known is None else known
    if module not in known and module.startswith(("suture.rules.", "suture.processes.")):
        known.add(module)
        for name in imports(module):
            reach(name, known)
    return known


def imports(module: str) -> Iterator[str]:
    """The names of the modules that a module imports."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
