"""Exceptions that earlier runs of one comparison have raised, found again by how their ids begin."""

from __future__ import annotations

from collections.abc import Iterator

from suture.journal import Journal, State
from suture.model import Case, CaseResolved, Decision, Ref
from suture.runtime.decide import CASES, decode_case
from suture.runtime.mending import Known


class Raised:
    """All of them, open and closed, as the journal holds them now."""

    def __init__(self, journal: Journal, prefix: str) -> None:
        self.prefix, self._journal = prefix, journal
        self._states = {state.key: state for state in self._scan()}

    def known(self, id: str) -> Known:
        """What has been said about one before."""
        state = self._states.get(id)
        if state is None:
            return Known()
        case, ended, decision = None, "", None
        for row in self._journal.find(Ref("Case", id), limit=10_000):
            match row.event.data:
                case Case() as said:
                    case, ended, decision = said, "", None
                case CaseResolved(action=action):
                    ended = action
                case Decision() as said:
                    decision = said
        return Known(version=state.version, state=decode_case(state.data), case=case, ended=ended, decision=decision)

    def still_open(self) -> Iterator[tuple[str, Known]]:
        """Those that are open, by id, without their words."""
        for id, state in self._states.items():
            known = decode_case(state.data)
            if known.phase == "open":
                yield id, Known(version=state.version, state=known)

    def _scan(self) -> Iterator[State]:
        after = self.prefix
        while page := self._journal.scan_states(CASES, after):
            yield from (state for state in page if state.key.startswith(self.prefix))
            after = page[-1].key
            if not after.startswith(self.prefix):
                break
