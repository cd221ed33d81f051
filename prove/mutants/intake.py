"""Bugs of intake and command: what partners say and people decide becomes facts, wrongly."""

from __future__ import annotations

from prove.mutants.mutant import Mutant

_INTAKE, _COMMAND = "runtime/intake.py", "runtime/command.py"

MUTANTS = (
    Mutant(
        name="every arrival is taken for a new message",
        file=_INTAKE,
        old="{self.blob[:24]}",
        new="{self.blob[:24]}/{self.now.isoformat()}",
        scenarios=("bad lines",),
    ),
    Mutant(
        name="two different messages are taken for one",
        file=_INTAKE,
        old="{self.blob[:24]}",
        new="{self.blob[:2]}",
    ),
    Mutant(
        name="the partner is answered before the commit",
        file=_INTAKE,
        old="        kept = _kept(wiring, messages, now, commit or wiring.journal.commit)\n",
        new=(
            "        try:\n"
            "            kept = _kept(wiring, messages, now, commit or wiring.journal.commit)\n"
            "        except BaseException:\n"
            '            return [Answer(outcome="accepted") for _ in arrivals]\n'
        ),
        scenarios=("a bad disk", "power cuts"),
    ),
    Mutant(
        name="a repeat is answered otherwise than the first time",
        file=_INTAKE,
        old="return Answer(outcome=received.outcome, body=body,",
        new='return Answer(outcome="refused", body=body,',
        scenarios=("bad lines",),
    ),
    Mutant(
        name="now and then a document of a message is dropped",
        file=_INTAKE,
        old="in enumerate(documents):",
        new="in enumerate(documents[int(self.blob[:4], 16) % 29 == 0 :]):",
    ),
    Mutant(
        name="a document is taken up twice",
        file=_INTAKE,
        old="        self._event(once, document, routes)\n",
        new='        self._event(once, document, routes)\n        self._event(f"{once}/2", document, routes)\n',
    ),
    Mutant(
        name="partners' codes are taken for ours",
        file=_INTAKE,
        old="        return wiring.book.inbound(instance.name, kind, code, day)\n",
        new="        return code\n",
    ),
    Mutant(
        name="a message that nobody can read is answered as accepted",
        file=_INTAKE,
        old='return "refused" if wrong and not self.reading.documents else "accepted"',
        new='return "accepted"',
        scenarios=("bad lines", "busy people"),
    ),
    Mutant(
        name="a refused message is put before nobody",
        file=_INTAKE,
        old='        self._event(f"{once}/case", _case_of(parked, self.now), root=once)\n',
        new="",
        scenarios=("bad lines", "busy people"),
    ),
    Mutant(
        name="the bytes of a message are not kept",
        file=_INTAKE,
        old="        self.unit.keep(self.raw)\n",
        new="",
    ),
    Mutant(
        name="bytes are kept with the patient's name",
        file=_INTAKE,
        old="    raw = minimised(wiring, format, arrival.raw, instance.profile)\n",
        new="    raw = arrival.raw\n",
    ),
    Mutant(
        name="suppliers get no functional acknowledgement",
        file=_INTAKE,
        old="        if self._answers_later and body:\n",
        new="        if self._answers_later and not body:\n",
    ),
    Mutant(
        name="what was accepted is acknowledged as refused",
        file=_INTAKE,
        old='            self._owe_acknowledgement("refused" if outcome == "refused" else "accepted")',
        new='            self._owe_acknowledgement("refused")',
    ),
    Mutant(
        name="the partner's document is decided by one process only",
        file=_INTAKE,
        old="        routes = self.wiring.routes(document)\n",
        new="        routes = self.wiring.routes(document)[:1]\n",
    ),
    Mutant(
        name="a decision on what has moved on since is carried out",
        file=_COMMAND,
        old="    if last > decision.position:\n",
        new="    if last > decision.position + 10:\n",
        scenarios=("busy people", "partners away"),
    ),
    Mutant(
        name="a person's release sends again without looking",
        file=_COMMAND,
        old='    return "unknown" if looks and delivery.attempts else "queued"',
        new='    return "queued"',
        scenarios=("partners away", "everything"),
    ),
    Mutant(
        name="a cancelled delivery is told as done",
        file=_COMMAND,
        old='    change(unit, delivery, "cancelled",',
        new='    change(unit, delivery, "done",',
        scenarios=("partners away", "everything"),
    ),
    Mutant(
        name="a confirmed delivery is sent all the same",
        file=_COMMAND,
        old='    change(unit, delivery, "done",',
        new='    change(unit, delivery, "queued",',
        scenarios=("partners away", "everything"),
    ),
    Mutant(
        name="a person's decision about a delivery closes the exception and does nothing",
        file=_COMMAND,
        old="    return act(unit, delivery, decision, raw)\n",
        new='    return "done"\n',
        scenarios=("partners away", "everything"),
    ),
    Mutant(
        name="a person's decision leaves the exception of a delivery open",
        file=_COMMAND,
        old='    close_case(wiring, unit, decision, f"delivery/{delivery.id}", delivery.root)\n',
        new="",
        scenarios=("partners away", "everything"),
    ),
    Mutant(
        name="a person's decision is told to no process",
        file=_COMMAND,
        old="    unit.event(event, [to] if to and heard else [])\n",
        new="    unit.event(event)\n",
        scenarios=("busy people", "partners away"),
    ),
    Mutant(
        name="a message is released as often as somebody says so",
        file=_COMMAND,
        old='        once=f"{parked.id}/released/{number}",',
        new='        once=f"{parked.id}/released/{number}/{decision.id}",',
        scenarios=("busy people", "partners away"),
    ),
)
