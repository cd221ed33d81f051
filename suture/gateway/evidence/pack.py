"""What an evidence pack holds: facts with their exact bytes or their hash, policies, a checklist, and the ledger's proof."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from suture.journal import Checkpoint

FORMAT = "suture-evidence-1"
State = Literal["present", "missing", "not applicable", "not reached"]


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of the journal. ``document`` is what it says, as anybody may see it; ``body`` its bytes exactly as they were
    sealed, blank where it holds what is shown to nobody (then ``body_sha256`` proves it to whoever has the export)."""

    position: int
    at: datetime
    kind: str
    source: str
    type: str
    subject: str
    words: str
    document: dict[str, Any]
    body_sha256: str
    once: str
    cause: str = ""
    body: str = ""
    withheld: bool = False
    #: The raw bytes that it was read from: their hash, the mapping that read them, and whether they are still there unchanged.
    raw_sha256: str = ""
    mapping: str = ""
    raw_kept: bool = False
    #: What a decision looked at, as it was then.
    seen: tuple[str, ...] = ()


class Applied(Struct, frozen=True, kw_only=True):
    """A version of a policy in force when something was decided: who wrote it, who approved it, and which facts rest on it."""

    name: str
    version: int
    effective: datetime
    author: str
    approver: str
    values: dict[str, Any]
    position: int
    decided: tuple[int, ...]


class Item(Struct, frozen=True, kw_only=True):
    """One line of the checklist: what an auditor asks for, whether it is there, and where."""

    name: str
    asks: str
    state: State
    text: str
    positions: tuple[int, ...] = ()


class Stretch(Struct, frozen=True, kw_only=True):
    """The chain from one signed checkpoint (None: its beginning) to the next: each position in ``spans`` and, in the same order,
    the SHA-256 of its event's bytes, 32 bytes each, in base64."""

    before: Checkpoint | None
    spans: tuple[tuple[int, int], ...]
    hashes: str
    checkpoint: Checkpoint


class Proof(Struct, frozen=True, kw_only=True):
    """All that is needed to see that the facts stand in the sealed journal; ``unsealed`` are those that no checkpoint covers."""

    public_key: str
    stretches: tuple[Stretch, ...]
    unsealed: tuple[int, ...] = ()


class Evidence(Struct, frozen=True, kw_only=True):
    """The whole pack. ``complete``: nothing on the checklist is missing."""

    format: str
    network: str
    subject: str
    made: datetime
    position: int
    complete: bool
    checklist: tuple[Item, ...]
    facts: tuple[Fact, ...]
    policies: tuple[Applied, ...]
    proof: Proof

    def fact(self, position: int) -> Fact | None:
        """The fact at a position."""
        return next((each for each in self.facts if each.position == position), None)
