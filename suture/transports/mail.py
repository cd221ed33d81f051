"""Mail out: one message over SMTP (RFC 5321), with TLS where the address asks for it."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from suture.transports.exchange import NoReply, NotSent

#: Ports where the address names none: relay, relay with TLS from the first byte.
PORTS = {"smtp": 25, "smtps": 465}


class Mail(Struct, frozen=True, kw_only=True):
    """One message in plain text. ``id`` is its Message-ID, ``about`` that of the message that it continues."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    id: str
    about: str = ""


class Mailbox:
    """A relay at smtp://[USER@]HOST[:PORT] (STARTTLS where it offers that) or smtps://; raises ValueError for another address."""

    def __init__(self, address: str, *, password: str = "", timeout_s: float = 20.0) -> None:
        url = urlsplit(address)
        if url.scheme not in PORTS or not url.hostname:
            raise ValueError("a mail relay is at smtp://HOST:PORT or smtps://HOST:PORT")
        self._tls, self._host, self._port = url.scheme == "smtps", url.hostname, url.port or PORTS[url.scheme]
        self._user, self._password, self._timeout_s = unquote(url.username or ""), password, timeout_s

    def send(self, mail: Mail) -> None:
        """Hand it to the relay for every recipient; raises NotSent if it was not taken, NoReply if nobody can tell."""
        try:
            with self._connected() as relay:
                refused = relay.send_message(written(mail), mail.sender, mail.to)
        except (smtplib.SMTPServerDisconnected, TimeoutError) as failure:
            raise NoReply(f"the mail relay: {type(failure).__name__}") from None
        except (smtplib.SMTPException, OSError) as failure:
            # a relay's own words may repeat whom we write to
            raise NotSent(f"the mail relay: {type(failure).__name__}") from None
        if refused:
            raise NotSent(f"the mail relay refused {len(refused)} of {len(mail.to)} recipients")

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._tls:
            relay: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=context)
        else:
            relay = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
            if relay.ehlo()[0] == 250 and relay.has_extn("starttls"):
                relay.starttls(context=context)
        if self._user:
            relay.login(self._user, self._password)
        return relay


def written(mail: Mail) -> EmailMessage:
    """The message as RFC 5322 has it; marked as written by a machine (RFC 3834 section 5), so that no machine answers it."""
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, _list(mail.to)
    message["Subject"], message["Message-ID"] = mail.subject, f"<{mail.id}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.about:
        message["In-Reply-To"] = message["References"] = f"<{mail.about}>"
    message.set_content(mail.text)
    return message


def _list(addresses: Sequence[str]) -> str:
    return ", ".join(addresses)
