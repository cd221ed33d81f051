"""Bugs that somebody could write into the engine, by area: the simulator has to catch nearly all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prove.mutants import buying, cursors, deciding, delivering, formats, intake, journal, paying
from prove.mutants.mutant import Mutant

#: The mutants of each area of the engine.
AREAS: Mapping[str, Sequence[Mutant]] = {
    "intake and commands": intake.MUTANTS,
    "deciding and timers": deciding.MUTANTS,
    "delivering and doubt": delivering.MUTANTS,
    "journal": journal.MUTANTS,
    "polls and relays": cursors.MUTANTS,
    "buying, receiving, using": buying.MUTANTS,
    "matching and paying": paying.MUTANTS,
    "formats": formats.MUTANTS,
}

__all__ = ["AREAS", "Mutant"]
