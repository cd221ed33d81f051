"""The contracts of events as one AsyncAPI 3.0 document, and what a change of it means to those who listen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from suture.gateway.events.contract import CONTRACTS, EventContract
from suture.gateway.events.samples import sample
from suture.model.schema import SCHEMA_VERSION, Change, Unversioned, compare
from suture.runtime.network import Network
from suture.views.event_schema import event_schema
from suture.views.events import MAJOR, written

MEDIA_TYPE = "application/cloudevents+json"
_SCHEMAS = "#/components/schemas/"
#: What may stand around a document (CloudEvents 1.0.2, section 3); every event has all of the required ones.
_TEXT: Mapping[str, str] = {
    "id": "the event's unique key; a repeat has the same",
    "source": "/NETWORK/INSTANCE if a partner said it, /NETWORK/PROCESS if Suture did",
    "type": "what happened to what, with the major version of its schema",
    "subject": "the object that it is about first",
    "dataschema": "which shape the document has",
    "partitionkey": "the object whose events keep their order",
    "sequence": "the position in the journal, so padded that texts sort as numbers do",
}


def asyncapi(network: Network | None = None) -> dict[str, Any]:
    """The whole document; with a network also the servers where its events are heard."""
    contracts = CONTRACTS.values()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Suture events",
            "version": SCHEMA_VERSION,
            "description": "What happens between the systems of a hospital group: CloudEvents 1.0, at least once, in order.",
        },
        "defaultContentType": MEDIA_TYPE,
        **({"servers": _servers(network)} if network else {}),
        "channels": {type: _channel(contract, type) for contract in contracts for type in contract.types},
        "operations": {f"send.{type}": _operation(type) for contract in contracts for type in contract.types},
        "components": {
            "messages": {type: _message(contract, type) for contract in contracts for type in contract.types},
            "schemas": {"CloudEvent": _envelope(), **_shapes()},
        },
    }


def asyncapi_text(previous: bytes = b"") -> str:
    """The document as text to publish; raises Unversioned if it breaks ``previous`` under the same major version."""
    current = asyncapi()
    if previous and (wrong := unversioned(msgspec.json.decode(previous), current)):
        raise Unversioned("; ".join(map(str, wrong)))
    return msgspec.json.format(msgspec.json.encode(current, order="sorted"), indent=1).decode() + "\n"


def unversioned(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """What breaks listeners although the major version is the same, and what is new although the version is."""
    was, now = (_version(each) for each in (old, new))
    if now[0] > was[0]:
        return ()
    return tuple(change for change in changes(old, new) if change.kind == "breaking" or now <= was)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every difference that a listener could meet: an event type that is gone or new, and how its document changed."""
    return (*_channels(old["channels"], new["channels"]), *compare(_defs(old), _defs(new)))


def _channels(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted(set(old) - set(new)):
        yield Change(f"/channels/{name}", "breaking", "the event type is gone")
    for name in sorted(set(new) - set(old)):
        yield Change(f"/channels/{name}", "compatible", "a new event type")


def _defs(document: Mapping[str, Any]) -> Mapping[str, object]:
    return {"$defs": document["components"]["schemas"]}


def _version(document: Mapping[str, Any]) -> tuple[int, int]:
    major, minor, _ = str(document["info"]["version"]).split(".")
    return int(major), int(minor)


# -- parts


def _servers(network: Network) -> dict[str, Any]:
    gateway = {
        "host": f"{network.host}:{network.port}",
        "pathname": "/api/events",
        "protocol": "https" if network.host not in ("127.0.0.1", "localhost", "::1") else "http",
        "description": "Server-sent events, and webhooks to whoever subscribed.",
    }
    return {"gateway": gateway, **{relay.name: _broker(relay.address, relay.subjects) for relay in network.relays}}


def _broker(address: str, subjects: str) -> dict[str, Any]:
    return {
        "host": address.partition("://")[2],
        "protocol": "nats",
        "description": f"JetStream; the subject is the channel's address under {subjects!r}.",
    }


def _channel(contract: EventContract, type: str) -> dict[str, Any]:
    return {
        "address": type,
        "title": contract.title,
        "messages": {"event": {"$ref": f"#/components/messages/{type}"}},
        "tags": [{"name": contract.level}, {"name": contract.data_class}],
        "x-owner": contract.owner,
        "x-reads": contract.reads,
        "x-partners": contract.partners,
        "x-retention-days": contract.retention_days,
        "x-criticality": msgspec.to_builtins(contract.criticality),
    }


def _operation(type: str) -> dict[str, Any]:
    channel = f"#/channels/{type}"
    return {"action": "send", "channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/event"}]}


def _message(contract: EventContract, type: str) -> dict[str, Any]:
    kind = type.split(".")[2]
    attributes = {
        "type": {"const": type},
        "dataschema": {"const": f"urn:suture:events:{MAJOR}:{contract.name}"},
        "data": {"$ref": _SCHEMAS + contract.name},
    }
    return {
        "name": type,
        "title": f"{contract.name}, {kind}",
        "summary": contract.title,
        "contentType": MEDIA_TYPE,
        "payload": {"allOf": [{"$ref": _SCHEMAS + "CloudEvent"}, {"type": "object", "properties": attributes}]},
        "examples": [{"name": kind, "payload": msgspec.json.decode(written(sample(contract, kind)))}],
    }


def _envelope() -> dict[str, Any]:
    texts = {name: {"type": "string", "minLength": 1, "description": text} for name, text in _TEXT.items()}
    return {
        "title": "CloudEvent",
        "type": "object",
        "required": ["specversion", *_TEXT, "time", "datacontenttype"],
        "properties": {
            "specversion": {"const": "1.0"},
            **texts,
            "time": {"type": "string", "format": "date-time", "description": "when it happened"},
            "datacontenttype": {"const": "application/json"},
            "dataref": {"type": "string", "description": "where the document is, if it is too large to come along"},
            "data": {"description": "the document, without what does not leave"},
        },
    }


def _shapes() -> dict[str, Any]:
    return {name: _moved(shape) for name, shape in event_schema()["$defs"].items()}


def _moved(part: Any) -> Any:
    """A schema whose references lead to where AsyncAPI keeps schemas."""
    if isinstance(part, dict):
        return {name: _moved(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_moved(each) for each in part]
    return part.replace("#/$defs/", _SCHEMAS) if isinstance(part, str) and part.startswith("#/$defs/") else part
