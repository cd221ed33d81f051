"""The post: what partners send us, and how it comes: late, twice, overtaken, cut in two, spoiled, or in another dialect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from suture.formats.x12 import FORMAT as X12
from suture.model import FunctionalAcknowledgement
from suture.runtime.clock import ManualClock
from suture.sandbox.simulator.faults import Fault, Weather
from suture.sandbox.simulator.mangle import DRIFTS, batch, drifted, halves, spoiled
from suture.sandbox.stage import Stage
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.supplier import SupplierTwin
from suture.sandbox.twins.twin import Outgoing, Twin

#: A sender that got no answer sends again after this long.
AGAIN = timedelta(minutes=5)
#: Who was to be overtaken, and is not within this time, arrives all the same.
OVERTAKEN_WITHIN = timedelta(days=1)


class Letter(Struct, kw_only=True):
    """A message of a partner on its way to us; ``fate`` is what the weather does to this copy."""

    message: Outgoing
    raw: bytes
    fate: str = ""
    #: A copy that nobody waits for: a repeat, or bytes that were spoiled on the way.
    stray: bool = False

    @property
    def drifted(self) -> bool:
        """Whether it is written in another way than we agreed upon."""
        return self.raw != self.message.raw


class Post:
    """Everything that is on its way to us in one run."""

    def __init__(self, stage: Stage, weather: Weather, clock: ManualClock, mark: Callable[[Fault], None]) -> None:
        self.stage, self.weather, self.clock, self.mark = stage, weather, clock, mark
        #: Messages that lie at our door now.
        self.arrived: list[Letter] = []
        #: Whether a counterpart does nothing at all, so that what it wanted to say waits with it.
        self.gone: Callable[[str], bool] = lambda name: False
        #: What a partner would have written before its release changed: by instance, and by the hash of what it did write.
        self.originals: dict[str, dict[str, Letter]] = {name: {} for name in stage.twins}
        self._drifting: dict[str, tuple[str, datetime]] = {}
        self._held: dict[str, list[tuple[Letter, Fault]]] = {name: [] for name in stage.twins}
        self._last: dict[str, bytes] = {}

    def drift(self, fault: Fault) -> None:
        """A partner installs a release that writes its messages in another way, and takes it back after a while."""
        chance = Random(fault.chance)
        name = chance.choice([name for name in sorted(self.stage.twins) if not name.startswith(("erp", "bank"))])
        until = self.clock.now() + timedelta(minutes=fault.lasts)
        self._drifting[name] = (chance.choice(DRIFTS), min(until, self.weather.ends))

    def collect(self) -> int:
        """Whatever the twins want to say goes on its way; how many messages."""
        here = [twin for twin in self.stage.twins.values() if not self.gone(twin.name)]
        fresh = [message for twin in here for message in twin.outbox]
        for twin in here:
            twin.outbox.clear()
        for message in fresh:
            self._send(self._written(message))
        return len(fresh)

    def _written(self, message: Outgoing) -> Letter:
        """The message as its sender writes it today."""
        letter = Letter(message=message, raw=message.raw)
        mode, until = self._drifting.get(message.instance, ("", self.clock.now()))
        if self.clock.now() < until:
            letter.raw = drifted(message.raw, mode)
            if letter.drifted:
                self.originals[message.instance][hashlib.sha256(letter.raw).hexdigest()] = letter
        return letter

    def _send(self, letter: Letter) -> None:
        for fault in self.weather.next("letter", self.clock.now()):
            if self._gone(letter, fault):
                return
        self._arrive(letter)
        if not letter.drifted:
            self._last[letter.message.instance] = letter.raw

    def _gone(self, letter: Letter, fault: Fault) -> bool:
        """Let a fault strike a message; whether it does not arrive now."""
        instance = letter.message.instance
        match fault.kind:
            case "overtaken":
                self._held[instance].append((letter, fault))
                self.stage.agenda.at(self.clock.now() + OVERTAKEN_WITHIN, lambda now: self._let_go(letter))
                return True
            case "acknowledgement withheld":
                if not self._acknowledges(letter):
                    return False
                self.mark(fault)
                return True
        self.mark(fault)
        match fault.kind:
            case "delayed":
                self._later(letter, timedelta(minutes=fault.lasts))
                return True
            case "cut in two" | "batch cut in two":
                self._cut(letter, fault)
                return True
            case "sent twice":
                self._stray(letter, letter.raw, fault.chance % 300)
            case "poisoned message":
                self._stray(letter, spoiled(letter.raw, fault.chance, text=not self._framed(letter)), fault.chance % 20)
            case kind:
                letter.fate = kind
        return False

    def _arrive(self, letter: Letter) -> None:
        """It lies at the door, and whoever it overtook behind it."""
        self.arrived.append(letter)
        for late, fault in self._held[letter.message.instance]:
            self.mark(fault)
            self.arrived.append(late)
        self._held[letter.message.instance].clear()

    def _let_go(self, letter: Letter) -> None:
        held = self._held[letter.message.instance]
        for waiting in [one for one in held if one[0] is letter]:
            held.remove(waiting)
            self.arrived.append(letter)

    def _cut(self, letter: Letter, fault: Fault) -> None:
        """We look while it is still being written; later it is there as a whole. Of a frame there is never only a part."""
        before = self._last.get(letter.message.instance, b"")
        if fault.kind == "batch cut in two" and before.startswith(b"ISA") and not letter.drifted:
            letter.raw = batch(before, letter.raw)
        if not self._framed(letter):
            front, back = halves(letter.raw, fault.chance)
            self._stray(letter, front, 0)
            self._stray(letter, back, fault.chance % 20)
        self._later(letter, AGAIN)

    def ask_again(self, letter: Letter) -> None:
        """Whoever is told that a message was rejected sends it again as it was agreed upon."""
        self._later(Letter(message=letter.message, raw=letter.message.raw), AGAIN)

    def _stray(self, letter: Letter, raw: bytes, minutes: int) -> None:
        """Bytes that come along with a message and that nobody waits for."""
        self._later(Letter(message=letter.message, raw=raw, stray=True), timedelta(minutes=minutes))

    def _later(self, letter: Letter, after: timedelta) -> None:
        self.stage.agenda.at(self.clock.now() + after, lambda now: self._arrive(letter))

    def _framed(self, letter: Letter) -> bool:
        return isinstance(self._twin(letter), EhrTwin)

    def _acknowledges(self, letter: Letter) -> bool:
        """Whether it says that a file of ours was received, and nothing else."""
        twin = self._twin(letter)
        if not isinstance(twin, SupplierTwin):
            return False
        return all(isinstance(document, FunctionalAcknowledgement) for document in X12.read(letter.raw, twin.profile).documents)

    def answered(self, letter: Letter, answer: str) -> bool:
        """The sender is told, if the answer gets through; whether it will not send this again."""
        if letter.fate == "answer lost":
            answer, letter.fate = "", ""
        letter.fate = ""
        if not answer:
            self._later(letter, AGAIN)
            return False
        if not letter.stray:
            self._twin(letter).said(letter.message, answer, self.clock.now())
        return True

    def _twin(self, letter: Letter) -> Twin:
        return self.stage.twins[letter.message.instance]
