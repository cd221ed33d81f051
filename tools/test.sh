#!/bin/sh
# All tests, on both cores; the tables of real messages on one, so that they are seen.
set -eu
.venv/bin/ruff check --quiet suture verifier verifier_of_evidence tests tools live prove bench
.venv/bin/ruff format --check --quiet suture verifier verifier_of_evidence tests tools live prove bench
.venv/bin/mypy --no-error-summary
.venv/bin/pytest -m tables tests/formats "$@"
exec .venv/bin/pytest -n 2 --dist loadfile -m "not live and not tables" "$@"
