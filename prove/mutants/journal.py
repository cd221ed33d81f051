"""Bugs of the journal: the law that everything else leans on is not kept."""

from __future__ import annotations

from prove.mutants.mutant import Mutant

_MEMORY, _RECORDS = "journal/memory.py", "journal/records.py"

MUTANTS = (
    Mutant(
        name="a repeat is written all the same",
        file=_MEMORY,
        old="        if repeated:\n",
        new="        if False:\n",
        scenarios=("bad lines",),
    ),
    Mutant(
        name="a repeat is written but for its events",
        file=_MEMORY,
        old="            return Committed(repeated=repeated)\n",
        new=(
            "            for delivery in draft.unit.deliveries:\n"
            '                self._add_delivery(msgspec.structs.replace(delivery, id=f"{delivery.id}/2"))\n'
            "            return Committed(repeated=repeated)\n"
        ),
        scenarios=("bad lines",),
    ),
    Mutant(
        name="a repeat is not counted",
        file=_MEMORY,
        old="            self._put(self._repeats, repeated, self._repeats.get(repeated, 0) + 1)\n",
        new="",
        scenarios=("bad lines",),
    ),
    Mutant(
        name="order within a key is not kept",
        file=_MEMORY,
        old="self._deliveries[lane[min(lane)]]",
        new="self._deliveries[lane[max(lane)]]",
        scenarios=("partners away",),
    ),
    Mutant(
        name="a parked document does not block its own key",
        file=_RECORDS,
        old='("queued", "sending", "awaiting", "unknown", "parked")',
        new='("queued", "sending", "awaiting", "unknown")',
        scenarios=("partners away", "everything"),
    ),
    Mutant(
        name="a document in doubt does not block its own key",
        file=_RECORDS,
        old='("queued", "sending", "awaiting", "unknown", "parked")',
        new='("queued", "sending", "awaiting", "parked")',
        scenarios=("partners away", "bad lines"),
    ),
    Mutant(
        name="a parked document blocks all keys of its counterpart",
        file=_MEMORY,
        old="        lane = self._lanes.setdefault((delivery.instance, delivery.key), {})\n",
        new='        lane = self._lanes.setdefault((delivery.instance, ""), {})\n',
        scenarios=("partners away", "everything"),
    ),
    Mutant(
        name="what is due later goes at once",
        file=_MEMORY,
        old="if head.status in statuses and head.due <= now and",
        new="if head.status in statuses and",
        scenarios=("partners away",),
    ),
    Mutant(
        name="control numbers are given out twice",
        file=_MEMORY,
        old='        number = self._count(f"number/{delivery.instance}")\n',
        new='        number = self._count(f"number/{delivery.instance}") // 2 + 1\n',
    ),
    Mutant(
        name="a change of a delivery does not ask what it was",
        file=_MEMORY,
        old="        if here is None or (here.status, here.attempts) != (change.was, change.attempts_was):\n",
        new="        if here is None:\n",
    ),
    Mutant(
        name="a worker that comes back late overwrites a state",
        file=_MEMORY,
        old="            if state.version != (here.version if here else 0) + 1:\n",
        new="            if False:\n",
    ),
    Mutant(
        name="a worker that comes back late finishes what is finished",
        file=_MEMORY,
        old='                raise Fenced(f"work {id} is gone")\n',
        new="                continue\n",
    ),
    Mutant(
        name="a delivery is owed a second time under its id",
        file=_MEMORY,
        old="        if delivery.id in self._deliveries:\n",
        new="        if False:\n",
    ),
    Mutant(
        name="a timer that is gone can fire",
        file=_MEMORY,
        old="            if here is None or here.due != due:\n",
        new="            if False:\n",
    ),
    Mutant(
        name="a commit that is refused leaves half of it behind",
        file=_MEMORY,
        old="        for table, key, before in reversed(self._undo):\n",
        new="        for table, key, before in ():\n",
    ),
    Mutant(
        name="a finished event waits on",
        file=_MEMORY,
        old="            self._put(self._work, id, _ABSENT)\n",
        new="            pass\n",
    ),
    Mutant(
        name="one event concerns one process only",
        file=_MEMORY,
        old="            id = work_id(positions[route.event], number)\n",
        new="            id = work_id(positions[route.event], 0)\n",
    ),
    Mutant(
        name="a word about a delivery finds nobody who waits for it",
        file=_MEMORY,
        old="            if delivery.reference == reference\n",
        new="            if delivery.reference == reference and not delivery.number % 5\n",
    ),
    Mutant(
        name="a timer that was cancelled stays armed",
        file=_MEMORY,
        old="            self._put(self._timers, name_, timer if timer.due else _ABSENT)\n",
        new="            if timer.due:\n                self._put(self._timers, name_, timer)\n",
    ),
)
