"""The next release of our own software: what it reads was written by the last one, and may be read by the last one again."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec
from msgspec import Struct, structs

from suture.formats import Format
from suture.processes import Process
from suture.runtime.wiring import Wiring


class Release(Struct, frozen=True):
    """What a release brings along: the processes and formats of one version."""

    processes: Mapping[str, Process]
    formats: Mapping[str, Format]


def this_release(wiring: Wiring) -> Release:
    """What is installed."""
    return Release(wiring.processes, wiring.formats)


def next_release(wiring: Wiring) -> Release:
    """Each process and format in its next version; the states of the processes have a field more."""
    processes = {
        name: structs.replace(process, version=process.version + 1, state=_grown(process.state))
        for name, process in wiring.processes.items()
    }
    formats = {name: structs.replace(format, version=format.version + 1) for name, format in wiring.formats.items()}
    return Release(processes, formats)


@functools.cache
def _grown(state: type[Struct]) -> type[Struct]:
    """The same state with a field that the last release does not know, and that is written whether or not it is used."""
    config = state.__struct_config__
    return msgspec.defstruct(
        state.__name__,
        [("since_release", int, 2)],
        bases=(state,),
        frozen=config.frozen,
        omit_defaults=False,
        module=state.__module__,
    )
