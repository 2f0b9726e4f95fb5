# Everything starts from a lock file and stays inside the checkout. PYTHON may name any Python from 3.11 on.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-interpreters interop bench walk docs tables check format lock clean

help: ## List these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python requirements.lock pyproject.toml
	@echo "setting up $(VENV) from requirements.lock"
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "adding the tools of requirements-dev.lock"
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.run ## Run a roaming day on a real server, then serve until Ctrl-C (DEMO=--once: exit instead)
	@$(BIN)/echs demo $(DEMO)

serve: $(VENV)/.run ## Run the server with the settings of the environment (SERVE="--bind HOST:PORT")
	@$(BIN)/echs serve $(SERVE)

test: $(VENV)/.dev ## Run all tests, on SQLite and on PostgreSQL (TEST=path or options of pytest)
	@$(BIN)/python -m pytest -n 4 --maxschedchunk 2 $(TEST)

test-interpreters: $(VENV)/.dev ## Run the demo and the protocol tests on every other Python found here (3.11 to 3.13)
	@$(BIN)/python tests/interpreters.py

interop: $(VENV)/.dev ## Run zeep, soap for Node.js and PHP through the roaming day with both WSDLs, and gSOAP with numeric PINs (INTEROP="--client zeep")
	@$(BIN)/python tests/interop/run.py $(INTEROP)

bench: $(VENV)/.dev ## Measure bulk exchange against baselines of the same run; writes the README's table (BENCH="--only lists")
	@$(BIN)/python bench/run.py $(BENCH)

walk: $(VENV)/.dev ## Show the files and functions that a request passes through, in order (WALK="--of ClearCDRs")
	@$(BIN)/python bench/walk.py $(WALK)

docs: $(VENV)/.dev ## Build the documentation site in docs/_build; warnings are errors
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

tables: $(VENV)/.dev ## Generate the documentation tables from the code (codes, rules, settings, metrics, limits)
	@$(BIN)/python docs/tables.py

check: $(VENV)/.dev ## Check lint, format, types, import direction and documentation tables; changes nothing
	@$(BIN)/ruff check src tests migrations bench deploy docs
	@$(BIN)/ruff format --check src tests migrations bench deploy docs
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python docs/tables.py --check || { echo "tables of the docs are old: make tables"; exit 1; }

format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff check --fix src tests migrations bench deploy docs
	@$(BIN)/ruff format src tests migrations bench deploy docs

lock: ## Regenerate both lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra demo --group dev -o requirements-dev.lock pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra demo --group build -c requirements-dev.lock -o requirements.lock pyproject.toml

clean: ## Remove everything these targets created, except data
	rm -rf docs/_build $(VENV) .venvs .pytest_cache .mypy_cache .ruff_cache .hypothesis demo
