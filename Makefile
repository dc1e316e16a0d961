# Shiftline. `make help` lists what there is. ARGS are passed on: make demo ARGS="--limit 20 --exit"
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Half of their time the tests wait, so three workers share two cores. Files keep their order: those that wait
# come first, and the last ones are short.
WORKERS = $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)))
SHARED = -n $(WORKERS) --maxprocesses 6 --dist loadfile --no-loadscope-reorder
# Each of the programs that the tests start would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test check collect accept bench fuzz soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/run ## Set up and play the publish-day burst: before and after
	@$(BIN)/shiftline demo $(ARGS)

serve: $(VENV)/run ## Run a worker with its status page (needs shiftline.toml)
	@$(BIN)/shiftline serve $(ARGS)

test: $(VENV)/dev ## Set up and pass the tests (unit, property, contract, interop, a demo, two kills)
	@scripts/install-peers
ifeq ($(ARGS),)
	@$(MAKE) --no-print-directory --jobs 2 check collect
	@$(BIN)/python -m pytest -m "not (accept or soak or alone)" $(SHARED)
	@$(BIN)/python -m pytest -m "alone and not (accept or soak)" tests/demo
else
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest -m "not (accept or soak)" $(ARGS)
endif

check: $(VENV)/dev ## Format, lint, types, walls
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache

collect: $(VENV)/dev # what the workers read is then compiled once, not by each of them
	@$(BIN)/python -m pytest --collect-only -qq >$(VENV)/collected || { cat $(VENV)/collected; exit 1; }

accept: $(VENV)/dev ## Every acceptance line with its figures (two hours)
	@scripts/install-peers
	@$(BIN)/python -m tests.accept $(ARGS)

bench: $(VENV)/dev ## Measure, side by side with the named peers
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/dev ## Try the SIP core on hostile bytes, a minute for each target (ARGS="reader --seconds 300")
	@$(BIN)/python -m fuzz $(ARGS)

soak: $(VENV)/dev ## Bursts and kills, again and again (SOAK_MINUTES=60)
	@scripts/install-peers
	@$(BIN)/python -m pytest -m soak --timeout 0 $(ARGS)

clean: ## Remove what the targets above made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Shiftline needs Python 3.11 or newer; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 -m venv does not work here. On Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Setting up (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/run
	@echo "Setting up the test tools (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
