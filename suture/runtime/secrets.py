"""Where credentials are kept: named in the network file, read when they are needed, never shown."""

from __future__ import annotations

import os
from pathlib import Path

from suture.runtime.vault import VaultSilent, from_vault

#: How the name of a place begins that may hold a secret.
PLACES = ("env:", "file:", "vault:")


class NoSecret(LookupError):
    """The place that should hold a secret is empty; the message names the place, never its content."""


def placed(name: str, folder: Path) -> str:
    """The same name with the path of a "file:" seen from ``folder``, so that it holds wherever the process was started."""
    kind, _, place = name.partition(":")
    return f"file:{folder.absolute() / place}" if kind == "file" and place else name


def secret(name: str) -> str:
    """The credential at env:NAME, file:PATH or vault:MOUNT/PATH#FIELD; "" for an instance that needs none. Raises NoSecret."""
    kind, _, place = name.partition(":")
    if not name:
        return ""
    if kind == "env":
        value = os.environ.get(place, "")
    elif kind == "file":
        value = Path(place).read_text("utf-8").strip() if Path(place).is_file() else ""
    elif kind == "vault":
        value = _in_vault(place)
    else:
        raise NoSecret("a secret is named env:NAME, file:PATH or vault:MOUNT/PATH#FIELD")
    if not value:
        raise NoSecret(f"there is no secret at {name}")
    return value


def _in_vault(place: str) -> str:
    try:
        return from_vault(place)
    except (VaultSilent, ValueError) as error:
        raise NoSecret(str(error)) from None
