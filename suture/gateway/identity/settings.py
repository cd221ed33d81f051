"""The identity file (``identity.toml`` beside the network file): whom we believe, and what their word is worth here."""

from __future__ import annotations

import ssl
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from suture.model import Finding
from suture.runtime.secrets import PLACES, placed

#: The signatures that may be asked for: with a public key only, so that whoever can verify cannot sign (RFC 8725 section 3.1).
ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "Ed448"}
)
#: Hosts that may be asked without TLS: this machine.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Grant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a machine's proof is worth: its roles, narrowed to scopes, a supplier, legal entities and facilities."""

    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    supplier: str = ""
    instance: str = ""
    entities: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()


class Client(Grant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine that an issuer knows as ``id`` (the claim ``client_id``)."""

    id: str


class Certificate(Grant, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine known by its TLS certificate: the SHA-256 of one certificate, or a subject (RFC 4514) of a trusted authority."""

    name: str
    fingerprint: str = ""
    subject: str = ""


class Issuer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID provider or authorization server whose tokens we believe, and what its claims mean here.

    ``issuer`` is exactly what its tokens say (iss), ``audience`` what they must say of us (aud). ``roles`` maps values of
    ``roles_claim`` (a path with dots for nested claims) to our roles, ``scopes`` its scopes to our permissions; what is in
    neither map means nothing here. ``supplier_claim``, ``entities_claim`` and ``facilities_claim`` narrow, where they are named.
    ``clients`` are the machines that may come with a token of their own (client credentials). ``introspection`` "always" asks
    the issuer about each token, at most once in ``introspect_every_s`` (RFC 7662), which makes a revocation known here.
    ``bound`` refuses tokens that any thief could use: each must be bound to a key (RFC 9449) or certificate (RFC 8705).
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    types: tuple[str, ...] = ("at+jwt", "application/at+jwt")
    keys: str = ""
    subject_claim: str = "sub"
    prefix: str = ""
    roles_claim: str = "roles"
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    supplier_claim: str = ""
    entities_claim: str = ""
    facilities_claim: str = ""
    clients: tuple[Client, ...] = ()
    introspection: Literal["never", "always"] = "never"
    introspect_every_s: float = 30.0
    client_id: str = ""
    client_secret: str = ""
    bound: bool = False
    #: So long may a token hold at most, in seconds.
    longest_s: int = 43_200


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people sign in to the console: at this issuer, as this client of it, and where it sends them back to."""

    issuer: str
    client_id: str
    redirect: str
    client_secret: str = ""
    scope: str = "openid"
    #: So long is a login good for, in seconds; then the issuer is asked again.
    session_s: int = 28_800


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway's own TLS: its certificate and key (PEM), and the authorities whose certificates callers may, or must, have."""

    certificate: str
    key: str
    clients: str = ""
    required: bool = False

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 and later; raises OSError for files that cannot be read, ssl.SSLError for what is none."""
        clients = Path(self.clients) if self.clients else None
        return server_context(Path(self.certificate), Path(self.key), clients, required=self.required)


def server_context(certificate: Path, key: Path, clients: Path | None = None, *, required: bool = False) -> ssl.SSLContext:
    """TLS 1.2 and later for a server; ``clients`` are the authorities (PEM) whose certificates callers may come with, or must."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file; without one nobody is believed but holders of API keys, which the journal knows."""

    issuers: tuple[Issuer, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    login: Login | None = None
    tls: Tls | None = None
    #: Where callers reach us, where something stands before us: proofs of possession name this address.
    public: str = ""
    #: How far our clocks may be apart, in seconds.
    skew_s: int = 60
    #: How long what the journal says of keys and emergencies is remembered; a revocation elsewhere is known here after it.
    remembered_s: float = 1.0


class BadIdentity(ValueError):
    """The identity file cannot be used; ``findings`` say where and how to mend it."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


def read_identity(path: Path) -> Settings:
    """The settings of a TOML file, its secrets found from where it lies; Settings() without a file. Raises BadIdentity."""
    try:
        settings = _placed(msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings), path.parent)
        findings = tuple(unsound(settings, str(path)))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        findings = (Finding(code="unreadable", path=str(path), text=f"{error.strerror}; name a TOML file that you may read"),)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        findings = (Finding(code="not_toml", path=str(path), text=f"{error}; see https://toml.io for the syntax"),)
    except msgspec.ValidationError as error:
        findings = (Finding(code="wrong_field", path=str(path), text=f"{error}; see docs/security.md for the fields"),)
    if findings:
        raise BadIdentity(findings)
    return settings


def _placed(settings: Settings, folder: Path) -> Settings:
    replace = msgspec.structs.replace
    issuers = tuple(replace(issuer, client_secret=placed(issuer.client_secret, folder)) for issuer in settings.issuers)
    login = settings.login
    if login is not None:
        login = replace(login, client_secret=placed(login.client_secret, folder))
    tls = settings.tls
    if tls is not None:
        beside = {name: str(folder / getattr(tls, name)) for name in ("certificate", "key", "clients") if getattr(tls, name)}
        tls = replace(tls, **beside)
    return replace(settings, issuers=issuers, login=login, tls=tls)


def unsound(settings: Settings, path: str) -> Iterator[Finding]:
    """What would let the wrong one in, or nobody."""
    for issuer in settings.issuers:
        yield from _issuer(issuer, f"{path}: issuers.{issuer.issuer}")
    for what, names in (
        ("issuer", [issuer.issuer for issuer in settings.issuers]),
        ("prefix", [issuer.prefix for issuer in settings.issuers]),
        ("certificate", [certificate.name for certificate in settings.certificates]),
    ):
        for name, times in Counter(names).items():
            if times > 1:
                text = f"{times} have the {what} {name!r}; two people would be taken for one"
                yield Finding(code="name_taken", path=path, text=text)
    for certificate in settings.certificates:
        if bool(certificate.fingerprint) == bool(certificate.subject):
            text = "name either the fingerprint of one certificate or the subject of a trusted authority's"
            yield Finding(code="certificate_unclear", path=f"{path}: certificates.{certificate.name}", text=text)
    if settings.login is not None and settings.login.issuer not in [issuer.issuer for issuer in settings.issuers]:
        yield Finding(code="unknown_issuer", path=f"{path}: login.issuer", text="is none of the issuers of this file")


def _issuer(issuer: Issuer, path: str) -> Iterator[Finding]:
    for name in issuer.algorithms:
        if name not in ASYMMETRIC:
            yield Finding(code="bad_algorithm", path=f"{path}.algorithms", text=f"{name} proves nothing; use a public key's")
    if not issuer.algorithms or not issuer.audience:
        yield Finding(code="too_open", path=path, text="name the algorithms and the audience that its tokens must have")
    for url in (issuer.issuer, *([issuer.keys] if issuer.keys else [])):
        if not trustworthy(url):
            yield Finding(code="bad_address", path=path, text="an issuer is asked over https://, on this machine over http://")
    secrets = [issuer.client_secret] if issuer.client_secret else []
    if any(not name.startswith(PLACES) for name in secrets):
        text = "a secret is named, never written here: use env:NAME, file:PATH or vault:MOUNT/PATH#FIELD"
        yield Finding(code="secret_in_file", path=f"{path}.client_secret", text=text)
    if issuer.introspection == "always" and not issuer.client_id:
        yield Finding(code="no_client", path=path, text="who asks about tokens proves itself: name client_id and client_secret")


def trustworthy(url: str) -> bool:
    """Whether what is said at this address can be believed: TLS, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
