"""What a partner sent and we never got: a number that its count skips, or a silence longer than it ever is.

Keyed by the feed, "ehr-main/charges". Intake tells of a message only if its number is not the next one, and otherwise of one in a
while (``rules.feeds.LISTEN``). What comes out of order is waited for; what comes after all ends its exception. The policy
``feeds`` says what each feed promises, see ``rules.feeds``; numbers are watched without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, structs

from suture.journal import Event
from suture.model import Case, Decision, Document, MessageReceived, Money, Numbered, Policy, Ref, TimerFired
from suture.processes.cases import case_id, close_by, close_case, deadline, open_case
from suture.processes.course import Course, in_force
from suture.processes.process import Effect, Example, Process, Seen, Step, Wait
from suture.processes.rehearsal import START
from suture.rules.feeds import LISTEN, NAME, Promise, care_of, promise, promised, quiet_until, skips

#: Gaps of one feed that are waited for; one more, and its numbers are of no use.
MOST_GAPS = 50
KINDS_KEPT = 20


class Gap(Struct, frozen=True):
    """Numbers that a higher one has overtaken, ``first`` to ``last``, and what of them is still ``missing``, in stretches."""

    series: str
    first: int
    last: int
    missing: tuple[tuple[int, int], ...]

    @property
    def name(self) -> str:
        """How timers and exceptions call it."""
        return f"{self.series} {self.first}-{self.last}".strip()

    @property
    def count(self) -> int:
        """How many numbers are missing."""
        return sum(last - first + 1 for first, last in self.missing)


class Feed(Struct, frozen=True, omit_defaults=True):
    """What is missing of one feed."""

    phase: str = "regular"
    gaps: tuple[Gap, ...] = ()
    #: Counts that jump so much that nothing can be learnt from them.
    unsteady: tuple[str, ...] = ()
    #: The types of documents that it is known to carry.
    kinds: tuple[str, ...] = ()
    #: When it was last heard, give or take ``LISTEN``; None while no rhythm is promised.
    heard: datetime | None = None
    cases: tuple[str, ...] = ()


Turn = Course[Feed]
Answer = tuple[Feed, Sequence[Effect]]


# -- what is heard


def heard(state: Feed, event: Event, seen: Seen) -> Answer:
    """A message: it ends a silence, it may fill a gap, and it may show one."""
    message, turn = event.data, Course(state, seen)
    assert isinstance(message, MessageReceived)
    kept = _promise(seen)
    if not set(message.kinds) <= set(state.kinds):
        turn.become(kinds=tuple(sorted({*state.kinds, *message.kinds}))[:KINDS_KEPT])
    close_case(turn, case_id(NAME, seen.key, "feed_silent"), "heard", NAME)
    _listen(turn, kept)
    for number in message.numbers if kept.numbered else ():
        if number.number <= number.after:
            _fill(turn, number)
        elif skips(number) and number.series not in state.unsteady:
            missing = (number.after + 1, number.number - 1)
            _miss(turn, Gap(number.series, *missing, (missing,)), kept, event.at)
    return _end(turn)


def declared(state: Feed, event: Event, seen: Seen) -> Answer:
    """A rhythm is promised: the feed is listened for from now on, even if it never speaks again."""
    turn = Course(state, seen)
    assert isinstance(event.data, Policy)
    if state.heard is None:
        _listen(turn, promise(event.data, seen.key))
    return _end(turn)


def woken(state: Feed, event: Event, seen: Seen) -> Answer:
    """It has been waited for long enough."""
    timer, turn, kept = event.data, Course(state, seen), _promise(seen)
    assert isinstance(timer, TimerFired)
    if timer.name == "silence" and state.heard is not None and kept.silent is not None:
        _silent(turn, kept, state.heard)
    for gap in state.gaps:
        if timer.name == f"gap {gap.name}" and kept.numbered:
            _missing(turn, gap, kept)
    return _end(turn)


def decided(state: Feed, event: Event, seen: Seen) -> Answer:
    """A person knows what became of it: nothing comes any more, the silence is in order, or the count is steady again."""
    turn, decision = Course(state, seen), event.data
    assert isinstance(decision, Decision)
    case = decision.subject.id
    if case not in state.cases:
        return state, ()
    close_by(turn, decision)
    turn.become(gaps=tuple(gap for gap in state.gaps if _case_of(seen, gap) != case))
    if case == case_id(NAME, seen.key, "feed_silent"):
        _listen(turn, _promise(seen))
    if decision.verb == "retry":
        turn.become(unsteady=tuple(series for series in state.unsteady if case != _unsteady_case(seen, series)))
    return _end(turn)


# -- the steps


def _promise(seen: Seen) -> Promise:
    return promise(in_force(seen, NAME), seen.key)


def _listen(turn: Turn, kept: Promise) -> None:
    """From now, or up to ``LISTEN`` later, a silence begins."""
    if kept.silent is not None:
        turn.become(heard=turn.seen.now)
        turn.want(Wait(name="silence", until=quiet_until(kept, turn.seen.now + LISTEN)))
    elif turn.state.heard is not None:
        turn.become(heard=None)
        turn.want(Wait(name="silence", until=None))


def _miss(turn: Turn, gap: Gap, kept: Promise, since: datetime) -> None:
    """Numbers were skipped ``since`` a message came: they may still be on their way, for as long as its promise says."""
    if any(known.name == gap.name for known in turn.state.gaps):
        return
    turn.become(gaps=(*turn.state.gaps, gap))
    turn.want(Wait(name=f"gap {gap.name}", until=since + kept.gap))
    if len(turn.state.gaps) > MOST_GAPS:
        _give_up(turn, gap.series, kept)


def _fill(turn: Turn, number: Numbered) -> None:
    """What comes late may be what was missing."""
    gaps = tuple(_without(gap, number.number) if gap.series == number.series else gap for gap in turn.state.gaps)
    for gap in gaps:
        if not gap.missing:
            turn.want(Wait(name=f"gap {gap.name}", until=None))
            close_case(turn, _case_of(turn.seen, gap), "came", NAME)
    turn.become(gaps=tuple(gap for gap in gaps if gap.missing))


def _without(gap: Gap, number: int) -> Gap:
    stretches: list[tuple[int, int]] = []
    for first, last in gap.missing:
        if first <= number <= last:
            stretches += [(start, end) for start, end in ((first, number - 1), (number + 1, last)) if start <= end]
        else:
            stretches.append((first, last))
    return structs.replace(gap, missing=tuple(stretches))


def _give_up(turn: Turn, series: str, kept: Promise) -> None:
    """A count that jumps all the time says nothing; one exception stands for all of it."""
    for gap in turn.state.gaps:
        if gap.series == series:
            turn.want(Wait(name=f"gap {gap.name}", until=None))
            close_case(turn, _case_of(turn.seen, gap), "unsteady", NAME)
    turn.become(
        gaps=tuple(gap for gap in turn.state.gaps if gap.series != series),
        unsteady=(*turn.state.unsteady, series),
    )
    _raise(
        turn,
        kept,
        "numbers_unsteady",
        f"the numbers of {turn.seen.key} {series} jump so often that a missing message cannot be told from a jump".replace(
            "  ", " "
        ),
        detail=series,
        actions=("retry", "accept"),
        suggestion="ask the partner how it counts; retry to watch it again, or declare it unnumbered in the policy and accept",
    )


def _missing(turn: Turn, gap: Gap, kept: Promise) -> None:
    missing = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gap.missing)[:500]
    many = f"{gap.count} messages of {turn.seen.key} have" if gap.count > 1 else f"a message of {turn.seen.key} has"
    _raise(
        turn,
        kept,
        "numbers_missing",
        f"{many} not come: its sender's count skips {missing}, and went on at {gap.last + 1}",
        detail=gap.name,
        money=Money(kept.worth.amount * gap.count, kept.worth.currency) if kept.worth else None,
        context={"missing": missing, "count": gap.series or "its only one"},
        suggestion=f"ask the partner to send {missing} again; accept if it was never meant for us",
    )


def _silent(turn: Turn, kept: Promise, since: datetime) -> None:
    _raise(
        turn,
        kept,
        "feed_silent",
        f"nothing has come from {turn.seen.key} since {since + LISTEN:%d %b %H:%M} UTC, longer than it is ever silent",
        money=kept.worth,
        context={"last heard": f"between {since:%Y-%m-%d %H:%M} and {since + LISTEN:%H:%M} UTC"},
        suggestion="ask the partner whether it sends; accept if the silence is in order",
    )


def _raise(
    turn: Turn,
    kept: Promise,
    reason: str,
    text: str,
    *,
    detail: str = "",
    money: Money | None = None,
    actions: tuple[str, ...] = ("accept",),
    context: dict[str, str] | None = None,
    suggestion: str,
) -> None:
    carries = {"it carries": ", ".join(turn.state.kinds)} if turn.state.kinds else {}
    case = Case(
        id=case_id(NAME, turn.seen.key, reason, detail),
        reason=reason,
        text=text,
        objects=(Ref("Feed", turn.seen.key),),
        owner=kept.owner,
        at=turn.seen.now,
        deadline=deadline(turn.seen),
        money=money,
        care=care_of(kept, turn.state.kinds),
        actions=actions,
        context={**(context or {}), **carries},
        suggestion=suggestion,
    )
    open_case(turn, case)


def _case_of(seen: Seen, gap: Gap) -> str:
    return case_id(NAME, seen.key, "numbers_missing", gap.name)


def _unsteady_case(seen: Seen, series: str) -> str:
    return case_id(NAME, seen.key, "numbers_unsteady", series)


def _end(turn: Turn) -> Answer:
    """Where the feed stands: the worst of what is the matter with it."""
    state, key = turn.state, turn.seen.key
    silent = case_id(NAME, key, "feed_silent") in state.cases
    missing = any(_case_of(turn.seen, gap) in state.cases for gap in state.gaps)
    phases = (("silent", silent), ("missing", missing), ("unsteady", bool(state.unsteady)), ("waiting", bool(state.gaps)))
    turn.become(phase=next((phase for phase, holds in phases if holds), "regular"))
    return turn.end()


# -- the process


def key_of(document: Document) -> tuple[str, ...]:
    """The feed of a message; the feeds that a policy names; timers and decisions are addressed."""
    match document:
        case MessageReceived(instance=instance, channel=channel) if channel:
            return (f"{instance}/{channel}",)
        case Policy():
            return promised(document)
    return ()


def _message(number: int, after: int) -> MessageReceived:
    return MessageReceived(
        id=f"ehr-main/{number}",
        instance="ehr-main",
        channel="charges",
        format="hl7v2",
        documents=1,
        outcome="accepted",
        kinds=("Usage",),
        numbers=(Numbered(number, after),),
    )


_POLICY = Policy(
    id=NAME,
    version=1,
    effective=START,
    author="steward",
    approver="controller",
    values={"ehr-main/charges": {"gap_minutes": 60, "silent_minutes": 600, "from": "06:00", "to": "20:00"}},
)

PROCESS = Process(
    name=NAME,
    title="What did not come",
    version=1,
    owner="operations",
    key=key_of,
    state=Feed,
    on={MessageReceived: heard, Policy: declared, TimerFired: woken, Decision: decided},
    needs=lambda state, event: [(Policy, NAME), (Policy, "waits")],
    phases=("regular", "waiting", "missing", "unsteady", "silent"),
    criticality="important",
    example=Example(
        text="The EHR's charge 8 is overtaken by 9 and comes an hour later; 10 never comes, and after 11 the EHR is silent.",
        masters=(_POLICY,),
        steps=(
            Step(given=_message(7, after=6), state="regular", effects=("Wait silence",)),
            Step(given=_message(9, after=7), state="waiting", effects=("Wait silence", "Wait gap 8-8")),
            Step(given=_message(8, after=9), state="regular", effects=("Wait silence", "Wait gap 8-8 off")),
            Step(given=_message(11, after=9), state="waiting", effects=("Wait silence", "Wait gap 10-10")),
            Step(given=TimerFired(name="gap 10-10", due=START), state="missing", effects=("Raise numbers_missing",), to=True),
            Step(given=TimerFired(name="silence", due=START), state="silent", effects=("Raise feed_silent",), to=True),
            Step(given=_message(10, after=11), state="regular", effects=("Resolve heard", "Wait silence", "Resolve came")),
        ),
    ),
)
