"""The lexer: what partners send comes apart as meant and together again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.formats.x12 import lexer
from suture.formats.x12.lexer import join, tokenize
from tests.formats.x12.messages import ORDER, group, interchange, isa


def rows(text: str) -> list[list[str]]:
    (found,) = tokenize(text).interchanges
    assert not found.problem
    cleaned = [lexer.clean(row, found) for row in found.rows]
    return [row for row in cleaned if row != [""]]


PLAIN = rows(interchange(group("850", ORDER)).decode())


@pytest.mark.parametrize(
    "end", ["~", "\n", "\r", "\r\n", "~\n", "~\r\n", "\x15", "\x1c", "\x1d", "!", "|", "'", "\\", "\x85", "…"]
)
def test_any_terminator_gives_the_same_segments(end: str) -> None:
    text = interchange(group("850", ORDER), end=end).decode()
    assert rows(text) == PLAIN
    assert join(tokenize(text)) == text


@pytest.mark.parametrize("separator", ["*", "|", "~", "^", "+", "\x7f", "\x1d"])
def test_any_element_separator_gives_the_same_elements(separator: str) -> None:
    text = interchange(group("850", ORDER), end="\n").decode().replace("*", separator)
    assert rows(text) == PLAIN


def test_an_isa_that_is_not_106_wide_is_read_by_its_separators() -> None:
    text = interchange(group("850", ORDER)).decode().replace(" " * 10, " ").replace("GOODHAND       ", "GOODHAND")
    assert rows(text)[1:] == PLAIN[1:]
    assert rows(text)[0][6] == "GOODHAND"


def test_the_last_segment_needs_no_terminator() -> None:
    assert rows(interchange(group("850", ORDER)).decode()[:-1]) == PLAIN


@pytest.mark.parametrize("lead", ["\ufeff", " \r\n", "\0\0", "\t"])
def test_a_mark_or_blanks_before_the_isa_are_kept_aside(lead: str) -> None:
    text = lead + interchange(group("850", ORDER)).decode() + "\r\n\x1a"
    assert rows(text) == PLAIN
    assert join(tokenize(text)) == text


def test_lines_wrapped_at_eighty_columns_are_unwrapped() -> None:
    text = interchange(group("850", ORDER)).decode()
    wrapped = "\n".join(text[at : at + 80] for at in range(0, len(text), 80))
    assert rows(wrapped) == PLAIN
    assert join(tokenize(wrapped)) == wrapped


def test_indented_lines_are_read_and_kept() -> None:
    text = interchange(group("850", ORDER), end="~\n\t  ").decode()
    assert rows(text) == PLAIN


def test_two_interchanges_have_their_own_delimiters() -> None:
    first = interchange(group("850", ORDER)).decode()
    second = interchange(group("850", ORDER), control="000000092", end="\n").decode().replace("*", "|")
    tokens = tokenize(first + "\n" + second)
    assert [found.delimiters.element for found in tokens.interchanges] == ["*", "|"]
    assert [found.delimiters.terminator for found in tokens.interchanges] == ["~", "\n"]
    assert join(tokens) == first + "\n" + second


def test_an_interchange_without_iea_ends_where_the_next_begins() -> None:
    first = interchange(group("850", ORDER)).decode().replace("IEA*1*000000091~", "")
    tokens = tokenize(first + interchange(group("850", ORDER)).decode())
    assert len(tokens.interchanges) == 2
    assert tokens.interchanges[0].rows[-1] == [""]


def test_a_release_character_comes_with_isx_only() -> None:
    body = [line.replace("4711", "47?*11?~") for line in ORDER]
    header = isa(version="00801", repetition="^")
    released = interchange(["ISX*?", *group("850", body)], header=header).decode()
    assert [row[7] for row in rows(released) if row[0] == "PO1"] == ["47*11~"]
    assert join(tokenize(released)) == released
    plain = interchange(group("850", [line.replace("4711", "47?11") for line in ORDER]), header=header).decode()
    assert [row[7] for row in rows(plain) if row[0] == "PO1"] == ["47?11"]


@pytest.mark.parametrize(
    ("version", "mark", "expected"),
    [("00401", "^", ""), ("00402", "U", ""), ("00402", "^", "^"), ("00501", "^", "^"), ("00501", " ", "")],
)
def test_isa11_separates_repetitions_from_00402_on(version: str, mark: str, expected: str) -> None:
    text = interchange(group("850", ORDER), header=isa(version=version, repetition=mark)).decode()
    assert tokenize(text).interchanges[0].delimiters.repetition == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ISA*00*", "sixteen"),
        (isa() + "GS*PO", "terminator"),
        (isa(), "ends within"),
        (isa(component="A") + "~GS*PO~", "component"),
        (isa(component="~") + "~GS*PO~", "same"),
    ],
)
def test_an_isa_that_cannot_be_read_says_why(text: str, word: str) -> None:
    (found,) = tokenize(text).interchanges
    assert word in found.problem
    assert join(tokenize(text)) == text


def test_limits_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    text = interchange(group("850", ORDER)).decode()
    monkeypatch.setattr(lexer, "MOST_SEGMENTS", 5)
    assert "segments" in tokenize(text).problem
    monkeypatch.undo()
    monkeypatch.setattr(lexer, "MOST_ELEMENTS", 5)
    assert "elements" in tokenize(text).problem
    monkeypatch.undo()
    monkeypatch.setattr(lexer, "MOST_INTERCHANGES", 2)
    assert "interchanges" in tokenize(text * 3).problem
    assert join(tokenize(text * 3)) == text * 3


@given(st.text("ISAGE*~>\n\r \t?^|1", max_size=300))
def test_any_text_comes_together_again(text: str) -> None:
    for whole in (text, isa() + "~" + text, isa() + "\n" + text, isa() + "~ISX*?~" + text, isa() + "~ISX*?" + text):
        assert join(tokenize(whole)) == whole


def test_the_segment_that_declares_the_release_character_ends_as_any_other() -> None:
    text = interchange(["ISX*?", *group("850", ORDER)], header=isa(version="00801", repetition="^")).decode()
    assert [row[0] for row in rows(text)][:4] == ["ISA", "ISX", "GS", "ST"]
