"""The command line: ``suture COMMAND --help`` explains each command with examples."""

from __future__ import annotations

import typer

from suture.cli import check, demo, export, ledger, new, replay, resolve, run, show

app = typer.Typer(
    name="suture",
    help="The operational synchronisation layer of a hospital group: every document once, in order, provably.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for module in (demo, run, check, new, show, ledger, resolve, replay, export):
    module.register(app)


def main() -> None:
    """The entry point of the ``suture`` command."""
    app()
