"""Feeds: what is missing is told once, not before its time, and no longer than it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from suture.journal import Event
from suture.model import Decision, Document, MessageReceived, Numbered, Policy, Ref, TimerFired
from suture.processes.feeds import MOST_GAPS, PROCESS, Feed
from suture.processes.process import Effect, Raise, Resolve, Seen, Wait
from suture.processes.rehearsal import START, said

KEY = "ehr-main/charges"
RHYTHM = {"silent_minutes": 600, "from": "06:00", "to": "20:00"}


class Listener:
    """One feed under one policy, and its timers."""

    def __init__(self, **promised: object) -> None:
        self.policy = Policy(
            id="feeds", version=1, effective=START, author="steward", approver="controller", values={KEY: promised}
        )
        self.state, self.now = Feed(), START
        self.timers: dict[str, datetime] = {}
        self.open: dict[str, Raise] = {}
        self.ended: list[str] = []

    def hear(self, document: Document) -> list[str]:
        """Decide a document; returns what was said."""
        event = Event(once="o", kind="accepted", source="test", at=self.now, data=document)
        seen = Seen(self.now, {("Policy", "feeds"): (self.policy,)}, KEY)
        self.state, effects = PROCESS.on[type(document)](self.state, event, seen)
        self._follow(effects)
        return [said(effect) for effect in effects]

    def _follow(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Wait(name=name, until=until):
                    self.timers.pop(name, None)
                    if until is not None:
                        self.timers[name] = until
                case Raise(case=case):
                    self.open[case.id] = effect
                case Resolve(case=id, action=action):
                    del self.open[id]
                    self.ended.append(action)

    def number(self, number: int, after: int, series: str = "") -> list[str]:
        """A message with this number, after this one."""
        return self.hear(message(Numbered(number, after, series)))

    def until(self, moment: datetime) -> None:
        """Let time pass; timers fire when they are due."""
        while self.timers and min(self.timers.values()) <= moment:
            name = min(self.timers, key=lambda name: (self.timers[name], name))
            self.now = self.timers.pop(name)
            self.hear(TimerFired(name=name, due=self.now))
        self.now = moment

    def reasons(self) -> list[str]:
        """What is open."""
        return [effect.case.reason for effect in self.open.values()]

    def decide(self, case: str, verb: str) -> None:
        """A person decides."""
        subject = Ref("Case", case)
        self.hear(Decision(id="D", subject=subject, verb=verb, actor="P-1", at=self.now, reason="asked", position=1))


def message(*numbers: Numbered, kinds: tuple[str, ...] = ("Usage",)) -> MessageReceived:
    return MessageReceived(
        id="m",
        instance="ehr-main",
        channel="charges",
        format="hl7v2",
        documents=1,
        outcome="accepted",
        kinds=kinds,
        numbers=numbers,
    )


# -- numbers


def test_what_is_overtaken_is_waited_for_and_then_missing() -> None:
    feed = Listener(gap_minutes=45, worth={"USD": "1900"})
    feed.number(12, after=9)
    feed.until(START + timedelta(minutes=44))
    assert (feed.state.phase, feed.reasons()) == ("waiting", [])
    feed.until(START + timedelta(minutes=45))
    (raised,) = feed.open.values()
    assert raised.case.reason == "numbers_missing"
    assert raised.case.context["missing"] == "10 to 11"
    assert str(raised.case.money) == "3,800 USD"
    assert raised.case.care == "procedure", "a usage is missing in theatre"
    assert raised.case.deadline is not None


def test_what_comes_late_but_in_time_raises_nothing() -> None:
    feed = Listener()
    feed.number(12, after=9)
    feed.number(11, after=12)
    feed.number(10, after=12)
    feed.until(START + timedelta(days=1))
    assert (feed.state, feed.timers, feed.ended) == (Feed(kinds=("Usage",)), {}, [])


def test_what_comes_after_all_ends_its_exception_when_nothing_is_missing_any_more() -> None:
    feed = Listener()
    feed.number(12, after=9)
    feed.until(START + timedelta(hours=2))
    feed.number(11, after=12)
    assert feed.reasons() == ["numbers_missing"]
    feed.number(10, after=12)
    assert (feed.reasons(), feed.ended, feed.state.phase) == ([], ["came"], "regular")


def test_each_count_of_a_feed_is_its_own() -> None:
    feed = Listener()
    feed.number(12, after=10, series="ALDER>SUTURE")
    feed.number(11, after=12, series="BIRCH>SUTURE")
    feed.until(START + timedelta(hours=2))
    assert [raised.case.context["count"] for raised in feed.open.values()] == ["ALDER>SUTURE"]


def test_a_count_that_is_first_heard_far_from_its_beginning_misses_nothing() -> None:
    feed = Listener()
    assert feed.number(4711, after=0) == []
    assert feed.state.gaps == ()


def test_a_count_that_has_just_begun_misses_its_first() -> None:
    feed = Listener()
    assert feed.number(3, after=0) == ["Wait gap 1-2"]
    assert feed.number(1, after=3) == []
    assert feed.number(2, after=3) == ["Wait gap 1-2 off"]


def test_a_person_knows_that_nothing_was_lost() -> None:
    feed = Listener()
    feed.number(12, after=10)
    feed.until(START + timedelta(hours=2))
    feed.decide(next(iter(feed.open)), "accept")
    assert (feed.reasons(), feed.state.gaps, feed.state.phase) == ([], (), "regular")
    assert feed.number(11, after=12) == [], "it came after all, and nobody waits for it"


def test_a_count_that_jumps_all_the_time_is_one_exception_until_somebody_mends_it() -> None:
    feed = Listener()
    for number in range(1, MOST_GAPS + 10):
        feed.number(number * 7 + 7, after=number * 7)
        feed.until(feed.now + timedelta(minutes=13))
    assert feed.reasons() == ["numbers_unsteady"]
    assert (feed.state.phase, feed.state.gaps, feed.timers) == ("unsteady", (), {})
    feed.decide(next(iter(feed.open)), "retry")
    feed.number(1002, after=1000)
    assert feed.state.phase == "waiting", "it is watched again"


def test_numbers_that_are_declared_useless_are_not_watched() -> None:
    feed = Listener(numbered=False)
    assert feed.number(12, after=9) == []
    assert feed.state.gaps == ()


@given(
    st.permutations(range(1, 13)).map(tuple),
    st.sets(st.integers(min_value=2, max_value=11)),
    st.lists(st.integers(min_value=0, max_value=30), min_size=12, max_size=12),
)
def test_in_any_order_exactly_what_never_came_is_missing(order: tuple[int, ...], lost: set[int], minutes: list[int]) -> None:
    """Number 0 has come before; 12 is lost never, or nobody could know."""
    feed, mark = Listener(gap_minutes=6000), 100
    for number, passed in zip(order, minutes, strict=True):
        if number not in lost:
            feed.number(100 + number, after=mark)
            mark = max(mark, 100 + number)
        feed.until(feed.now + timedelta(minutes=passed))
    feed.until(feed.now + timedelta(days=30))
    told = [gap.missing for gap in feed.state.gaps]
    assert {number - 100 for gap in told for first, last in gap for number in range(first, last + 1)} == lost
    assert len(feed.open) == len(feed.state.gaps)


# -- silence


def test_a_silence_in_its_hours_is_an_exception_that_ends_when_it_speaks() -> None:
    feed = Listener(**RHYTHM)  # START is 08:00: ten hours and ten minutes on it is 18:10
    feed.hear(message())
    feed.until(START.replace(hour=18, minute=9))
    assert feed.reasons() == []
    feed.until(START.replace(hour=18, minute=10))
    assert (feed.reasons(), feed.state.phase) == (["feed_silent"], "silent")
    feed.until(START + timedelta(days=5))
    assert feed.reasons() == ["feed_silent"], "one exception for one silence"
    feed.hear(message())
    assert (feed.reasons(), feed.ended, feed.state.phase) == ([], ["heard"], "regular")


def test_the_night_is_no_silence() -> None:
    feed = Listener(**RHYTHM)
    feed.now = START.replace(hour=19)
    feed.hear(message())
    feed.until(START.replace(hour=14, minute=50) + timedelta(days=1))
    assert feed.reasons() == []
    feed.until(START.replace(hour=15, minute=20) + timedelta(days=1))
    assert feed.reasons() == ["feed_silent"]


def test_a_feed_that_is_promised_and_never_speaks_is_silent() -> None:
    feed = Listener(**RHYTHM)
    assert PROCESS.key(feed.policy) == (KEY,)
    feed.hear(feed.policy)
    feed.until(START + timedelta(days=1))
    assert feed.reasons() == ["feed_silent"]


def test_a_promise_that_is_taken_back_ends_the_watch() -> None:
    feed = Listener(**RHYTHM)
    feed.hear(message())
    feed.policy = Policy(id="feeds", version=2, effective=START, author="a", approver="b", values={})
    feed.until(START + timedelta(days=2))
    assert (feed.reasons(), feed.timers) == ([], {})
    feed.hear(message())
    assert feed.state.heard is None


def test_a_silence_that_is_in_order_is_listened_for_again() -> None:
    feed = Listener(**RHYTHM)
    feed.hear(message())
    feed.until(START + timedelta(days=1))
    feed.decide(next(iter(feed.open)), "accept")
    assert (feed.reasons(), list(feed.timers)) == ([], ["silence"])


def test_feeds_without_a_promise_have_no_rhythm() -> None:
    feed = Listener()
    feed.hear(message())
    assert feed.timers == {}
