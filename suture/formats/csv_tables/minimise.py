"""A table without patients: every column whose header leads to one holds pseudonyms before it is kept."""

from __future__ import annotations

import codecs
import contextlib
import re
from itertools import chain

from suture.formats.csv_tables.rows import Row, dialect, rows
from suture.formats.csv_tables.writing import quoted
from suture.formats.format import Profile
from suture.formats.persons import ANY, LEADS, QUICK, Pseudonym, own_names, withheld

#: So much of a table tells its character set where no mark does.
_HEAD = 1024
_SIGNS = re.compile(r"[^\w .-]")
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def minimise(raw: bytes, pseudonym: Pseudonym, profile: Profile = ANY) -> bytes:
    """``raw`` with pseudonyms in every column whose header leads to a patient; a table without one stays byte for byte.

    A header leads there by its own words, by those that the profile gives it (``header.THEIRS``), or because the profile says so
    (``patient``).

    Rows are cut as ``read`` cuts them. Of a damaged row stay the cells before the damage, in a row too long to be accepted; a
    table whose header is damaged, or cut by another sign, cannot be judged and is withheld. Letters that are none become
    U+FFFD, as in ``read``.
    """
    charset = _charset(raw)
    text = raw.decode(charset, "replace")
    own = _own(profile)
    if not own and not _tempting(text):
        return withheld(raw) if "\0" in text and _tempting(text.replace("\0", "")) else raw
    delimiter, start = dialect(text, profile.options.get("delimiter", ""))
    table = rows(text, delimiter, start)
    header = next((row for row in table if row.problem or any(row.cells)), Row(1))
    if header.problem:
        return withheld(raw)
    about = [number for number, cell in enumerate(header.cells) if LEADS.search(cell) or _said(cell) in own]
    if any(_hides(cell, own) for number, cell in enumerate(header.cells) if number not in about):
        return withheld(raw)
    if not about:
        return raw
    end = "\r\n" if "\r\n" in text else "\n"
    # lines before the header are empty, and stay so that findings name the same line
    above = text[:start] + end * (header.line - 1 - (start > 0))
    kept = chain([header.cells], (_kept(row, about, len(header.cells), pseudonym) for row in table))
    lines = (delimiter.join(quoted(cell, delimiter) for cell in cells) + end for cells in kept)
    return (above + "".join(lines)).encode(charset, "replace")


def _own(profile: Profile) -> frozenset[str]:
    """The headers that lead to a patient at this partner, whatever they are called."""
    named = ((name.partition(".")[2].casefold(), ours) for name, ours in profile.options.items() if name.startswith("header."))
    return own_names(profile) | {theirs for theirs, ours in named if LEADS.search(ours)}


def _tempting(text: str) -> bool:
    """Whether anything in it could lead to anybody by its own words."""
    return bool(QUICK.search(text.encode("utf-8", "replace")))


def _said(cell: str) -> str:
    """A header as a profile names it: read as Latin-1, UTF-8 has two letters for one."""
    with contextlib.suppress(UnicodeError):
        cell = cell.encode("latin-1").decode("utf-8")
    return cell.strip().casefold()


def _hides(cell: str, own: frozenset[str]) -> bool:
    """Whether a header leads to a patient behind a sign at which nothing was cut: only the agreement knows such a delimiter."""
    pieces = _SIGNS.split(cell)
    return len(pieces) > 1 and any(LEADS.search(piece.strip()) or _said(piece) in own for piece in pieces)


def _charset(raw: bytes) -> str:
    """As the mark at the beginning says, else as the zero bytes do: in UTF-16 every other byte of a header is one."""
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), "")
    head = raw[:_HEAD]
    after, before = head[1::2].count(0), head[::2].count(0)
    if marked or max(after, before) * 4 < len(head):
        return marked or "latin-1"
    return "utf-16-le" if after >= before else "utf-16-be"


def _kept(row: Row, about: list[int], width: int, pseudonym: Pseudonym) -> tuple[str, ...]:
    cells = list(row.cells)
    for number in about:
        if number < len(cells) and cells[number].strip():
            cells[number] = pseudonym(cells[number].strip())
    return (*cells, *[""] * (width + 1 - len(cells))) if row.problem else tuple(cells)
