# The commands of the house. `make demo` and `make test` set up whatever they need.
PY := .venv/bin/python
READY := .venv/.ready

.PHONY: help demo screenshots test check audit docs dev live prove bench clean

help: ## What one can do here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml tools/setup.sh
	@sh tools/setup.sh
	@touch $(READY)

demo: $(READY) ## A day of a hospital group, and the balance at its end
	@$(PY) -m suture demo

screenshots: $(READY) ## Every page of the console as pictures, into .live/screenshots
	@$(PY) -m tools.screenshots .live/screenshots

test: $(READY) ## All tests, in under fifteen minutes on two cores
	@sh tools/test.sh

check: $(READY) ## Format, lint, types, tidy, documentation, and the mirror of sizes
	@.venv/bin/ruff format --check suture verifier verifier_of_evidence tests tools live prove bench
	@.venv/bin/ruff check suture verifier verifier_of_evidence tests tools live prove bench
	@.venv/bin/mypy
	@.venv/bin/pytest tests/test_tidy.py
	@$(PY) -m tools.docs --check
	@$(PY) tools/mirror.py

audit: $(READY) ## Known weaknesses of what we depend on; asks the package index
	@test -x .live/audit/bin/pip-audit || { python3 -m venv .live/audit && .live/audit/bin/pip install -qq pip-audit==2.10.1; }
	@$(PY) -m tools.audit .live/audit/bin/pip-audit

docs: $(READY) ## Write what the documentation takes from the code
	@$(PY) -m tools.docs

dev: $(READY) ## A shell-ready environment, without services
	@echo "Activate it with: . .venv/bin/activate   then: suture --help"

live: $(READY) ## Procure-to-pay against Tryton, mock-edi and mock-bank, counted in the peers
	@$(PY) -m live

prove: $(READY) ## The long proofs, about three hours; the tables go to docs/proof.md
	@$(PY) -m prove

bench: $(READY) ## Speed beside its baselines, about an hour; the tables go to docs/performance.md
	@$(PY) -m bench

clean: ## Remove what was set up here
	rm -rf .venv .live
