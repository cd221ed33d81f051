"""A served contract under attack: calls made of its own schemas, good and bad, in the name of every caller.

The calls come from schemathesis, which nobody here wrote; so do the judges: no server error, no status, header, media type or
body that the contract does not promise. Whether an answer tells a caller of somebody else's documents is judged here.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct, field

#: What a caller must not be told: given its name, what it sent, and the answer's text, the first word that is another's, or "".
Leak = Callable[[str, str, str], str]


class Missing(RuntimeError):
    """schemathesis is not installed here."""


class Attacked(Struct, kw_only=True):
    """What came of it: calls by status, and each thing that is wrong, with the operation, the caller and the reason."""

    calls: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.errors or self.undocumented or self.leaks)


class Attack(Struct, frozen=True, kw_only=True):
    """One attack: the contract, where it is served, the header that names each caller, identifiers that exist, and the judge of
    leaks. ``cases`` for each operation, each called by every caller."""

    contract: Mapping[str, Any]
    address: str
    callers: Mapping[str, Mapping[str, str]]
    known: Sequence[str]
    leak: Leak
    cases: int
    seed: int
    tell: Callable[[str], None] = lambda line: None


def attack(of: Attack) -> Attacked:
    """Make the calls; raises Missing."""
    try:
        import requests
        import schemathesis
        from schemathesis.core.result import Err
    except ImportError as error:
        raise Missing(str(error)) from None
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    seen = Attacked()
    schema = schemathesis.openapi.from_dict(dict(of.contract))
    with requests.Session() as session:
        for number, found in enumerate(schema.get_all_operations()):
            if isinstance(found, Err):  # the contract itself is broken
                raise found.err()
            operation = found.ok()
            for mode in schemathesis.GenerationMode:
                _of_operation(of, seen, session, operation, mode, of.seed + number)
            of.tell(f"{operation.label}: {seen.calls:,} calls")
    return seen


def _of_operation(of: Attack, seen: Attacked, session: Any, operation: Any, mode: Any, seed: int) -> None:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st
    from hypothesis.errors import Unsatisfiable

    @seeded(seed)
    @settings(
        max_examples=of.cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), id=st.sampled_from(["", *of.known]))
    def run(case: Any, id: str) -> None:
        # half of the addresses name something that exists
        if id and case.path_parameters:
            for name in case.path_parameters:
                case.path_parameters[name] = quote(id, safe="")
        for who, headers in of.callers.items():
            _call(of, seen, session, case, who, headers)

    try:
        run()
    except Unsatisfiable:  # nothing can be wrong with a call that has no parameters
        return


def _call(of: Attack, seen: Attacked, session: Any, case: Any, who: str, headers: Mapping[str, str]) -> None:
    response = case.call(base_url=of.address, session=session, headers=dict(headers))
    seen.calls += 1
    seen.statuses[response.status_code] += 1
    where = f"{case.method} {case.formatted_path} as {who}: {response.status_code}"
    for kind, why in _judged(case, response):
        (seen.errors if kind == "error" else seen.undocumented).append(f"{where}: {why}")
    sent = f"{case.formatted_path} {case.query} {case.body}"
    # a mock's answer is the contract's own example
    if "suture-mock" not in response.headers and (word := of.leak(who, sent, response.text)):
        seen.leaks.append(f"{where}: tells of {word}")


def _judged(case: Any, response: Any) -> Iterator[tuple[str, str]]:
    from schemathesis import checks as c
    from schemathesis.core.failures import FailureGroup

    if response.status_code >= 500 and response.status_code != 503:
        yield "error", response.text[:300]
    checks = [c.status_code_conformance, c.content_type_conformance]
    checks += [c.response_headers_conformance, c.response_schema_conformance]
    try:
        case.validate_response(response, checks=checks)
    except FailureGroup as group:
        for failure in group.exceptions:
            yield "undocumented", f"{type(failure).__name__}: {failure}"[:400]
