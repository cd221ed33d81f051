"""The contract of operations as OpenAPI 3.1, derived from their declarations: paths, parameters, schemas, statuses, examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from suture import __version__
from suture.gateway.operation import Operation
from suture.gateway.problem import ProblemDetails, told

_SCHEMAS = "#/components/schemas/{name}"
_encode = msgspec.json.Encoder(decimal_format="string").encode
#: What any call may be answered with, what a document handed over may, and what a look-up may, apart from success.
ANY = ("bad-parameter", "malformed", "unproven", "forbidden", "method", "too-many", "failed", "busy")
HANDED = (
    *("no-key", "no-instance", "too-slow", "in-progress", "too-large", "media-type"),
    *("unacceptable", "key-reused", "no-answer"),
)

Schema = dict[str, Any]


def openapi(operations: Iterable[Operation], server: str = "/") -> Schema:
    """The document. Operations in, plain data out; the same operations give the same document."""
    chosen = sorted(operations, key=lambda each: (each.address, each.method))
    schemas = _schemas(chosen)
    paths: dict[str, Schema] = {}
    for operation in chosen:
        paths.setdefault(operation.address, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Suture gateway",
            "version": __version__,
            "description": "Business capabilities of the hospital group. Every problem has a code, a class and a next step.",
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}, {"key": []}],
        "tags": [{"name": layer} for layer in sorted({operation.layer for operation in chosen})],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY},
    }


def document(operations: Iterable[Operation], server: str = "/") -> bytes:
    """The same as JSON."""
    return _encode(openapi(operations, server))


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token of the house's issuer (RFC 6750)."},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A partner's API key."},
}


def _operation(operation: Operation) -> Schema:
    made: Schema = {
        "operationId": operation.name,
        "summary": operation.title,
        "description": _description(operation),
        "tags": [operation.layer],
        "parameters": [*_parameters(operation), *_headers(operation)],
        "responses": _responses(operation),
        "x-suture": _promises(operation),
    }
    if operation.state == "deprecated":
        made["deprecated"] = True
    if operation.takes:
        made["requestBody"] = _body(operation)
    return made


def _description(operation: Operation) -> str:
    asks = f"Needs the permission `{operation.permission}`."
    once = " A repeat under the same Idempotency-Key gets the first answer." if operation.takes else ""
    return f"{operation.text}\n\n{asks}{once}"


def _promises(operation: Operation) -> Schema:
    promises: Schema = {
        "version": operation.version,
        "state": operation.state,
        "owner": operation.owner,
        "permission": operation.permission,
        "dataClass": operation.data_class,
        "quotaClass": operation.quota,
        "idempotency": operation.idempotency,
        "latencyTargetMs": operation.latency_ms,
        "criticality": msgspec.to_builtins(operation.criticality),
        "restsOn": list(operation.rests_on),
    }
    if operation.sunset_on:
        promises["sunset"] = operation.sunset_on.isoformat()
    return promises


# -- what goes in


def _parameters(operation: Operation) -> list[Schema]:
    schema = msgspec.json.schema_components([operation.asks], ref_template=_SCHEMAS)[1].get(operation.asks.__name__, {})
    fields: Mapping[str, Schema] = schema.get("properties", {})
    examples = next((example.given for example in operation.examples), {})
    found = [_parameter(operation, name, shape, examples.get(name)) for name, shape in fields.items()]
    found.append(_query("mock", {"type": "boolean"}, "Answer with the example, and do nothing."))
    if operation.paged:
        found.append(_query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "Rows of a page."))
        found.append(_query("after", {"type": "string", "maxLength": 18, "pattern": "^[0-9]*$"}, "The cursor of a Link header."))
    return found


def _parameter(operation: Operation, name: str, shape: Schema, example: str | None) -> Schema:
    inside = name in operation.names
    made: Schema = {
        "name": name,
        "in": "path" if inside else "query",
        "required": inside or "default" not in shape,
        "schema": _plain(shape, inside),
    }
    return {**made, "example": example} if example else made


def _plain(shape: Schema, inside: bool) -> Schema:
    """The shape of a value as it stands in an address: text of bounded length without control characters; None is left out."""
    kept = {name: value for name, value in shape.items() if name != "default"}
    if "anyOf" in kept:
        choices = [each for each in kept["anyOf"] if each.get("type") != "null"]
        kept = {**{name: value for name, value in kept.items() if name != "anyOf"}, **choices[0]}
    if isinstance(kept.get("enum"), list):
        kept["enum"] = [each for each in kept["enum"] if each is not None]
        return kept
    if kept.get("format") == "decimal":
        return {"type": "string", "pattern": r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$"}
    if kept.get("type") == "string" and "format" not in kept:
        kept = {"minLength": int(inside), "maxLength": 256, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$", **kept}
    return kept


def _query(name: str, schema: Schema, text: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


def _header(name: str, text: str, *, required: bool = False, pattern: str = "") -> Schema:
    schema = {"type": "string", **({"pattern": pattern} if pattern else {})}
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": text}


def _headers(operation: Operation) -> list[Schema]:
    if not operation.takes:
        wait = "wait=N: systems have N seconds to answer before they are told as unknown."
        return [_header("If-None-Match", "An ETag: 304 if nothing has changed."), _header("Prefer", wait)]
    pattern = r"^[A-Za-z0-9._~:+=@-]{1,128}$"
    found = [_header("Idempotency-Key", "New for each request.", required=True, pattern=pattern)]
    found.append(_header("Prefer", "respond-async: every document is taken now, and carried on afterwards."))
    if operation.guards:
        found.append(_header("If-Match", f"The ETag of {operation.guards}: 412 if it has changed since."))
    return found


def _body(operation: Operation) -> Schema:
    shapes = [_reference(kind) for kind in operation.takes]
    content: Schema = {"schema": shapes[0] if len(shapes) == 1 else {"oneOf": shapes}}
    shown = [example.document for example in operation.examples if example.document is not None]
    if shown:
        content["example"] = msgspec.json.decode(_encode(shown[0]))
    return {"required": True, "content": {"application/json": content}}


def _reference(kind: Any) -> Schema:
    return {"$ref": _SCHEMAS.format(name=kind.__name__)}


# -- what comes out


def codes(operation: Operation) -> tuple[str, ...]:
    """The problems that this operation may answer."""
    found = [*ANY, *(HANDED if operation.takes else ("not-found",))]
    if operation.names or not operation.takes:
        found.append("no-operation")
    if operation.guards:
        found += ["stale", "not-found"]
    if operation.sunset_on:
        found.append("gone")
    return tuple(dict.fromkeys(found))


def _responses(operation: Operation) -> Schema:
    made: Schema = {"202" if operation.takes else "200": _success(operation)}
    if not operation.takes:
        made["304"] = {"description": "Not changed since the ETag of If-None-Match."}
    for status, faults in sorted(told(codes(operation)).items()):
        text = "\n".join(f"* `{code}` ({fault.of}): {fault.title}; {fault.action}." for code, fault in faults)
        content = {"application/problem+json": {"schema": _reference(ProblemDetails)}}
        made[str(status)] = {"description": text, "content": content}
    return made


def _success(operation: Operation) -> Schema:
    content: Schema = {"schema": _reference(operation.gives)}
    shown = [example.answer for example in operation.examples if example.answer is not None]
    if shown:
        content["example"] = msgspec.json.decode(_encode(shown[0]))
    text = "Taken; Location names where its fate is told." if operation.takes else "The answer."
    names = ("RateLimit", "RateLimit-Policy", "traceparent", *(("Location",) if operation.takes else ("ETag",)))
    headers = {name: {"schema": {"type": "string"}} for name in (*names, *(("Link",) if operation.paged else ()))}
    return {"description": text, "headers": headers, "content": {"application/json": content}}


def _schemas(operations: Iterable[Operation]) -> Schema:
    kinds: dict[Any, None] = {ProblemDetails: None}
    for operation in operations:
        kinds.update(dict.fromkeys((operation.gives, *operation.takes)))
    _, found = msgspec.json.schema_components(list(kinds), ref_template=_SCHEMAS)
    plain: Schema = msgspec.json.decode(_encode(found))
    return dict(sorted(plain.items()))
