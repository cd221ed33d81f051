"""When a file in a folder is whole, and what its name may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.transports import Answer
from suture.transports.pickup import Entry, Watch, folder_for, is_plain, problem_of, shown, sidecar

NOW = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_a_renamed_file_is_whole_at_once() -> None:
    watch = Watch("*", "rename", Clock())
    assert watch.look([Entry("b.txt", 1, 2), Entry("a.txt", 1, 2), Entry("z.txt", 1, 1)]) == ["z.txt", "a.txt", "b.txt"]


def test_a_marked_file_is_whole_and_markers_are_no_files() -> None:
    watch = Watch("*", "marker", Clock())
    listing = [Entry("a.txt", 1, 1), Entry("a.txt.done", 0, 2), Entry("b.txt", 1, 1), Entry("c.txt.done", 0, 1)]
    assert watch.look(listing) == ["a.txt"]


def test_a_steady_file_is_whole_after_enough_looks_and_enough_time() -> None:
    clock = Clock()
    watch = Watch("*", "stable", clock, looks=3, quiet_s=2.0)
    file = [Entry("a.txt", 10, 1)]
    for _ in range(5):
        assert watch.look(file) == []  # many looks within no time prove nothing
    clock.wait(2.0)
    assert watch.look(file) == ["a.txt"]


def test_time_alone_is_not_enough() -> None:
    clock = Clock()
    watch = Watch("*", "stable", clock, looks=3, quiet_s=2.0)
    assert watch.look([Entry("a.txt", 10, 1)]) == []
    clock.wait(60.0)
    assert watch.look([Entry("a.txt", 10, 1)]) == []
    assert watch.look([Entry("a.txt", 10, 1)]) == ["a.txt"]


@pytest.mark.parametrize("changed", [Entry("a.txt", 11, 1), Entry("a.txt", 10, 2)])
def test_a_file_that_grows_or_is_touched_starts_anew(changed: Entry) -> None:
    clock = Clock()
    watch = Watch("*", "stable", clock, looks=2, quiet_s=1.0)
    watch.look([Entry("a.txt", 10, 1)])
    clock.wait(5.0)
    assert watch.look([changed]) == []
    clock.wait(0.5)
    assert watch.look([changed]) == []
    clock.wait(0.5)
    assert watch.look([changed]) == ["a.txt"]


def test_a_file_that_went_and_came_back_starts_anew() -> None:
    clock = Clock()
    watch = Watch("*", "stable", clock, looks=2, quiet_s=0.0)
    watch.look([Entry("a.txt", 10, 1)])
    watch.look([])
    assert watch.look([Entry("a.txt", 10, 1)]) == []


@pytest.mark.parametrize("name", [".a.txt", "a.txt.part", "a.txt.tmp", "a.txt.filepart", "a.txt~", "a.csv", "A.TXT"])
def test_unfinished_hidden_and_foreign_names_are_left_alone(name: str) -> None:
    assert Watch("*.txt*", "rename", Clock()).look([Entry(name, 1, 1)]) == []


@pytest.mark.parametrize("name", ["a", "Kontoauszug März.txt", "INV 2026-03 (2).xml", "a..b", "x" * 200])
def test_plain_names(name: str) -> None:
    assert is_plain(name)
    assert shown(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "/etc/passwd", "a\nb", "a\0b", ".hidden", "x" * 201, "é" * 101, "a\udc80"]
)
def test_names_that_are_not_plain(name: str) -> None:
    assert not is_plain(name)


@given(st.text(max_size=400))
@settings(max_examples=50)
def test_whatever_is_shown_of_a_name_is_plain(name: str) -> None:
    assert is_plain(shown(name))


def test_what_the_sender_must_hear_of() -> None:
    assert problem_of("a.txt", 10, 10) == ""
    assert "empty" in problem_of("a.txt", 0, 10)
    assert "10 bytes" in problem_of("a.txt", 11, 10)
    assert "name" in problem_of("a\n.txt", 5, 10)


def test_where_a_file_goes() -> None:
    assert folder_for(Answer(outcome="accepted"), NOW) == ".archive/2026-03-02"
    assert folder_for(Answer(outcome="parked"), NOW) == ".archive/2026-03-02"
    assert folder_for(Answer(outcome="refused"), NOW) == ".refused"


def test_a_sidecar_speaks_the_formats_words_or_the_bare_fact() -> None:
    assert sidecar(Answer(outcome="refused", body=b"TA1*"), "a") == b"TA1*"
    assert sidecar(Answer(outcome="refused"), "a") == b'{"file":"a","outcome":"refused"}'
