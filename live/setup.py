"""Set up the live counterparts: pinned environments under ``.live``, and Tryton's database bootstrapped once.

``python -m live.setup``; what is already there and unchanged is left alone.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

from live import database
from live.place import HERE, HOME, PEERS, program, requirements

#: Tryton's modules; what they depend on is activated with them.
MODULES = ("purchase_request", "stock_supply", "stock_lot", "account_invoice_stock", "account_payment", "account_statement")
PASSWORD = HOME / "tryton.password"
_TRYTON_PARTS = (HERE / "seed_tryton.py", requirements("tryton"))


def main() -> None:
    """Make every environment and the database, telling what is done and how long it took."""
    HOME.mkdir(exist_ok=True)
    for peer in PEERS:
        _tell(f"environment {peer}", environment, peer)
    _tell("database erp", bootstrap)


def _tell(what: str, make: object, *args: str) -> None:
    print(f"{what} ... ", end="", flush=True)
    begun = time.monotonic()
    assert callable(make)
    made = make(*args)
    print(f"made in {time.monotonic() - begun:.1f} s" if made else "there")


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _current(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text() == digest


def environment(peer: str) -> bool:
    """The peer's own environment with exactly the pinned packages; False if it was already so."""
    stamp, digest = HOME / peer / ".pinned", _digest(requirements(peer))
    if _current(stamp, digest):
        return False
    shutil.rmtree(HOME / peer, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(HOME / peer)], check=True)
    pip = [program(peer, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "-r", str(requirements(peer))], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"pip could not install {requirements(peer).name}:\n{done.stderr[-2000:]}")
    stamp.write_text(digest)
    return True


def bootstrap() -> bool:
    """Tryton's database: created, its modules activated, seeded and kept; False if it is already there and current."""
    kept = database.archive()
    stamp, digest = kept.with_suffix(kept.suffix + ".pinned"), _digest(*_TRYTON_PARTS)
    if _current(stamp, digest) and kept.exists() and PASSWORD.exists():
        return False
    _make_password()
    with database.scratch() as scratch:
        database.create(scratch)
        config = HOME / "bootstrap.conf"
        config.write_text(scratch.settings())
        env = {**os.environ, "TRYTONPASSFILE": str(PASSWORD)}
        admin = [program("tryton", "trytond-admin"), "-c", str(config), "-d", database.NAME]
        _quietly([*admin, "--all", "--email", "admin@example.org", "-l", "en"], env)
        _quietly([*admin, "-u", *MODULES, "--activate-dependencies"], env)
        uri = scratch.uri + database.NAME if scratch.kind == "postgresql" else f"sqlite:///{database.NAME}"
        _quietly([program("tryton", "python"), str(HERE / "seed_tryton.py"), str(config), uri, str(PASSWORD)], env)
        database.keep(scratch)
    stamp.write_text(digest)
    return True


def _make_password() -> None:
    """A password of this machine only; it is in no file that is committed."""
    if not PASSWORD.exists():
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(secrets.token_urlsafe(24))


def _quietly(argv: list[str], env: dict[str, str]) -> None:
    log = HOME / "bootstrap.log"
    with log.open("ab") as words:
        done = subprocess.run(argv, env=env, stdout=words, stderr=subprocess.STDOUT, check=False, cwd=HOME)
    if done.returncode:
        raise SystemExit(f"{Path(argv[0]).name} ended with {done.returncode}; see {log}:\n{log.read_text()[-2000:]}")


if __name__ == "__main__":
    main()
