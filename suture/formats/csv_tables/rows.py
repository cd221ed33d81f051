"""CSV text cut into rows of cells, one damaged row at a time (RFC 4180 and what spreadsheets make of it)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

DELIMITERS = ",;\t|"
LONGEST_CELL = 10_000
_DECLARED = re.compile(r"sep=([,;\t|])(?:\r\n|\n|\r|\Z)")
_LINE_END = re.compile(r"\r\n|\n|\r|\Z")


class Row(Struct, frozen=True):
    """The cells that begin on a line (from 1); with a problem, those before it."""

    line: int
    cells: tuple[str, ...] = ()
    problem: str = ""


def dialect(text: str, agreed: str) -> tuple[str, int]:
    """The delimiter (as the first line ``sep=;`` says, as agreed, else what the header has most), and where the table begins."""
    declared = _DECLARED.match(text)
    if declared is not None:
        return declared[1], declared.end()
    header = re.sub(r'"[^"]*"', "", text[: _first_line_end(text)])
    best = max(DELIMITERS, key=header.count)
    return (agreed if len(agreed) == 1 and agreed in DELIMITERS else best), 0


def _first_line_end(text: str) -> int:
    start = len(text) - len(text.lstrip())
    found = _LINE_END.search(text, start)
    return found.start() if found else len(text)


def rows(text: str, delimiter: str, start: int) -> Iterator[Row]:
    """The rows from ``start`` on; a row with a stray quote is a problem, and reading goes on at the next line."""
    cell = _Cell(delimiter)
    line, position = 1 + lines_in(text[:start]), start
    while position < len(text):
        cells, after, problem = cell.row(text, position)
        if problem:
            end = _LINE_END.search(text, position)
            after = end.end() if end else len(text)
        yield Row(line, tuple(cells), problem)
        line += lines_in(text[position:after])
        position = after


def lines_in(text: str) -> int:
    """How many lines end in the text, whichever way they do."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


class _Cell:
    """The two shapes of a cell, for one delimiter."""

    def __init__(self, delimiter: str) -> None:
        ends = re.escape(delimiter)
        # Possessive: what is within quotes is never looked at twice, however a hostile file is quoted.
        self._quoted = re.compile(rf' *+"([^"]*+(?:""[^"]*+)*+)" *+(?={ends}|\r|\n|\Z)')
        self._plain = re.compile(rf"[^{ends}\r\n]*+")
        self._delimiter = delimiter

    def row(self, text: str, position: int) -> tuple[list[str], int, str]:
        """The cells of the row at ``position``, where the next one begins, and the problem that ends it early."""
        cells: list[str] = []
        while True:
            cell, position, problem = self._one(text, position)
            if problem:
                return cells, position, problem
            cells.append(cell)
            if position < len(text) and text[position] == self._delimiter:
                position += 1
                continue
            end = _LINE_END.match(text, position)
            return cells, end.end() if end else len(text), ""

    def _one(self, text: str, position: int) -> tuple[str, int, str]:
        quoted = self._quoted.match(text, position)
        if quoted is not None:
            content = quoted[1].replace('""', '"')
            return content, quoted.end(), "a cell is too long" if len(content) > LONGEST_CELL else ""
        plain = self._plain.match(text, position)
        assert plain is not None
        if plain[0].lstrip().startswith('"'):
            return "", position, "a quoted cell is not closed, or something follows its closing quote"
        return plain[0].strip(), plain.end(), "a cell is too long" if len(plain[0]) > LONGEST_CELL else ""
