"""Plain fields made into documents, with the place and the reason when they do not fit."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

T = TypeVar("T")
_SAID = re.compile(r"(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")


class Misshapen(ValueError):
    """Fields that make no document: where (``.lines[0].item``), why in words that quote nothing, and whether it is missing."""

    def __init__(self, text: str, path: str, missing: bool) -> None:
        super().__init__(text)
        self.path = path
        self.missing = missing


def shaped(plain: object, kind: type[T]) -> T:
    """``plain`` (mappings, sequences, scalars) as a ``kind``, every constraint of its declaration checked; raises Misshapen."""
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        said = _SAID.fullmatch(str(error))
        assert said is not None
        text, path = said["text"], said["path"] or ""
        missing = _MISSING.fullmatch(text)
        if missing:
            raise Misshapen("missing", f"{path}.{missing[1]}", True) from None
        raise Misshapen(text.replace("`", ""), path, False) from None
