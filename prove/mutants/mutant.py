"""What a mutant is: one bug that somebody could have written into the engine, as a change of its source."""

from __future__ import annotations

from msgspec import Struct


class Mutant(Struct, frozen=True, kw_only=True):
    """One bug: in ``file`` (below ``suture/``) the text ``old``, which stands there exactly once, becomes ``new``.

    ``name`` says in the words of the business what is wrong then. ``scenarios`` are those likely to show it; they are tried
    first. ``survives`` is the reason why no simulated week can tell, where that is so.
    """

    name: str
    file: str
    old: str
    new: str
    scenarios: tuple[str, ...] = ()
    survives: str = ""

    def applied(self, text: str) -> str:
        """The mutated text of the file; raises ValueError if ``old`` does not stand there exactly once."""
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: {self.file} has {found} places that read {self.old!r}")
        return text.replace(self.old, self.new)
