"""The bank's reports on payment orders, at every level."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from suture.model import FunctionalAcknowledgement, PaymentStatus
from tests.formats.iso20022.bank import batch_of, codes, report, statuses, tx, verdicts


def test_a_rejected_group_is_a_refused_message_with_its_reason() -> None:
    """Pitfall: pain.002 at group level. A repeat that the bank knows (DUPL) is said here, too: the first one may well be paid."""
    reading = report(
        "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>DUPL</Cd></Rsn><AddtlInf>Seen</AddtlInf><AddtlInf>before</AddtlInf></StsRsnInf>"
    )
    assert verdicts(reading) == [(False, False)]
    assert statuses(reading) == []
    (verdict,) = reading.documents
    assert isinstance(verdict, FunctionalAcknowledgement)
    assert verdict.reference == "RUN-1"
    assert [(finding.code, finding.text) for finding in verdict.findings] == [("DUPL", "Seen before")]


def test_a_partly_accepted_group_tells_of_each_transaction() -> None:
    """Pitfall: pain.002 PART at transaction level."""
    reading = report("<GrpSts>PART</GrpSts>", batch_of(tx("P-1", "ACSP") + tx("P-2", "RJCT", "AC04") + tx("P-3", "PDNG")))
    assert verdicts(reading) == [(True, True)]
    assert statuses(reading) == [("P-1", "accepted", "ACSP"), ("P-2", "rejected", "AC04"), ("P-3", "pending", "PDNG")]
    assert [each.reason for each in reading.documents if isinstance(each, PaymentStatus)][1] == "the account is closed"


def test_a_transaction_inherits_the_status_of_its_batch() -> None:
    """Pitfall: pain.002 at batch level."""
    reading = report("", batch_of(tx("P-1"), "RJCT", "AM04") + batch_of(tx("P-2") + tx("P-3", "ACSC"), "ACSP"))
    assert statuses(reading) == [("P-1", "rejected", "AM04"), ("P-2", "accepted", "ACSP"), ("P-3", "settled", "ACSC")]
    assert verdicts(reading) == [(True, True)]


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (["RJCT"], (False, False)),
        (["RJCT", "RJCT"], (False, False)),
        (["ACTC", "RJCT"], (True, True)),
        (["ACTC", "ACSP"], (True, False)),
    ],
)
def test_batches_without_a_group_status_make_one_together(states: list[str], verdict: tuple[bool, bool]) -> None:
    assert verdicts(report("", "".join(batch_of("", state) for state in states))) == [verdict]


def test_pending_then_rejected_are_two_statuses_and_pending_is_no_verdict() -> None:
    """Pitfall: pending then reject, late return after accept: each report is told as it comes, in whatever order."""
    first = report("<GrpSts>RCVD</GrpSts>", batch_of(tx("P-1", "PDNG")))
    assert verdicts(first) == []
    assert codes(first) == ["iso.pending"]
    assert not first.errors
    assert statuses(first) == [("P-1", "pending", "PDNG")]
    assert statuses(report("", batch_of(tx("P-1", "RJCT", "AM04")))) == [("P-1", "rejected", "AM04")]


@pytest.mark.parametrize("bad", [tx("", "ACSP"), tx("NOTPROVIDED", "ACSP"), tx("P-9", "XXXX"), tx("P-9")])
def test_a_status_that_says_nothing_is_a_finding_and_stops_no_other(bad: str) -> None:
    reading = report("", batch_of(bad + tx("P-2", "ACSP")))
    assert statuses(reading) == [("P-2", "accepted", "ACSP")]
    assert codes(reading) == ["iso.status"]


def test_a_status_without_a_time_is_refused_and_a_time_without_zone_is_the_banks() -> None:
    """Pitfall, everywhere: dates without zone need the partner's zone."""
    assert codes(report("", batch_of(tx("P-1", "ACSP")), header="")) == ["iso.status"]
    (status,) = report("", batch_of(tx("P-1", "ACSP"))).documents
    assert isinstance(status, PaymentStatus)
    assert status.at == datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
