"""Everything a step needs, put together once: journal, network, extensions, crosswalk, secrets."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec
from msgspec import Struct

from suture.extensions import found
from suture.formats import Format
from suture.journal import Delivery, Journal
from suture.masters.crosswalk import Book
from suture.model import Crosswalk, Document
from suture.processes import Process
from suture.processes.masters import NAME as MASTERS
from suture.processes.masters import Filed
from suture.runtime.counting import Counting
from suture.runtime.network import Instance, Network
from suture.runtime.restored import restored
from suture.runtime.share import EVERYTHING
from suture.systems import Operation, System

#: States of one process that are read at a time when the crosswalk is loaded.
PAGE = 1000
#: How far codes have been filed: whoever is behind it reads the crosswalk again.
CODES = "codes"


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of the runtime; a limit that is reached is told, never passed over."""

    intake_batch: int = 256
    decide_batch: int = 500
    deliver_batch: int = 200
    #: Messages that wait to be taken in before partners are asked to come again, critical ones at twice as many; and work that
    #: waits to be decided before those are who are not critical.
    intake_queue: int = 4096
    undecided: int = 5000
    documents_per_message: int = 10_000
    effects_per_decision: int = 1000
    #: How long a turn waits for conversations that are about to end, so that they are committed together, in seconds.
    gather_s: float = 0.002


class Wiring:
    """The parts of one running network; the same for service, tests and simulation."""

    def __init__(
        self,
        journal: Journal,
        network: Network,
        *,
        privacy_key: bytes,
        formats: Mapping[str, Format] | None = None,
        systems: Mapping[str, System] | None = None,
        processes: Mapping[str, Process] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.journal = journal
        self.network = network
        self.formats = dict(found("suture.formats", "FORMAT", Format) if formats is None else formats)
        self.systems = dict(found("suture.systems", "SYSTEM", System) if systems is None else systems)
        self.processes = dict(found("suture.processes", "PROCESS", Process) if processes is None else processes)
        self.limits = limits or Limits()
        self._privacy_key = privacy_key
        self.instances = {instance.name: instance for instance in network.instances}
        self.counting = Counting(journal)
        self.restored = restored(journal)
        #: What this process owns of the network; everything, where nobody shares.
        self.share = EVERYTHING
        self.book = Book()
        self.load_book()

    @cached_property
    def listeners(self) -> dict[type[Document], tuple[Process, ...]]:
        """Which processes hear which document type."""
        heard: dict[type[Document], tuple[Process, ...]] = {}
        for process in self.processes.values():
            for kind in process.on:
                heard[kind] = (*heard.get(kind, ()), process)
        return heard

    @cached_property
    def state_decoders(self) -> dict[str, msgspec.json.Decoder[Struct]]:
        """How each process's state is read back."""
        return {name: msgspec.json.Decoder(process.state) for name, process in self.processes.items()}

    def routes(self, document: Document) -> list[tuple[str, str]]:
        """The (process, key) pairs that this document concerns."""
        return [
            (process.name, key)
            for process in self.listeners.get(type(document), ())
            for key in dict.fromkeys(process.key(document))
        ]

    def system(self, instance: Instance) -> System:
        """What kind of counterpart an instance is."""
        return self.systems[instance.system]

    def operation(self, delivery: Delivery) -> Operation | None:
        """How a delivery's document is brought to its instance; None if the instance does not take it."""
        instance = self.instances.get(delivery.instance)
        return self.system(instance).accepts.get(type(delivery.document)) if instance else None

    def pseudonym(self, identifier: str) -> str:
        """A keyed pseudonym (HMAC-SHA-256, 64 bits and 16 of proof): the same person, never the identity.

        One of ours stays what it is: who repairs a message that was kept without its patient does not make another one.
        """
        if len(identifier) == 21 and self._proven(identifier[:17]) == identifier:
            return identifier
        return self._proven(f"P{self._keyed(identifier, 16)}")

    def _proven(self, pseudonym: str) -> str:
        return pseudonym + self._keyed(f"proof of {pseudonym}", 4)

    def _keyed(self, text: str, digits: int) -> str:
        keyed = self._privacy.copy()
        keyed.update(text.encode())
        return keyed.hexdigest()[:digits].upper()

    @cached_property
    def _privacy(self) -> hmac.HMAC:
        """The HMAC that has taken in its key: that costs more than a number does, and is the same for all of them."""
        return hmac.new(self._privacy_key, digestmod=hashlib.sha256)

    def refresh_book(self) -> None:
        """Read the crosswalk again if another process has filed codes since."""
        if self.journal.cursor(CODES) > self._codes:
            self.load_book()

    def load_book(self) -> None:
        """Read the crosswalk from the journal's master data."""
        self._codes, after = self.journal.cursor(CODES), ""
        decoder = msgspec.json.Decoder(Filed)
        while page := self.journal.scan_states(MASTERS, after, PAGE):
            after = page[-1].key
            self.learn(document for state in page for document in decoder.decode(state.data).documents)

    def learn(self, documents: Iterable[Document]) -> None:
        """Take crosswalk rows among these documents into the book."""
        for document in documents:
            if isinstance(document, Crosswalk):
                self.book.add(document)
