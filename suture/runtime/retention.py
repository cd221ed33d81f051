"""How long raw bytes are needed, by class: the shelf that they are put on, and the end of shelves whose time is over."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from functools import cache

from msgspec import Struct

from suture.formats import Format
from suture.journal import Event, Journal, Unit
from suture.journal.shelves import Keys
from suture.model import Decision, Document, PaymentInstruction, PaymentStatus, Policy, Ref, Remittance, Supplier
from suture.model.classes import CLASSES, DataClass
from suture.rules.keeping import NAME, kept_days
from suture.runtime.policies import in_force

#: The type of the objects that decisions about shelves are about.
SHELF = "Shelf"
#: Documents with bank accounts, or about what a bank did.
_BANKING: frozenset[type[Document]] = frozenset({PaymentInstruction, PaymentStatus, Remittance, Supplier})


class Shelf(Struct, frozen=True):
    """A month of one class, and the first moment at which nobody needs it any more."""

    name: str
    kind: DataClass
    ends: datetime

    def over(self, now: datetime) -> bool:
        """Whether its time is over."""
        return now >= self.ends


def shelf_of(format: Format, now: datetime) -> str:
    """Where bytes of this format are put that come in now."""
    return f"{_class_of(format.clinical, format.reads)}-{now.astimezone(UTC):%Y-%m}"


@cache
def _class_of(clinical: bool, reads: tuple[type[Document], ...]) -> DataClass:
    """The class of what a format carries: as a whole, since nobody looks into raw bytes for a retention of their own."""
    if clinical:
        return "patient"
    return "financial" if not _BANKING.isdisjoint(reads) else "internal"


def shelf(name: str, policy: Policy | None = None) -> Shelf:
    """The shelf of that name, as long as the policy ``retention`` says; raises ValueError for a name that none has, and for a
    policy that cannot be read."""
    kind, _, month = name.partition("-")
    if kind not in CLASSES:
        raise ValueError(f"{name} is no shelf: there is no class {kind!r}")
    begins = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    after = (begins + timedelta(days=32)).replace(day=1)
    return Shelf(name, kind, after + timedelta(days=kept_days(policy, kind)))


def shelves(journal: Journal, keys: Keys, now: datetime) -> tuple[Shelf, ...]:
    """Every shelf that still has a key, in order of its end; raises ValueError for a policy that cannot be read."""
    policy = in_force(journal, NAME, now)
    return tuple(sorted((shelf(name, policy) for name in keys.shelves()), key=lambda each: (each.ends, each.name)))


def shred(journal: Journal, keys: Keys, name: str, *, actor: str, reason: str, now: datetime) -> None:
    """Journal that a shelf is destroyed, and destroy its key: first the word, then the deed, so that none is without the other's
    trace. Raises ValueError for a shelf whose time is not over or no reason, KeyError for one without a key."""
    policy = in_force(journal, NAME, now)
    chosen = shelf(name, policy)
    if not chosen.over(now):
        raise ValueError(f"{name} is needed until {chosen.ends:%Y-%m-%d}")
    if not actor.strip() or not reason.strip():
        raise ValueError("this needs somebody who answers for it, and a reason")
    if name not in keys.shelves():
        raise KeyError(f"there is no key of the shelf {name}")
    id, subject = uuid.uuid4().hex, Ref(SHELF, name)
    known = journal.find(subject)
    said = Decision(
        id=id,
        subject=subject,
        verb="shred",
        actor=actor,
        at=now,
        reason=reason.strip(),
        position=known[-1].position if known else 0,
        values={"ends": chosen.ends.isoformat(), "policy": f"{NAME} {policy.version}" if policy else ""},
    )
    once = f"decision/{id}"
    journal.commit([Unit(events=[Event(once=once, kind="commanded", source=actor, at=now, data=said, root=once)])])
    keys.destroy(name)
