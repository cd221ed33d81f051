"""The command line: ``suture COMMAND --help`` explains each command with examples."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module

import typer

from suture.cli.output import told

#: The modules of this folder that add commands, in the order in which people meet them.
COMMANDS = (
    "demo",
    "simulate",
    "run",
    "check",
    "new",
    "console",
    "show",
    "ledger",
    "kpis",
    "masters",
    "reconcile",
    "resolve",
    "replay",
    "events",
    "subscriptions",
    "feed",
    "evidence",
    "policies",
    "runbook",
    "inventory",
    "changes",
    "relay",
    "export",
    "archive",
    "backup",
    "partitions",
    "access",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the ``suture`` command; leaves with SystemExit."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    # a question should not wait for the libraries of commands that nobody asked for
    known = [name for name in asked[:1] if name in COMMANDS]
    with told():
        application(known or COMMANDS)(args=asked, prog_name="suture")


def application(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        name="suture",
        help="The operational synchronisation layer of a hospital group: every document once, in order, provably.",
        epilog="Begin with `suture demo`; `suture COMMAND --help` explains each command with examples.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    # with a callback even a single command keeps its name
    app.callback()(lambda: None)
    for name in commands:
        import_module(f"suture.cli.{name}").register(app)
    return app
