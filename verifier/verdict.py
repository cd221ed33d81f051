"""The verdict in words that an auditor can read, act on and file."""

from __future__ import annotations

from collections.abc import Iterator

from verifier.checking import Report

#: Findings that are printed; all of them are counted.
SHOWN = 20
_DOUBTFUL = ("delivery.owed_twice", "delivery.not_owed", "delivery.ended_twice", "delivery.elsewhere")


def verdict(report: Report, name: str) -> str:
    """The whole text, ended by a line feed."""
    return "\n".join((*_checked(report, name), "", *_judgement(report), "", *_beyond(report))) + "\n"


def _checked(report: Report, name: str) -> Iterator[str]:
    balance, ended = report.balance, report.balance.ended
    yield f"{name}: events {report.header.first:,} to {report.last:,}, documents of schema {report.header.schema_version}"
    yield ""
    yield f"  events        {report.events:,} read; unique keys that come again: {_count(report, 'once')}"
    yield f"  chain         {report.checkpoints_matched:,} of {report.checkpoints:,} checkpoints match; head {report.head}"
    yield f"  signatures    {report.signatures_valid:,} of {report.checkpoints:,} valid, key SHA-256 {report.key_fingerprint}"
    causes = _count(report, "cause", "root", "decision")
    yield f"  decisions     {balance.decisions:,} read; causes that do not exist or were decided twice: {causes}"
    sums = " + ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in balance.states.items())
    yield f"  documents     {balance.accepted:,} accepted = {sums}"
    sums = " + ".join(f"{count:,} {end}" for end, count in ended.items())
    yield f"  deliveries    {balance.owed:,} owed = {sums} + {balance.open:,} open"
    yield f"                owed twice, ended twice or not owed: {_count(report, *_DOUBTFUL)}"
    waiting = _count(report, "document.no_reason", "delivery.no_reason")
    yield f"  exceptions    {balance.cases_opened:,} opened, {balance.cases_open:,} open; waiting without one: {waiting}"


def _judgement(report: Report) -> Iterator[str]:
    if report.sound:
        yield "SOUND: nothing was changed, removed, inserted or moved, and the ledger balances."
        return
    total = sum(report.counts.values())
    codes = ", ".join(f"{code} {count:,}" for code, count in sorted(report.counts.items()))
    yield f"NOT SOUND: {total:,} finding{'' if total == 1 else 's'} ({codes})"
    for finding in report.findings[:SHOWN]:
        yield f"  {finding}"
    if total > SHOWN:
        yield f"  and {total - SHOWN:,} more; --json lists the first {len(report.findings):,}"


def _beyond(report: Report) -> Iterator[str]:
    """What this verdict rests on, and what to keep for the next one."""
    if not report.key_given:
        yield "The key came from the file itself. Compare its SHA-256 with what the hospital published, or pass --public-key."
    if report.anchors_matched:
        yield f"The chain agrees with {report.anchors_matched} anchor{'s' if report.anchors_matched > 1 else ''} kept elsewhere."
    else:
        yield "Without an anchor nobody can tell whether whole checkpoints were cut off the end."
    if report.sound:
        yield f"Keep this elsewhere for the next check: --anchor {report.last}:{report.head}"


def _count(report: Report, *prefixes: str) -> int:
    return sum(count for code, count in report.counts.items() if code.startswith(prefixes))
