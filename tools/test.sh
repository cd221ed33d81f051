#!/bin/sh
# All tests, on both cores.
set -eu
.venv/bin/ruff check --quiet suture tests tools live
.venv/bin/mypy --no-error-summary
exec .venv/bin/pytest -n 2 --dist loadfile -m "not live" "$@"
