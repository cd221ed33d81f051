"""The desk where people answer approval tasks: somebody with the role and the limit, hours later, now and then with a no."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from suture.model import Approval, Person, Ref, encode
from suture.sandbox.twins.twin import Agenda

Say = Callable[[bytes, str], None]


class Desk:
    """Answers each task once; sometimes a requester tries to approve their own request first."""

    def __init__(self, agenda: Agenda, chance: Random, people: tuple[Person, ...], say: Say) -> None:
        self.agenda, self.chance, self.people, self.say = agenda, chance, people, say
        self.tasks: dict[str, dict[str, Any]] = {}
        self.approved: dict[str, list[str]] = {}
        self.reject_rate, self.overreach_rate = 0.02, 0.02

    def take(self, task: dict[str, Any]) -> None:
        """A task arrives; a repeat of it changes nothing."""
        if task["taskId"] in self.tasks:
            return
        self.tasks[task["taskId"]] = task
        start = self.agenda.now
        if self.chance.random() < self.overreach_rate:
            self.agenda.at(start + timedelta(minutes=5), lambda now: self._answer(task, task["requestedBy"], "approve", now))
        approver = self._approver(task)
        if approver is not None:
            decision = "reject" if self.chance.random() < self.reject_rate else "approve"
            wait = timedelta(minutes=self.chance.randint(10, 240))
            self.agenda.at(start + wait, lambda now: self._answer(task, approver.id, decision, now))

    def _approver(self, task: dict[str, Any]) -> Person | None:
        amount, role = Decimal(task["amount"]["value"]), task["approverRole"]
        fit = [
            person
            for person in self.people
            if role in person.roles and person.id != task["requestedBy"] and person.limit and person.limit.amount >= amount
        ]
        return self.chance.choice(fit) if fit else None

    def _answer(self, task: dict[str, Any], approver: str, decision: str, now: datetime) -> None:
        if decision == "approve":
            self.approved.setdefault(task["subject"]["id"], []).append(approver)
        approval = Approval(
            id=f"{task['taskId']}/{approver}",
            request=task["taskId"],
            subject=Ref(task["subject"]["type"], task["subject"]["id"]),
            approver=approver,
            decision="approve" if decision == "approve" else "reject",
            at=now,
        )
        self.say(encode(approval), f"{task['taskId']}-{approver}.json")
