"""The command line: ``suture COMMAND --help`` explains each command with examples."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from suture.cli import backup, check, demo, export, ledger, new, reconcile, replay, resolve, run, show, simulate
from suture.cli.output import told

app = typer.Typer(
    name="suture",
    help="The operational synchronisation layer of a hospital group: every document once, in order, provably.",
    epilog="Begin with `suture demo`; `suture COMMAND --help` explains each command with examples.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for module in (demo, simulate, run, check, new, show, ledger, reconcile, resolve, replay, export, backup):
    module.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the ``suture`` command; leaves with SystemExit."""
    with told():
        app(args=arguments, prog_name="suture")
