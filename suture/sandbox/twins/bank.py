"""The twin of a bank: it takes payment files, says what it thinks of them, and settles the next banking day."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from random import Random

from suture.formats import Profile, Stamp
from suture.formats.iso20022 import FORMAT
from suture.model import Document, FunctionalAcknowledgement, PaymentInstruction, PaymentStatus
from suture.sandbox.twins.twin import Agenda, Twin


class BankTwin(Twin):
    """pain.001 in; pain.002 and camt.054 out. A message id that it has seen is refused as a duplicate."""

    def __init__(self, name: str, agenda: Agenda, chance: Random, profile: Profile) -> None:
        super().__init__(name, agenda)
        self.chance, self.profile, self.control = chance, profile, itertools.count(1)
        self.messages: set[str] = set()
        self.payments: list[PaymentInstruction] = []
        self.settled: list[str] = []
        self.duplicates = 0
        self.reject_rate, self.return_rate, self.repeat_rate = 0.01, 0.005, 0.03

    def receive(self, raw: bytes, now: datetime) -> None:
        """A payment file lies in the inbox."""
        reading = FORMAT.read(raw, self.profile)
        if reading.message_id in self.messages:
            self.duplicates += 1
            return
        self.messages.add(reading.message_id)
        self._say(FunctionalAcknowledgement(reference=reading.message_id, accepted=True), now)
        for payment in reading.documents:
            if isinstance(payment, PaymentInstruction):
                self._pay(payment, now)

    def _pay(self, payment: PaymentInstruction, now: datetime) -> None:
        self.payments.append(payment)
        if self.chance.random() < self.reject_rate:
            status = PaymentStatus(payment=payment.id, status="rejected", at=now, code="AC04", reason="account closed")
            self.agenda.at(now + timedelta(minutes=30), lambda moment: self._say(status, moment))
            return
        accepted = PaymentStatus(payment=payment.id, status="accepted", at=now, code="ACCP")
        self.agenda.at(now + timedelta(minutes=20), lambda moment: self._say(accepted, moment))
        self.agenda.at(now + timedelta(hours=18), lambda moment: self._settle(payment, moment))

    def _settle(self, payment: PaymentInstruction, now: datetime) -> None:
        self.settled.append(payment.id)
        self._say(self._booked(payment, "settled", now), now)
        if self.chance.random() < self.return_rate:
            self.agenda.at(now + timedelta(days=2), lambda moment: self._say(self._booked(payment, "returned", moment), moment))

    def _booked(self, payment: PaymentInstruction, status: str, now: datetime) -> PaymentStatus:
        return PaymentStatus(
            payment=payment.id,
            status="returned" if status == "returned" else "settled",
            at=now,
            code="AC04" if status == "returned" else "",
            amount=payment.amount,
            bank_reference=f"BK{len(self.settled):08d}",
        )

    def _say(self, document: Document, now: datetime) -> None:
        stamp = Stamp(number=next(self.control), at=now.isoformat())
        assert FORMAT.write is not None
        raw = FORMAT.write(document, self.profile, stamp)
        self.say("in", raw, f"{stamp.number:09d}.xml")
        if self.chance.random() < self.repeat_rate:
            self.say("in", raw, f"{stamp.number:09d}-again.xml")
