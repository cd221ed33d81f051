"""Attacks on the doors: forged and stolen tokens, injection in every field, wandering names, bombs, and keys told by the clock.

Elsewhere: addresses that lead inward (transports/test_destinations), slow and swollen headers (transports/test_http_protocol),
stolen API keys (test_identity_keys), stolen bound tokens and codes (test_identity_provider).
"""

from __future__ import annotations

import ast
import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from suture.formats.xml import parse
from suture.gateway import Access, Caller
from suture.gateway.identity import Identity, Issuer, Settings, Unproven
from suture.gateway.identity.possession import certificate_print
from suture.gateway.identity.settings import BadIdentity, Client, read_identity
from suture.journal.memory import MemoryJournal
from suture.model import Finding
from suture.runtime.clock import ManualClock, SystemClock
from suture.transports.exchange import Answer, Arrival, Drop, NotSent
from suture.transports.folder import FolderInbox, FolderLink
from tests.gateway.house import House, house, path_of, query_of

T = TypeVar("T")
NOW = SystemClock().now()
KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1"})
AUDIENCE = "urn:suture:api"


# -- tokens


class Published:
    """An issuer that publishes its keys and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.keys: list[dict[str, Any]] = [dict(KEY.as_dict(private=False))]
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        return web.json_response({"keys": self.keys})


@asynccontextmanager
async def issuing() -> Any:
    issuer, app = Published(), web.Application()
    app.add_routes([web.get("/{any:.*}", issuer.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield issuer
    finally:
        await runner.cleanup()


def claims(issuer: str, **more: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    said = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "ana",
        "client_id": "portal",
        "iat": at,
        "exp": at + 600,
        "jti": "1",
        "roles": ["AP"],
    }
    return {name: value for name, value in {**said, **more}.items() if value is not None}


def signed(said: object, key: Any = KEY, **header: Any) -> str:
    head = {"alg": "RS256", "typ": "at+jwt", "kid": "k1", **header}
    return jws.serialize_compact(
        head, json.dumps(said).encode(), key, [head["alg"]], jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
    )


def raw(header: object, said: object, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(said).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def keyed(said: object, secret: bytes) -> str:
    """Signed with a secret that everybody knows."""
    begun = raw({"alg": "HS256", "typ": "at+jwt", "kid": "k1"}, said).rpartition(".")[0]
    proof = hmac.digest(secret, begun.encode(), hashlib.sha256)
    return f"{begun}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"


def door(url: str, clock: ManualClock | None = None, **more: Any) -> Identity:
    known: dict[str, Any] = {"audience": AUDIENCE, "roles": {"AP": ("clerk",)}, "keys": f"{url}/keys", **more}
    return Identity(Settings(issuers=(Issuer(issuer=url, **known),)), MemoryJournal(), clock or ManualClock(NOW))


def against(do: Callable[[Published], Awaitable[T]]) -> T:
    async def inside() -> T:
        async with issuing() as issuer:
            return await do(issuer)

    return asyncio.run(inside())


def asks(there: Identity, token: str, certificate: bytes | None = None) -> Awaitable[Caller]:
    return there.caller({"authorization": f"Bearer {token}"}, "127.0.0.1", "GET", "http://h/", certificate)


def told(make: Callable[[str], str], **more: Any) -> str | Caller:
    """Who the bearer of this token is, or why nobody."""

    async def inside(issuer: Published) -> str | Caller:
        there = door(issuer.url, **more)
        try:
            return await asks(there, make(issuer.url))
        except Unproven as unproven:
            return "" if unproven.later else unproven.why
        finally:
            await there.close()

    return against(inside)


PUBLIC_PEM = KEY.as_pem(private=False)
FORGED: dict[str, Callable[[str], str]] = {
    "no algorithm": lambda url: raw({"alg": "none", "typ": "at+jwt"}, claims(url)),
    "no algorithm, spelt otherwise": lambda url: raw({"alg": "nOnE", "typ": "at+jwt"}, claims(url)),
    "no algorithm, with the signature of another": lambda url: raw({"alg": "none", "typ": "at+jwt"}, claims(url), b"x" * 256),
    "the public key as a secret": lambda url: keyed(claims(url), PUBLIC_PEM),
    "an empty signature": lambda url: raw({"alg": "RS256", "typ": "at+jwt", "kid": "k1"}, claims(url)),
    "another key under the same name": lambda url: signed(claims(url), OTHER),
    "another key's name": lambda url: signed(claims(url), OTHER, kid="k2"),
    "a key of its own in the header": lambda url: signed(claims(url), OTHER, jwk=OTHER.as_dict(private=False)),
    "a key elsewhere": lambda url: signed(claims(url), OTHER, jku="http://127.0.0.1:9/keys", kid="k9"),
    "a path as the key's name": lambda url: signed(claims(url), OTHER, kid="../../../dev/null"),
    "another curve": lambda url: signed(claims(url), ECKey.generate_key("P-256"), alg="ES256"),
    "changed claims": lambda url: signed(claims(url)).replace(
        ".", "." + base64.urlsafe_b64encode(b'{"a":1,').decode().rstrip("="), 1
    ),
    "a critical extension that nobody knows": lambda url: raw(
        {"alg": "RS256", "typ": "at+jwt", "crit": ["x"], "x": 1}, claims(url)
    ),
    "an ID token": lambda url: signed(claims(url), typ="JWT"),
    "a logout token": lambda url: signed(claims(url), typ="logout+jwt"),
    "for somebody else": lambda url: signed(claims(url, aud="urn:other")),
    "for nobody": lambda url: signed(claims(url, aud=None)),
    "for somebody like us": lambda url: signed(claims(url, aud=[AUDIENCE + "2", AUDIENCE.upper()])),
    "by another issuer": lambda url: signed(claims(url + "/")),
    "expired": lambda url: signed(claims(url, exp=int(NOW.timestamp()) - 61)),
    "without an end": lambda url: signed(claims(url, exp=None)),
    "an end that is no number": lambda url: signed(claims(url, exp="tomorrow")),
    "an end that is true": lambda url: signed(claims(url, exp=True)),
    "for a hundred years": lambda url: signed(claims(url, exp=int(NOW.timestamp()) + 3_155_760_000)),
    "for ever": lambda url: signed(claims(url, exp=1e308)),
    "of tomorrow": lambda url: signed(claims(url, nbf=int(NOW.timestamp()) + 61)),
    "issued tomorrow": lambda url: signed(claims(url, iat=int(NOW.timestamp()) + 61)),
    "of a client that is not declared": lambda url: signed(claims(url, sub="portal")),
    "of nobody": lambda url: signed(claims(url, sub=None, client_id=None)),
    "of somebody called like a key": lambda url: signed(claims(url, sub="key/acme")),
    "of somebody with an invisible name": lambda url: signed(claims(url, sub="ana\u202e")),
    "of a list of people": lambda url: signed(claims(url, sub=["ana"])),
    "roles that are no list": lambda url: signed(claims(url, roles={"AP": True})),
    "bound to what we do not know": lambda url: signed(claims(url, cnf={"x": "y"})),
    "bound to a key, as if it were not": lambda url: signed(claims(url, cnf={"jkt": "x" * 43})),
    "bound to a certificate, without it": lambda url: signed(claims(url, cnf={"x5t#S256": "x" * 43})),
    "encrypted": lambda url: "a.b.c.d.e",
    "too large": lambda url: signed(claims(url, x="x" * 9000)),
    "claims that are a list": lambda url: signed([claims(url)]),
    "not ASCII": lambda url: "ä.b.c",
}


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_token_is_nobodys(attack: str) -> None:
    why = told(FORGED[attack])
    assert isinstance(why, str), f"{attack}: let in as {why}"
    assert why, "it is refused for good, not for a while"
    assert "Traceback" not in why


def test_the_genuine_one_is_let_in() -> None:
    caller = told(lambda url: signed(claims(url)))
    assert isinstance(caller, Caller)
    assert (caller.subject, caller.roles) == ("ana", ("clerk",))
    assert isinstance(told(lambda url: signed(claims(url, exp=int(NOW.timestamp()) - 59))), Caller)  # clocks differ


def test_a_role_of_the_issuer_is_not_one_of_ours_and_a_scope_adds_nothing() -> None:
    caller = told(lambda url: signed(claims(url, roles=["administrator", "*", "clerk"], scope="payments.release *.* orders")))
    assert isinstance(caller, Caller)
    assert caller.roles == ()
    assert not Access().allows(caller, "payments.release")


def test_a_machine_gets_no_more_than_token_and_declaration_both_grant() -> None:
    erp = Client(id="erp", roles=("buyer",), scopes=("orders.read",))
    more = {"clients": (erp,), "scopes": {"all": ("*.*",), "orders": ("orders.*",), "pay": ("payments.release",)}}
    scopes = {
        said: caller.scopes
        for said in ("all", "orders", "pay", "")
        if isinstance(
            caller := told(lambda url, said=said: signed(claims(url, sub="erp", client_id="erp", scope=said)), **more), Caller
        )  # type: ignore[misc]
    }
    assert scopes == {"all": ("orders.read",), "orders": ("orders.read",), "pay": ("-",), "": ("-",)}


def test_a_claim_that_should_narrow_and_is_missing_narrows_to_nothing() -> None:
    caller = told(lambda url: signed(claims(url)), entities_claim="entities")
    assert isinstance(caller, Caller)
    assert caller.entities == ("-",)


def test_a_token_bound_to_a_certificate_comes_with_it() -> None:
    mine, other = b"my certificate", b"another's"

    async def inside(issuer: Published) -> None:
        there, token = door(issuer.url, bound=True), signed(claims(issuer.url, cnf={"x5t#S256": certificate_print(mine)}))
        assert (await asks(there, token, mine)).subject == "ana"
        for certificate in (None, other):
            with pytest.raises(Unproven, match="certificate"):
                await asks(there, token, certificate)
        await there.close()

    against(inside)


def test_strangers_cannot_make_us_ask_the_issuer_again_and_again() -> None:
    async def inside(issuer: Published) -> None:
        clock = ManualClock(NOW)
        there = door(issuer.url, clock)
        for number in range(50):
            with pytest.raises(Unproven):
                await asks(there, signed(claims(issuer.url), OTHER, kid=f"k{number + 2}"))
        assert issuer.asked["/keys"] == 1
        await there.close()

    against(inside)


def test_a_silent_issuer_is_believed_for_an_hour_and_then_asked_for_later() -> None:
    async def inside() -> None:
        clock = ManualClock(NOW)
        async with issuing() as issuer:
            there = door(issuer.url, clock, longest_s=100_000)
            token = signed(claims(issuer.url, exp=int(NOW.timestamp()) + 90_000))
            assert await asks(there, token)
        clock.move_to(NOW + timedelta(minutes=30))
        assert await asks(there, token)
        clock.move_to(NOW + timedelta(minutes=90))
        with pytest.raises(Unproven) as unknown:
            await asks(there, token)
        assert unknown.value.later
        await there.close()

    asyncio.run(inside())


@given(st.text(max_size=80), st.sampled_from(["Bearer ", "bearer  ", "DPoP ", "Basic ", "Digest ", "", "Bearer"]))
@settings(max_examples=120, deadline=None)
def test_whatever_stands_in_the_header_is_answered_with_a_reason(text: str, scheme: str) -> None:
    there = door("http://127.0.0.1:9")
    with pytest.raises(Unproven):
        asyncio.run(there.caller({"authorization": scheme + text, "dpop": text}, "127.0.0.1", "GET", "http://h/"))


def test_two_proofs_at_once_prove_nothing() -> None:
    there = door("http://127.0.0.1:9")
    with pytest.raises(Unproven, match="not both"):
        asyncio.run(there.caller({"authorization": "Bearer x", "x-api-key": "y"}, "127.0.0.1", "GET", "http://h/"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[[issuers]]\nissuer="https://i"\naudience="a"\nalgorithms=["HS256"]', "bad_algorithm"),
        ('[[issuers]]\nissuer="https://i"\naudience="a"\nalgorithms=["none"]', "bad_algorithm"),
        ('[[issuers]]\nissuer="http://i.example"\naudience="a"', "bad_address"),
        ('[[issuers]]\nissuer="https://i"\naudience=""', "too_open"),
        ('[[issuers]]\nissuer="https://i"\naudience="a"\nclient_id="c"\nclient_secret="hunter2"', "secret_in_file"),
        ('[[issuers]]\nissuer="https://i"\naudience="a"\nintrospection="always"', "no_client"),
        ('[[certificates]]\nname="x"\nroles=["machine"]', "certificate_unclear"),
        ('[login]\nissuer="https://x"\nclient_id="c"\nredirect="https://h/"', "unknown_issuer"),
        ('[[issuers]]\nissuer="https://i"\naudience="a"\n[[issuers]]\nissuer="https://j"\naudience="a"', "name_taken"),
        ("rolls = 1", "wrong_field"),
        ("= 1", "not_toml"),
    ],
)
def test_an_identity_file_that_opens_too_much_is_refused(text: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "identity.toml").write_text(text)
    with pytest.raises(BadIdentity) as refused:
        read_identity(tmp_path / "identity.toml")
    assert code in {finding.code for finding in refused.value.findings}
    assert "hunter2" not in str(refused.value)


# -- what is said to an operation

INJECTED = (
    "' OR 1=1 --",
    "'; drop table events; --",
    "../../../../etc/passwd",
    "..%2f..%2fblobs.key",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "<!ENTITY x SYSTEM 'file:///etc/passwd'>",
    "%0d%0aSet-Cookie: a=b",
    "%s%n%x",
    "%00",
    "\u202eevil",
    "A" * 3000,
    "-1e309",
    "*",
)


def opened(test: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with house() as there:
            await test(there)

    asyncio.run(run())


def test_nothing_that_stands_in_an_address_or_a_query_is_obeyed() -> None:
    async def test(there: House) -> None:
        seen: Counter[int] = Counter()
        asked = [each for each in there.gateway.operations.values() if each.method == "GET"]
        for number, operation in enumerate(asked):
            for text in INJECTED[number % 3 :: 3]:
                path = path_of(operation, dict.fromkeys(operation.names, text.replace("/", "%2F").replace("?", "%3F")))
                query = {**dict.fromkeys(query_of(operation), text), "cursor": text, text[:20]: text}
                for parameters in ({}, query):
                    answer = await there.call("auditor", "GET", path, params=parameters)
                    seen[answer.status_code] += 1
                    assert answer.status_code in (200, 400, 403, 404, 414, 422), (operation.name, text, answer.status_code)
                    assert answer.headers["content-type"].split(";")[0].endswith("json"), (operation.name, text)
                    assert b"root:" not in answer.content
                    assert "set-cookie" not in answer.headers
        assert sum(seen.values()) > 100

    opened(test)


def fields(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all texts in plain JSON."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from fields(part, (*at, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from fields(part, (*at, index))
    elif isinstance(value, str):
        yield at


def with_text(value: Any, at: tuple[Any, ...], text: str) -> Any:
    """The same JSON with another text at one place."""
    whole = msgspec.json.decode(msgspec.json.encode(value))
    inside = whole
    for step in at[:-1]:
        inside = inside[step]
    inside[at[-1]] = text
    return whole


def test_nothing_that_stands_in_a_document_is_obeyed() -> None:
    async def test(there: House) -> None:
        tried = 0
        for operation in there.gateway.operations.values():
            document = next((each.document for each in operation.examples if each.document is not None), None)
            if operation.method == "GET" or document is None:
                continue
            plain = msgspec.json.decode(msgspec.json.encode(document, enc_hook=str))
            for number, at in enumerate(fields(plain)):
                text = INJECTED[(number + tried) % len(INJECTED)]
                body = json.dumps(with_text(plain, at, text)).encode()
                answer = await there.call("buyer", operation.method, path_of(operation), content=body)
                assert answer.status_code < 500 or answer.status_code == 503, (operation.name, at, text, answer.content[:200])
                tried += 1
        assert tried > 50
        assert there.service.failure is None

    opened(test)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 100_000,
        b'{"type":"Requisition","id":"' + b"x" * 600_000 + b'"}',
        b'{"a":1' + b"0" * 500_000 + b"}",
        b'{"' + b'a":1,"' * 60_000 + b'b":1}',
        b"\xff\xfe" * 1000,
        b"",
    ],
    ids=["deep", "unclosed", "long text", "long number", "many fields", "no text", "nothing"],
)
def test_a_body_made_to_hurt_costs_little_and_is_refused(body: bytes) -> None:
    async def test(there: House) -> None:
        begun = time.process_time()
        answer = await there.call("buyer", "POST", "/api/process/v1/orders", content=body)
        assert 400 <= answer.status_code < 500
        assert time.process_time() - begun < 3

    opened(test)


def test_a_packed_bomb_is_unpacked_no_further_than_its_limit() -> None:
    async def test(there: House) -> None:
        bomb = gzip.compress(b"0" * 20_000_000, 9)
        headers = {"content-encoding": "gzip"}
        answer = await there.call("buyer", "POST", "/api/process/v1/orders", content=bomb, headers=headers)
        assert answer.status_code == 413
        nested = gzip.compress(gzip.compress(b"0" * 100_000))
        answer = await there.call("buyer", "POST", "/api/process/v1/orders", content=nested, headers=headers)
        assert 400 <= answer.status_code < 500

    opened(test)


# -- files and XML


def test_a_file_is_called_what_it_is_called_and_lies_where_it_should(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "link.csv").symlink_to(outside)
    for name in ("..%2foutside.csv", "a\nb.csv", "x;rm -rf.csv", "$(id).csv", "%00.csv", "A" * 240 + ".csv"):
        (inbox / name).write_bytes(b"id\r\n1\r\n")
    heard: list[Arrival] = []

    async def accept(arrival: Arrival) -> Answer:
        heard.append(arrival)
        return Answer(outcome="accepted")

    looking = FolderInbox(inbox, "*.csv", instance="i", channel="c", clock=lambda: NOW, whole="rename")
    asyncio.run(looking.poll_once(accept))
    assert len(heard) == 6  # a name that begins with a full stop is not offered at all
    assert not [arrival for arrival in heard if b"secret" in arrival.raw]
    assert outside.read_bytes() == b"secret"
    assert {path.name for path in tmp_path.iterdir()} == {"in", "outside"}


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", ".", "", "a\0b", ".hidden", "a\nb"])
def test_nothing_is_written_beside_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    link = FolderLink(tmp_path / "out")
    with pytest.raises(NotSent):
        asyncio.run(link.perform(Drop(name=name, body=b"x")))
    assert list((tmp_path / "out").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
BOMBS = {
    "a billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>',
    "an external entity": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><a/>',
    "an external document type": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
    "an inclusion": '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></a>',
    "a stylesheet": '<?xml-stylesheet href="file:///etc/passwd"?><a/>',
    "depth": "<a>" * 100_000,
    "many attributes": "<a " + " ".join(f'a{n}=""' for n in range(100_000)) + "/>",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-7"])
def test_xml_neither_explodes_nor_reads_our_files(bomb: str, charset: str) -> None:
    begun = time.process_time()
    found = parse(BOMBS[bomb].encode(charset))
    assert time.process_time() - begun < 3
    said = str(found) if isinstance(found, Finding) else "".join(str(part) for part in found.itertext())
    assert "root:" not in said
    assert len(said) < 10_000


# -- the clock as a tell-tale

SECRET_NAMES = {
    "digest",
    "secret",
    "thumbprint",
    "state",
    "nonce",
    "csrf",
    "token",
    "signature",
    "print",
    "challenge",
    "verifier",
}


def test_secrets_are_compared_in_constant_time() -> None:
    """Whatever is called like a secret is never compared by ``==``, whose time tells how much of it was right."""
    wrong = []
    for path in sorted((Path(__file__).parents[2] / "suture").glob("gateway/identity/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
                names |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
                wrong += [f"{path.name}:{node.lineno}" for _ in names & SECRET_NAMES if "count" not in names]
    assert wrong == []


def test_a_proof_that_comes_twice_proves_nothing() -> None:
    async def test(there: House) -> None:
        heard: list[str] = []

        class Listening:
            async def caller(self, headers: Any, *more: Any) -> Caller:
                heard.append(headers.get("authorization", ""))
                raise Unproven("nobody")

        there.gateway.prover = Listening()
        twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")]
        answer = await there.client.get("/api/process/v1/orders", headers=twice)
        assert answer.status_code == 401
        assert heard == ["Bearer a, Bearer b"]

    opened(test)
