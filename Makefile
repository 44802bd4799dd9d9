# Mneme. `make` alone lists the goals. Every goal works from a clean clone, needs Python 3.11 or newer, and may run while another does.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
COMPAT := .venv-compat
OLD := recallrai-0.4.1 recallrai-0.2.0 reconify-3.0.0 claiv-memory-0.1.1 claiv-memory-0.4.0 claiv-memory-0.6.4
NODE_CLIENTS := examples/node tests/forward/node

# One setup at a time: `make run` and `make test` share the environment. The lock is on this very file, so nothing is left behind.
LOCKED := $(if $(shell command -v flock),flock Makefile,)
SETUP := @$(LOCKED) $(MAKE) --no-print-directory --silent
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
PINNED := --require-hashes --only-binary :all:
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-test run models test check lint types gen gen-check proto-lint lock eval fit bench soak up down clean

help: ## List the goals
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- environment ------------------------------------------------------------------------------------------------------------

setup: ## Make .venv with what the product needs
	$(SETUP) $(VENV)/.ready

setup-test: ## Make .venv with what the tests need too, the old SDK versions and the Node client
	$(SETUP) $(VENV)/.ready-test $(OLD:%=$(COMPAT)/%/.ready) $(if $(shell command -v npm),$(NODE_CLIENTS:%=%/node_modules/.ready))

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt pyproject.toml requirements.in | $(BIN)/python
	$(INSTALL) $(PINNED) -r requirements.txt
	$(INSTALL) --no-deps --no-build-isolation --no-index -e .
	touch $@

$(VENV)/.ready-test: $(VENV)/.ready requirements-dev.txt
	$(INSTALL) $(PINNED) -r requirements-dev.txt
	touch $@

# Beside the environment and without dependencies: each version is put in front of it in a process of its own.
$(COMPAT)/%/.ready: tests/compat/%.txt | $(BIN)/python
	rm -rf $(@D)
	$(INSTALL) $(PINNED) --no-deps --target $(@D) -r $<
	touch $@

%/node_modules/.ready: %/package.json %/package-lock.json
	npm --prefix $* ci --silent --no-audit --no-fund --ignore-scripts
	touch $@

lock: setup-test ## Pin every dependency anew, with hashes
	$(COMPILE) requirements.in requirements-build.in -o requirements.txt
	$(COMPILE) -c requirements.txt requirements-dev.in -o requirements-dev.txt
	$(COMPILE) -c requirements-dev.txt requirements-models.in -o requirements-models.txt

# --- the product ------------------------------------------------------------------------------------------------------------

run: setup ## Start Mneme in the foreground, data in ./.mneme
	@exec $(BIN)/mneme serve

models: setup ## Add the SDKs of language models to .venv: for MNEME_LLM, and MNEME_EMBEDDER=openai:<model>
	$(INSTALL) $(PINNED) -r requirements-models.txt

up: ## Start the production shape with Docker: Redis, Qdrant, two services, a worker, a gateway
	docker compose up --build --detach --wait

down: ## Stop it; the volumes stay
	docker compose down

# --- proof ------------------------------------------------------------------------------------------------------------------

test: setup-test ## Run every test: no network, no containers, no server to start by hand
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint types proto-lint gen-check ## Run every check that runs no product code

lint: setup-test ## Style, formatting, who may import whom, sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python tests/ratchet.py

types: setup-test ## Types, strict, tests too
	$(BIN)/mypy service gateway frames tests proto/generate.py

proto-lint: setup-test ## The contract: style, formatting, and no break against main
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code --path proto/mneme
	PATH="$(BIN):$$PATH" sh proto/breaking.sh

gen: setup-test ## Generate proto/gen from the contract
	$(BIN)/python proto/generate.py

gen-check: setup-test ## Say whether proto/gen and docs/settings.md are current
	$(BIN)/python proto/generate.py --check
	$(BIN)/mneme settings --markdown | diff -u docs/settings.md -

eval: setup-test ## Measure recall: make eval DATA=conversations.json [OUT=figures.json] [PICTURE=recall.svg]
	@test -n "$(DATA)" || { echo "DATA is missing: make eval DATA=path [OUT=file.json] [PICTURE=file.svg]" >&2; exit 2; }
	$(BIN)/python -m tests.bench.evaluate "$(DATA)" $(if $(OUT),--out "$(OUT)") $(if $(PICTURE),--picture "$(PICTURE)")

fit: setup-test ## Fit the weights of the ranking: make fit DATA=path
	@test -n "$(DATA)" || { echo "DATA is missing: make fit DATA=path" >&2; exit 2; }
	$(BIN)/python -m tests.bench.fit "$(DATA)"

bench: setup-test ## Measure latency, streams and throughput, p50 and p95 at 1,000 and 10,000 memories, what is found in chats, and how well memories are kept, dated and decided on
	$(BIN)/python -m tests.bench.latency
	$(BIN)/python -m tests.bench.scale users
	$(BIN)/python -m tests.bench.scale one
	$(BIN)/python -m tests.bench.scale curve
	$(BIN)/python -m tests.bench.throughput
	$(BIN)/python -m tests.bench.streams
	$(BIN)/python -m tests.bench.ranking
	$(BIN)/python -m tests.bench.chats
	$(BIN)/python -m tests.bench.extraction
	$(BIN)/python -m tests.bench.conflicts

soak: setup-test ## Interleave everything with crashes for a long time, and compare with a plain model
	$(BIN)/python -m pytest tests/usecases/test_exactly_once.py tests/usecases/test_forgetting_properties.py --hypothesis-profile soak --timeout 0

clean: ## Remove environments and caches; ./.mneme stays
	rm -rf $(VENV) $(COMPAT) $(NODE_CLIENTS:%=%/node_modules) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
