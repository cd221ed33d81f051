"""The known names and codes that look most like an unknown one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from functools import lru_cache

#: Below this a likeness is chance, and a suggestion would mislead (1 is the same word, 0 has nothing in common).
_LEAST = 0.3
#: How many index entries one question may touch, so that it stays quick among a million codes.
_MOST_TOUCHED = 200_000
_MOST_WEIGHED = 200

_NOISE = re.compile(r"[\W_]+")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


class Nearest:
    """Terms and the objects they stand for; likeness is the share of common trigrams (Dice's coefficient).

    Case, punctuation and leading zeros are disregarded. The index is built when it is first asked.
    """

    def __init__(self) -> None:
        self._targets: dict[str, set[str]] = {}
        self._terms: list[str] = []
        self._index: defaultdict[str, list[int]] = defaultdict(list)
        self._indexed = 0

    def add(self, term: str, target: str) -> None:
        """``term`` is one way to speak of ``target``."""
        word = _word(term)
        if word not in self._targets:
            self._targets[word] = set()
            self._terms.append(word)
        self._targets[word].add(target)

    def find(self, term: str, limit: int = 5) -> tuple[str, ...]:
        """The targets with the likest terms, best first, at most ``limit``; those without likeness are left out."""
        asked = _word(term)
        wanted = _trigrams(asked)
        # The same word comes before words of the same trigrams (4999 and 49999), even if these are many.
        best = dict.fromkeys(self._targets.get(asked, ()), 2.0)
        for word in self._likely(wanted):
            likeness = _likeness(wanted, _trigrams(word))
            for target in self._targets[word] if likeness >= _LEAST else ():
                best[target] = max(likeness, best.get(target, 0.0))
        return tuple(sorted(best, key=lambda target: (-best[target], target))[:limit])

    def _likely(self, wanted: frozenset[str]) -> list[str]:
        """The terms that share most trigrams, the rare ones asked first: they tell most."""
        self._catch_up()
        shared: Counter[int] = Counter()
        touched = 0
        for entries in sorted((self._index.get(trigram, []) for trigram in wanted), key=len):
            shared.update(entries[: _MOST_TOUCHED - touched])
            touched += len(entries)
            if touched >= _MOST_TOUCHED:
                break
        return [self._terms[number] for number, _ in shared.most_common(_MOST_WEIGHED)]

    def _catch_up(self) -> None:
        for number in range(self._indexed, len(self._terms)):
            for trigram in _trigrams(self._terms[number]):
                self._index[trigram].append(number)
        self._indexed = len(self._terms)


@lru_cache(maxsize=16_384)  # our own code of an object comes with each of its names
def _word(term: str) -> str:
    return _ZEROS.sub("", _NOISE.sub(" ", term.casefold())).strip()


def _trigrams(word: str) -> frozenset[str]:
    padded = f"  {word} "
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))
