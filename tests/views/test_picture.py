"""The picture of a process says what its example says, and stands on its own."""

from __future__ import annotations

import pytest
from lxml import etree
from msgspec import structs

from suture.extensions import found
from suture.processes import Process
from suture.views.picture import WIDTH, picture

PROCESSES = found("suture.processes", "PROCESS", Process)
every_process = pytest.mark.parametrize("process", PROCESSES.values(), ids=list(PROCESSES))


def words(process: Process) -> list[str]:
    root = etree.fromstring(picture(process).encode())
    return [str(node.text) for node in root.iter("{http://www.w3.org/2000/svg}text")]


@every_process
def test_it_tells_the_example_in_order(process: Process) -> None:
    assert process.example is not None
    told = iter(words(process))
    for step in process.example.steps:
        assert type(step.given).__name__ in told
        for effect in step.effects:
            verb, _, rest = effect.partition(" ")
            assert f"{verb.lower()} {rest.replace('_', ' ')}" in told


@every_process
def test_it_names_each_phase_that_the_example_reaches(process: Process) -> None:
    assert process.example is not None
    assert {step.state.replace("_", " ") for step in process.example.steps} <= set(words(process))


@every_process
def test_it_stays_within_its_frame(process: Process) -> None:
    root = etree.fromstring(picture(process).encode())
    _, _, width, height = map(int, root.get("viewBox", "").split())
    assert width == WIDTH
    for node in root.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 < int(node.get("x", "0")) < width
        assert 0 < int(node.get("y", "0")) < height


@every_process
def test_the_same_process_gives_the_same_picture(process: Process) -> None:
    assert picture(process) == picture(process)


def test_words_cannot_break_out_of_the_picture() -> None:
    process = next(iter(PROCESSES.values()))
    evil = structs.replace(process, title="</title><script>alert(1)</script>")
    root = etree.fromstring(picture(evil).encode())
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_without_an_example_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="no example"):
        picture(structs.replace(next(iter(PROCESSES.values())), example=None))
