"""What a bank writes freely, without the account numbers that it quotes: of an IBAN the last four characters stay (ISO 13616)."""

from __future__ import annotations

import re

_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![A-Z0-9])")


def unquoted(said: str) -> str:
    """The words with every valid IBAN shortened; other numbers stay, since nobody can tell them from references."""
    return _IBAN.sub(lambda found: _shortened(found[0]), said)


def _shortened(found: str) -> str:
    """The IBAN may end before the match does, where words in capitals follow it."""
    parts = found.split(" ")
    for end in range(len(parts), 0, -1):
        number = "".join(parts[:end])
        if 15 <= len(number) <= 34 and _valid(number):
            return " ".join([f"…{number[-4:]}", *parts[end:]])
    return found


def _valid(number: str) -> bool:
    """Whether the check digits are right (ISO 7064, modulus 97-10)."""
    turned = number[4:] + number[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1
