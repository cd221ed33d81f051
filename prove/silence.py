"""Days of the group on which partners' messages are lost unnoticed: what was lost, what was missed, what was a false alarm."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random

from msgspec import Struct, structs

from suture.journal import Recorded
from suture.model import Case, Decided, Document, Item, MessageReceived, Place, Policy, Requisition, Usage, encode
from suture.runtime.intake import channel_of
from suture.runtime.publish import publish
from suture.sandbox.day import Need, requisitions, usages
from suture.sandbox.group import MORNING, Group
from suture.sandbox.simulator.faults import Fault, Scenario, schedule
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.world import World
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.twin import Outgoing, Twin

#: Days with needs. Nothing is lost on the last, which shows what was lost before it.
DAYS = 6
REQUISITIONS, USAGES, UPDATES = 30, 60, 24
#: The bank speaks later, when invoices are due; so long some of it is lost.
PAID = timedelta(days=15)
#: What else goes wrong on these days: repeats, late messages, lost answers, crashes, and partners who are away.
TROUBLE = Scenario(
    "silence",
    {
        "sent twice": 0.03,
        "delayed": 0.02,
        "answer lost": 0.02,
        "crash at arrival": 0.003,
        "crash after a write": 0.001,
        "reply lost": 0.01,
        "partner refuses": 0.5,
        "partner silent": 0.5,
        "partner busy": 0.5,
    },
)
GAP = timedelta(minutes=120)
#: The days pass in steps: what is due between two of them happens at the second.
STEP = timedelta(minutes=1)
#: Nothing is later than this but what never comes; outages end within hours.
LATE_MINUTES, AWAY_MINUTES = 90, 480
#: How long a feed that stops is cut off.
CUT = timedelta(hours=30)
#: Minutes of silence between 06:00 and 20:00 that the busy feeds never keep.
RHYTHMS = {"ehr-main/charges": 360, "procurement/webhook": 360, "erp-north/events": 840, "erp-lake/events": 840}
#: The exceptions that miss a kind of message because something came before it.
AWAITED = {
    "approval": ("approval_overdue", "release_overdue"),
    "order acknowledgement": ("acknowledgement_overdue",),
    "goods receipt": ("shipment_overdue", "receipt_overdue"),
    "invoice": ("invoice_overdue",),
    "usage, used": ("unknown_usage",),
    "payment status, settled": ("payment_unknown",),
    "payment status, accepted": ("payment_unknown",),
}


class Lost(Struct, frozen=True, kw_only=True):
    """A message that its sender believes to be accepted, and that never arrived."""

    feed: str
    number: int
    kind: str
    at: datetime
    about: frozenset[str]


class Found(Struct, frozen=True, kw_only=True):
    """What became of one lost message: when it was missed by its number, by when it had to be, and the expectations that missed
    it as well."""

    lost: Lost
    missed: datetime | None
    due: datetime | None
    expected: tuple[str, ...] = ()

    @property
    def in_time(self) -> bool:
        """Whether it was missed within the declared delay."""
        return self.missed is not None and self.due is not None and self.missed <= self.due


class Days(Struct, kw_only=True):
    """What these days have shown: what was lost and found, and what was told to be missing or silent and was not."""

    messages: int = 0
    found: list[Found] = []
    false_numbers: int = 0
    false_silences: int = 0
    #: Feeds that were cut off, and those of them whose silence was told.
    cut: int = 0
    cut_found: int = 0
    #: Decisions of all processes, and those of the watch.
    decisions: int = 0
    watching: int = 0

    def join(self, other: Days) -> None:
        """Count those of others in."""
        self.found = [*self.found, *other.found]
        for name in self.__struct_fields__:
            if name != "found":
                setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def lost(self) -> int:
        """Messages that were lost."""
        return len(self.found)

    @property
    def in_time(self) -> int:
        """Those of them that were missed within the declared delay."""
        return sum(one.in_time for one in self.found)

    @property
    def missed(self) -> int:
        """Those of them that were missed at all by the end."""
        return sum(one.missed is not None for one in self.found)


class Loser:
    """Loses messages at a rate, or all of one feed for a while; remembers which."""

    def __init__(self, world: World, rate: float, cut: str) -> None:
        self.world, self.rate, self.cut = world, rate, cut
        self.chance = Random(f"losses/{world.plan.seed}/{rate}")
        self.lost: list[Lost] = []
        self.said = 0
        for twin in world.stage.twins.values():
            twin.loses = partial(self.loses, twin)

    def cut_off(self) -> tuple[datetime, datetime]:
        """When the feed that is cut is silent: from noon of the second day."""
        noon = MORNING + timedelta(days=1, hours=6)
        return noon, noon + CUT

    def loses(self, twin: Twin, message: Outgoing) -> bool:
        """Whether this message is lost."""
        self.said += 1
        feed, now = f"{message.instance}/{message.channel}", twin.agenda.now
        if feed == self.cut:
            since, until = self.cut_off()
            return since <= now < until
        until = MORNING + (PAID if feed == "bank/in" else timedelta(days=DAYS - 1))
        if now >= until or self.chance.random() >= self.rate:
            return False
        self.lost.append(self._seen(feed, message, now))
        return True

    def _seen(self, feed: str, message: Outgoing, now: datetime) -> Lost:
        wiring = self.world.base.wiring
        instance = wiring.instances[message.instance]
        reading = wiring.formats[channel_of(wiring, instance, message.channel).format].read(message.raw, instance.profile)
        name = re.match("[0-9]+", message.name)
        return Lost(
            feed=feed,
            number=reading.numbers[0].number if reading.numbers else int(name[0]) if name else 0,
            kind=" and ".join(sorted({_kind(document) for document in reading.documents})) or "nothing",
            at=now,
            about=frozenset(ref.id for document in reading.documents for ref in document.refs()),
        )


def _kind(document: Document) -> str:
    """As people call it."""
    match document:
        case Item() | Place():
            return "master update"
        case Usage(kind=kind):
            return f"usage, {kind}"
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", type(document).__name__).lower()
    status = getattr(document, "status", "")
    return f"{words}, {status}" if words == "payment status" else words


# -- the days


def lived(seed: int, rate: float, cut: str = "") -> Days:
    """Live through the days of a seed, with messages lost at this rate, or with one feed cut off; and judge them."""
    faults = tuple(_milder(fault) for fault in schedule(TROUBLE, seed, DAYS))
    world = World(
        Plan(seed=seed, scenario="silence", requisitions=0, usages=0, days=DAYS, step_s=int(STEP.total_seconds()), faults=faults)
    )
    loser = Loser(world, rate, cut)
    _plan(world)
    world.attempt(lambda still: publish(still.wiring, [_promises()], MORNING))
    world.run()
    return judged(world, loser)


def _milder(fault: Fault) -> Fault:
    """What is late comes within the declared delay, and who is away comes back the same day."""
    return structs.replace(fault, lasts=min(fault.lasts, AWAY_MINUTES if "partner" in fault.kind else LATE_MINUTES))


def _promises() -> Policy:
    minutes = GAP // timedelta(minutes=1)
    everyone = {"gap_minutes": minutes}
    busy = {feed: {**everyone, "silent_minutes": silent, "from": "06:00", "to": "20:00"} for feed, silent in RHYTHMS.items()}
    return Policy(
        id="feeds",
        version=1,
        effective=MORNING,
        author="policy-author",
        approver="controller",
        values={"*": everyone, **busy},
    )


def _plan(world: World) -> None:
    """The needs and the master updates of every day."""
    group, seed = world.base.group, world.plan.seed
    for day in range(DAYS):
        needs = [*requisitions(group, seed * DAYS + day, REQUISITIONS), *usages(group, seed * DAYS + day, USAGES)]
        world.stage.plan([_on(need, day) for need in needs])
        _update(world, group, day)


def _on(need: Need, day: int) -> Need:
    """The same need on a later day, under a number of its own."""
    later, document = timedelta(days=day), need.document
    match document:
        case Requisition(id=id, requested_at=at, needed_by=by):
            document = structs.replace(document, id=f"{id}-{day}", requested_at=at + later, needed_by=by + later if by else None)
        case Usage(id=id, used_at=at, encounter=encounter, serial=serial, reverses=reverses):
            document = structs.replace(
                document,
                id=f"{id}-{day}",
                used_at=at + later,
                encounter=f"{encounter}{day}",
                serial=f"{serial}-{day}" if serial else "",
                reverses=f"{reverses}-{day}" if reverses else "",
            )
    return structs.replace(need, at=need.at + later, document=document)


def _update(world: World, group: Group, day: int) -> None:
    """An ERP tells of a place that has a new name, again and again through the day."""
    places = [master for master in group.masters if isinstance(master, Place)]
    chance = Random(f"updates/{world.plan.seed}/{day}")
    for _ in range(UPDATES):
        place = chance.choice(places)
        renamed = structs.replace(place, name=f"{place.name}, {chance.randint(100, 999)}")
        twin = chance.choice(list(world.stage.erps.values()))
        moment = MORNING + timedelta(days=day, minutes=chance.randint(0, 14 * 60))
        world.agenda.at(moment, partial(_tell, twin, renamed))


def _tell(twin: ErpTwin, place: Place, now: datetime) -> None:
    twin.say("events", encode(place), f"{place.id}.json")


# -- the judgement


def judged(world: World, loser: Loser) -> Days:
    """Compare what was lost with what was missed; when there are no needs any more, silence means nothing."""
    seen = Days(messages=loser.said)
    cases: list[tuple[datetime, Case]] = []
    came: dict[str, dict[int, datetime]] = defaultdict(dict)
    for row in _history(world):
        match row.event.data:
            case MessageReceived(instance=instance, channel=channel, numbers=numbers):
                for number in numbers:
                    came[f"{instance}/{channel}"].setdefault(number.number, row.event.at)
            case Decided(process=process):
                seen.decisions += 1
                seen.watching += process == "feeds"
            case Case() as case if case.reason != "feed_silent" or row.event.at < world.plan.ends:
                cases.append((row.event.at, case))
    told = _told(cases)
    # what its sender said twice is lost only if both copies are
    each = {(lost.feed, lost.number): lost for lost in loser.lost}.values()
    really = [lost for lost in each if lost.number not in came[lost.feed]]
    seen.found = [_became(lost, told, came[lost.feed], cases) for lost in really]
    gone = {(lost.feed, lost.number) for lost in really}
    seen.false_numbers = sum(1 for feed, number in told if (feed, number) not in gone and feed != loser.cut)
    _judge_silences(seen, loser, cases)
    return seen


def _history(world: World) -> Iterator[Recorded]:
    after = 0
    while page := world.disk.read(after, 5000):
        yield from page
        after = page[-1].position


def _told(cases: list[tuple[datetime, Case]]) -> dict[tuple[str, int], datetime]:
    """Each number that was said to be missing, and when it was."""
    told: dict[tuple[str, int], datetime] = {}
    for at, case in cases:
        if case.reason == "numbers_missing":
            for stretch in case.context["missing"].split(", "):
                first, _, last = stretch.partition(" to ")
                for number in range(int(first), int(last or first) + 1):
                    told.setdefault((case.objects[0].id, number), at)
    return told


def _became(
    lost: Lost, told: dict[tuple[str, int], datetime], came: dict[int, datetime], cases: list[tuple[datetime, Case]]
) -> Found:
    followed = min((at for number, at in came.items() if number > lost.number), default=None)
    awaited = AWAITED.get(lost.kind, ())
    expected = {case.reason for _, case in cases if case.reason in awaited and lost.about & {ref.id for ref in case.objects}}
    return Found(
        lost=lost,
        missed=told.get((lost.feed, lost.number)),
        due=followed + GAP + STEP if followed else None,
        expected=tuple(sorted(expected)),
    )


def _judge_silences(seen: Days, loser: Loser, cases: list[tuple[datetime, Case]]) -> None:
    since, until = loser.cut_off()
    for at, case in cases:
        if case.reason == "feed_silent":
            right = case.objects[0].id == loser.cut and since <= at <= until + timedelta(days=1)
            seen.cut_found += right
            seen.false_silences += not right
    seen.cut += bool(loser.cut)


def by_kind(found: Sequence[Found]) -> list[tuple[str, list[Found]]]:
    """The lost messages of each kind, the most frequent first."""
    counts = Counter(one.lost.kind for one in found)
    return [(kind, [one for one in found if one.lost.kind == kind]) for kind, _ in counts.most_common()]
