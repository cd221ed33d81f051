"""OTLP: facts of the journal as spans and what operations watch as metrics, in the JSON encoding of OpenTelemetry's protocol 1.0.

Every fact is a span and its cause is its parent: a trace is one message and everything that came of it. Identities are drawn from
the facts' own keys, so that whoever exports a fact twice exports the same span. Attributes name what happened to which business
document at whose; none holds content, an amount, a person, or the number of anything about a patient.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from suture.journal import Delivery, Event
from suture.journal.rows import micros
from suture.model import Case, CaseResolved, Decided, Decision, Delivered, MessageReceived, Parked
from suture.runtime.telemetry import BOUNDS, STATES, Standing, Tally, Times
from suture.views.events import PATIENT

#: Kinds of spans and status codes, by their numbers in the protocol.
INTERNAL, SERVER, CLIENT = 1, 2, 3
ERROR = 2
#: Sums and histograms count from the process's beginning.
CUMULATIVE = 2
_SCOPE = {"name": "suture"}

Value = str | int | float | bool


class Span(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One span, as the protocol writes it: ids in hexadecimal, times in nanoseconds as text."""

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    name: str
    kind: int = INTERNAL
    start_time_unix_nano: str
    end_time_unix_nano: str
    attributes: list[dict[str, object]]
    status: dict[str, object] = msgspec.field(default_factory=dict)


def span(event: Event, delivery: Delivery | None = None) -> Span:
    """A fact as a span; that of a delivery's end lasts from when it was owed, where ``delivery`` is known."""
    name, kind, attributes, failed = _told(event)
    begin = delivery.created if delivery is not None else event.at
    cause = event.data.event if isinstance(event.data, Decided) else event.cause
    return Span(
        trace_id=_id(event.root.rpartition("#")[0] or event.root or event.once, 16),
        span_id=_id(event.once, 8),
        parent_span_id=_id(cause, 8) if cause and cause != event.once else "",
        name=name,
        kind=kind,
        start_time_unix_nano=_nanos(min(begin, event.at)),
        end_time_unix_nano=_nanos(event.at),
        attributes=attributes_of({"suture.source": event.source, "suture.fact": type(event.data).__name__, **attributes}),
        status={"code": ERROR} if failed else {},
    )


def _told(event: Event) -> tuple[str, int, dict[str, Value], bool]:
    """A fact's name, kind and business attributes, and whether it tells of a failure."""
    match event.data:
        case MessageReceived(instance=instance, channel=channel, format=format, outcome=outcome, documents=documents):
            told: dict[str, Value] = {"counterpart": instance, "channel": channel, "format": format, "documents": documents}
            return f"receive {channel or format}", SERVER, _named(told, outcome=outcome), outcome != "accepted"
        case Decided(process=process, phase=phase, version=version, owes=owes):
            return (
                f"decide {process}",
                INTERNAL,
                _named({"process": process, "version": version}, phase=phase, owes=len(owes)),
                False,
            )
        case Delivered(instance=instance, role=role, document=document, outcome=outcome):
            number = "" if document.type in PATIENT or any(ref.type in PATIENT for ref in event.refs()) else document.id
            attributes = _named({"counterpart": instance, "role": role}, document=document.type, number=number, outcome=outcome)
            attempts = event.once.rpartition("/")[2]
            attributes["suture.attempts"] = int(attempts) if attempts.isdecimal() and len(attempts) < 10 else 1
            return f"deliver {document.type}", CLIENT, attributes, outcome in ("refused", "parked")
        case Case(reason=reason, owner=owner, care=care):
            return f"raise {reason}", INTERNAL, _named({"reason": reason, "owner": owner}, care=care), True
        case CaseResolved(action=action):
            return f"resolve {action}", INTERNAL, _named({"action": action}), False
        case Decision(verb=verb):
            return f"command {verb}", INTERNAL, _named({"verb": verb}), False
        case Parked(reason=reason, instance=instance):
            return f"park {reason}", INTERNAL, _named({"counterpart": instance, "reason": reason}), True
    return f"{event.kind} {type(event.data).__name__}", INTERNAL, _business(event), False


def _business(event: Event) -> dict[str, Value]:
    """Which document it is, and whose."""
    refs, data = event.refs(), event.data
    hidden = any(ref.type in PATIENT for ref in refs)
    whose = {
        name: value for name in ("supplier", "facility", "entity") if isinstance(value := getattr(data, name, ""), str) and value
    }
    told: dict[str, Value] = {"document": type(data).__name__, **whose}
    return _named(told, number="" if hidden or not refs else refs[0].id, state=str(getattr(data, "state", "")))


def _named(told: Mapping[str, Value], **more: Value) -> dict[str, Value]:
    return {f"suture.{name}": value for name, value in {**told, **more}.items() if value != ""}


def traces(spans: Iterable[Span], resource: Mapping[str, Value]) -> bytes:
    """An export request for /v1/traces."""
    scoped = {"scope": _SCOPE, "spans": list(spans)}
    return msgspec.json.encode({"resourceSpans": [{"resource": _resource(resource), "scopeSpans": [scoped]}]})


# -- metrics


def metrics(tally: Tally, stands: Standing | None, resource: Mapping[str, Value], since: datetime, now: datetime) -> bytes:
    """An export request for /v1/metrics: the figures that /metrics tells, under the names of the protocol's conventions."""
    told = [
        _sum("suture.messages", "{message}", ("counterpart", "channel", "outcome"), tally.messages, since, now),
        _sum("suture.repeats", "{message}", ("counterpart", "channel"), tally.repeats, since, now),
        _sum("suture.conversations", "{conversation}", ("counterpart", "document", "outcome"), tally.conversations, since, now),
        _histogram("suture.delivery.duration", ("counterpart", "document"), tally.delivered, since, now),
        _histogram("suture.recovery.duration", ("counterpart",), tally.recovered, since, now),
        *(_stands(stands) if stands is not None else ()),
    ]
    scoped = {"scope": _SCOPE, "metrics": [metric for metric in told if metric is not None]}
    return msgspec.json.encode({"resourceMetrics": [{"resource": _resource(resource), "scopeMetrics": [scoped]}]})


def _stands(stands: Standing) -> Iterator[dict[str, object] | None]:
    at, names = stands.at, ("counterpart", "status")
    ages: dict[tuple[str, ...], float] = {}
    open_ones: dict[tuple[str, ...], float] = {}
    for row in stands.backlog:
        ages[row.instance, row.status] = max(0.0, (at - row.oldest).total_seconds())
        open_ones[row.instance, row.status] = row.count
    yield _gauge("suture.open_deliveries", "{delivery}", names, open_ones, at)
    yield _gauge("suture.oldest_delivery", "s", names, ages, at)
    yield _gauge("suture.open_exceptions", "{exception}", (), {(): stands.exceptions}, at)
    yield _gauge("suture.breaker", "1", ("counterpart",), {(name,): STATES[state] for name, state in stands.breakers.items()}, at)
    yield _gauge("suture.under_way", "{conversation}", ("counterpart",), {(name,): n for name, n in stands.under_way.items()}, at)


def _sum(
    name: str, unit: str, names: Sequence[str], values: Mapping[tuple[str, ...], int], since: datetime, now: datetime
) -> dict[str, object] | None:
    begin = {"startTimeUnixNano": _nanos(since)}
    points = [{**begin, **_point(names, key, value, now)} for key, value in values.items()]
    sum = {"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": True}
    return {"name": name, "unit": unit, "sum": sum} if points else None


def _gauge(
    name: str, unit: str, names: Sequence[str], values: Mapping[tuple[str, ...], float], now: datetime
) -> dict[str, object] | None:
    points = [_point(names, key, value, now) for key, value in values.items()]
    return {"name": name, "unit": unit, "gauge": {"dataPoints": points}} if points else None


def _point(names: Sequence[str], key: Sequence[str], value: float, now: datetime) -> dict[str, object]:
    said = {"asInt": str(value)} if isinstance(value, int) else {"asDouble": value}
    return {"timeUnixNano": _nanos(now), "attributes": _labels(names, key), **said}


def _histogram(
    name: str, names: Sequence[str], values: Mapping[tuple[str, ...], Times], since: datetime, now: datetime
) -> dict[str, object] | None:
    points = [
        {
            "startTimeUnixNano": _nanos(since),
            "timeUnixNano": _nanos(now),
            "attributes": _labels(names, key),
            "count": str(sum(times.buckets)),
            "sum": times.sum,
            "bucketCounts": [str(count) for count in times.buckets],
            "explicitBounds": list(BOUNDS),
        }
        for key, times in values.items()
    ]
    histogram = {"dataPoints": points, "aggregationTemporality": CUMULATIVE}
    return {"name": name, "unit": "s", "histogram": histogram} if points else None


def _labels(names: Sequence[str], key: Sequence[str]) -> list[dict[str, object]]:
    return attributes_of({f"suture.{name}": value for name, value in zip(names, key, strict=True)})


# -- writing


def attributes_of(values: Mapping[str, Value]) -> list[dict[str, object]]:
    """Attributes as the protocol writes them; whole numbers are texts."""
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Value) -> dict[str, object]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": value}


def _resource(values: Mapping[str, Value]) -> dict[str, object]:
    return {"attributes": attributes_of(values)}


def _id(key: str, size: int) -> str:
    return hashlib.blake2b(key.encode(), digest_size=size).hexdigest()


def _nanos(at: datetime) -> str:
    return str(micros(at) * 1000)
