"""What is wrong with an export: a code, the position it was found at, and a sentence an auditor can follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

#: Findings kept with their words; the rest are counted by code only.
KEPT = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; ``position`` is that of the event, 0 where it concerns the file as a whole."""

    code: str
    position: int
    text: str

    def __str__(self) -> str:
        where = f"position {self.position}" if self.position else "the file"
        return f"{where}: {self.text} [{self.code}]"


class Findings:
    """A bounded list: the first ``KEPT`` in words, all of them by code."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def add(self, code: str, position: int, text: str) -> None:
        """Take note of one."""
        self.counts[code] += 1
        if len(self.kept) < KEPT:
            self.kept.append(Finding(code, position, text))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.kept)

    def __len__(self) -> int:
        return self.counts.total()
