"""Mutual TLS: a certificate of a trusted authority is a machine, over a real socket; any other one is nobody."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from suture.gateway.front import front
from suture.gateway.identity import Identity, Settings, Unproven
from suture.gateway.identity.possession import certificate_print
from suture.gateway.identity.settings import Certificate, server_context
from suture.journal.memory import MemoryJournal
from suture.runtime.clock import ManualClock, SystemClock
from suture.runtime.network import read_network
from suture.runtime.serving import Serving
from suture.transports.http_protocol import GuardedProtocol, certificate_of
from tests.runtime.loopback import Loopback

NOW = SystemClock().now()


class Authority:
    """A certificate authority of this test, its files in ``folder``."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = folder / f"{name}.pem"
        self.certificate = self._sign(name, self.key, ca=True)
        self.pem.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str, days: int = 1) -> tuple[Path, Path, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key, days=days)
        pem, secret = self.folder / f"{self.name}-{name}.pem", self.folder / f"{self.name}-{name}.key"
        pem.write_bytes(certificate.public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pem, secret, certificate

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool = False, days: int = 1) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        begun = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        begun = begun.serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=2))
        begun = begun.not_valid_after(NOW + timedelta(days=days)).add_extension(x509.BasicConstraints(ca, None), critical=True)
        return begun.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False).sign(
            self.key, SHA256()
        )


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "house")


def door(*known: Certificate) -> Identity:
    return Identity(Settings(certificates=known), MemoryJournal(), ManualClock(NOW))


def calls(authority: Authority, identity: Identity, client: tuple[Path, Path] | None, *, required: bool = False) -> str:
    """What a server with this door says over a real TLS connection: the caller's name and roles, or why there is none."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            caller = await identity.caller({}, "127.0.0.1", "GET", "https://localhost/", certificate_of(scope))
            said = f"{caller.subject} {','.join(caller.roles)}"
        except Unproven as unproven:
            said = unproven.challenge
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": said.encode()})

    async def life() -> str:
        pem, secret, _ = authority.issue("server")
        tls = server_context(pem, secret, authority.pem, required=required)
        config = uvicorn.Config(
            app, port=0, http=GuardedProtocol, log_config=None, ws="none", lifespan="off", ssl_context_factory=lambda *_: tls
        )
        server = Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        trust = ssl.create_default_context(cafile=str(authority.pem))
        if client:
            trust.load_cert_chain(*client)
        try:
            port = server.servers[0].sockets[0].getsockname()[1]
            async with aiohttp.ClientSession() as session, session.get(f"https://localhost:{port}/", ssl=trust) as answer:
                return await answer.text()
        finally:
            server.should_exit = True
            await task

    return asyncio.run(life())


def test_a_declared_certificate_is_its_machine(authority: Authority) -> None:
    pem, secret, certificate = authority.issue("erp")
    by_subject = Certificate(name="erp", subject="CN=erp", roles=("machine",))
    assert calls(authority, door(by_subject), (pem, secret)) == "certificate/erp machine"
    print = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    by_print = Certificate(name="dock", fingerprint=f"SHA256:{print.upper()}", roles=("logistics",))
    assert calls(authority, door(by_print, by_subject), (pem, secret)) == "certificate/dock logistics"


def test_one_that_is_not_declared_is_nobody(authority: Authority) -> None:
    pem, secret, _ = authority.issue("mallory")
    known = Certificate(name="erp", subject="CN=erp", roles=("machine",))
    assert calls(authority, door(known), (pem, secret)) == 'Certificate realm="suture"'


def test_without_one_other_proofs_are_asked_for_unless_it_is_required(authority: Authority) -> None:
    assert calls(authority, door(), None) == 'Bearer realm="suture"'
    with pytest.raises((aiohttp.ClientError, ConnectionError, ssl.SSLError)):
        calls(authority, door(), None, required=True)


def test_a_certificate_of_another_authority_with_the_same_subject_does_not_get_in(authority: Authority, tmp_path: Path) -> None:
    pem, secret, _ = Authority(tmp_path, "evil").issue("erp")
    known = Certificate(name="erp", subject="CN=erp", roles=("machine",))
    with pytest.raises((aiohttp.ClientError, ConnectionError, ssl.SSLError)):
        calls(authority, door(known), (pem, secret))


def test_an_expired_one_is_refused_by_tls_and_by_the_door(authority: Authority) -> None:
    pem, secret, certificate = authority.issue("erp", days=-1)
    known = Certificate(name="erp", subject="CN=erp", roles=("machine",))
    with pytest.raises((aiohttp.ClientError, ConnectionError, ssl.SSLError)):
        calls(authority, door(known), (pem, secret))
    with pytest.raises(Unproven):
        asyncio.run(door(known).caller({}, "", "GET", "https://h/", certificate.public_bytes(Encoding.DER)))


@pytest.mark.parametrize("raw", [b"", b"\x30\x82", b"-----BEGIN CERTIFICATE-----"])
def test_what_is_no_certificate_is_nobody(raw: bytes) -> None:
    with pytest.raises(Unproven):
        asyncio.run(door().caller({}, "", "GET", "https://h/", raw))


def test_the_fingerprint_in_a_bound_token_is_the_certificates(authority: Authority) -> None:
    _, _, certificate = authority.issue("erp")
    assert len(certificate_print(certificate.public_bytes(Encoding.DER))) == 43


def test_a_served_network_knows_its_callers_by_their_certificates(authority: Authority, tmp_path: Path) -> None:
    pem, secret, _ = authority.issue("server")
    client = authority.issue("erp")

    async def story() -> tuple[int, int]:
        async with Loopback(tmp_path) as there:
            path = there.write_network()
            (path.parent / "identity.toml").write_text(
                f'[tls]\ncertificate = "{pem}"\nkey = "{secret}"\nclients = "{authority.pem}"\n'
                '[[certificates]]\nname = "erp"\nsubject = "CN=erp"\nroles = ["viewer"]\n'
            )
            served = Serving(read_network(path), path.parent, wing=front)
            await served.start()
            trust = ssl.create_default_context(cafile=str(authority.pem))
            url = served.listening.split(", ")[0].replace("127.0.0.1", "localhost") + "/api/operations"
            try:
                async with aiohttp.ClientSession() as session:
                    async with session.get(url, ssl=trust) as answer:
                        without = answer.status
                    trust.load_cert_chain(*client[:2])
                async with aiohttp.ClientSession() as session, session.get(url, ssl=trust) as answer:
                    return without, answer.status
            finally:
                await served.stop()

    assert asyncio.run(asyncio.wait_for(story(), 50)) == (401, 200)
