"""Bugs of decide and of the clock: events meet the wrong state, or what follows from them is not written as one."""

from __future__ import annotations

from prove.mutants.mutant import Mutant

_DECIDE, _UNITS, _OUTAGES = "runtime/decide.py", "runtime/units.py", "runtime/outages.py"
_COMMIT = "        commit([batch.close()])\n    except ValueError as error:"
_REPLACE = "msgspec.structs.replace"
_EMPTY = "events=(), routes=(), states=(), deliveries=(), timers=()"

MUTANTS = (
    Mutant(
        name="an event is finished before what follows from it is written",
        file=_DECIDE,
        old=_COMMIT,
        new=(
            "        unit = batch.close()\n"
            f"        commit([{_REPLACE}(unit, {_EMPTY})])\n"
            f"        commit([{_REPLACE}(unit, done=())])\n"
            "    except ValueError as error:"
        ),
        scenarios=("power cuts", "a bad disk"),
    ),
    Mutant(
        name="states are written before the obligations that come with them",
        file=_DECIDE,
        old=_COMMIT,
        new=(
            "        unit = batch.close()\n"
            f"        commit([{_REPLACE}(unit, deliveries=(), timers=())])\n"
            f"        commit([{_REPLACE}(unit, events=(), routes=(), states=(), done=())])\n"
            "    except ValueError as error:"
        ),
        scenarios=("power cuts", "a bad disk"),
    ),
    Mutant(
        name="obligations are written before the event is finished",
        file=_DECIDE,
        old=_COMMIT,
        new=(
            "        unit = batch.close()\n"
            f"        commit([{_REPLACE}(unit, events=(), routes=(), states=(), done=(), timers=())])\n"
            f"        commit([{_REPLACE}(unit, deliveries=())])\n"
            "    except ValueError as error:"
        ),
        scenarios=("power cuts", "a bad disk"),
    ),
    Mutant(
        name="a timer fires twice",
        file=_DECIDE,
        old="    unit.event(event, [to] if TimerFired in wiring.processes[timer.process].on else [])\n",
        new=('    unit.event(event, [to])\n    unit.event(msgspec.structs.replace(event, once=f"{event.once}/2"), [to])\n'),
    ),
    Mutant(
        name="a timer that has fired stays armed",
        file=_DECIDE,
        old="    unit.fired.append((timer.process, timer.key, timer.name, timer.due))\n",
        new="",
    ),
    Mutant(
        name="waits are never armed",
        file=_DECIDE,
        old="                self.unit.timer(Timer(item.process, item.key, name, until, item.event.once, item.event.root))\n",
        new="                pass\n",
    ),
    Mutant(
        name="nobody hears that a timer has fired",
        file=_DECIDE,
        old="[to] if TimerFired in wiring.processes[timer.process].on else []",
        new="[]",
    ),
    Mutant(
        name="now and then an obligation is forgotten",
        file=_DECIDE,
        old="    def _send(self, item: Work, send: Send, id: str) -> None:\n",
        new=(
            "    def _send(self, item: Work, send: Send, id: str) -> None:\n"
            "        if item.position % 29 == 0:\n"
            "            return\n"
        ),
    ),
    Mutant(
        name="now and then a state is forgotten",
        file=_UNITS,
        old="        self.states[state.process, state.key] = state\n",
        new=(
            "        if state.version % 5 and sum(state.key.encode()) % 7:\n"
            "            self.states[state.process, state.key] = state\n"
        ),
    ),
    Mutant(
        name="what a process says is heard by one other only",
        file=_DECIDE,
        old="        self.unit.event(self._event(item, document, once), self.wiring.routes(document))\n",
        new="        self.unit.event(self._event(item, document, once), self.wiring.routes(document)[:1])\n",
    ),
    Mutant(
        name="a question is put to nobody",
        file=_DECIDE,
        old='                self._send(item, _question(effect, item.key), f"{once}/ask")\n',
        new="                pass\n",
    ),
    Mutant(
        name="an exception is not raised",
        file=_DECIDE,
        old="        self.unit.event(self._event(item, case, once, to=(item.process, item.key)))\n",
        new="        pass\n",
        scenarios=("everything", "partners away"),
    ),
    Mutant(
        name="an exception is raised twice",
        file=_DECIDE,
        old="        self.unit.event(self._event(item, case, once, to=(item.process, item.key)))\n",
        new=(
            "        self.unit.event(self._event(item, case, once, to=(item.process, item.key)))\n"
            '        self.unit.event(self._event(item, case, f"{once}/2", to=(item.process, item.key)))\n'
        ),
        scenarios=("everything", "partners away"),
    ),
    Mutant(
        name="an exception is resolved silently",
        file=_DECIDE,
        old="        self.unit.event(self._event(item, resolved, once))\n",
        new="        pass\n",
        scenarios=("everything", "partners away"),
    ),
    Mutant(
        name="a process forgets its exception without resolving it",
        file="processes/cases.py",
        old="        course.want(Resolve(case=id, action=action, actor=actor, reason=reason))\n",
        new="        pass\n",
        scenarios=("everything", "partners away"),
    ),
    Mutant(
        name="a decision does not record what it looked at",
        file=_DECIDE,
        old="            seen=saw,\n",
        new="            seen=(),\n",
    ),
    Mutant(
        name="a decision does not record whom it owes what",
        file=_DECIDE,
        old="            owes=tuple(owed_of(delivery) for delivery in owed),\n",
        new="            owes=(),\n",
    ),
    Mutant(
        name="the outage of a partner stays open when it is back",
        file=_OUTAGES,
        old='        if self._state(id)[1].phase != "open":\n',
        new="        if True:\n",
        scenarios=("partners away",),
    ),
    Mutant(
        name="each waiting document raises the outage of its partner again",
        file=_OUTAGES,
        old='        if self._state(id)[1].phase == "open":\n',
        new="        if False:\n",
        scenarios=("partners away",),
    ),
    Mutant(
        name="the outage of a partner is told nobody",
        file=_OUTAGES,
        old='        self._say(unit, case, f"{id}/{times}")\n',
        new="",
        scenarios=("partners away",),
    ),
    Mutant(
        name="outages are remembered from a commit that never happened",
        file=_OUTAGES,
        old='        """Ask the journal again before the next word."""\n        self._known = None\n',
        new='        """Ask the journal again before the next word."""\n',
        scenarios=("partners away", "everything"),
    ),
)
