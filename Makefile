# crossloop. `make help` lists the commands; each sets up what it is missing.
.DEFAULT_GOAL := help
.PHONY: help demo demo-real test test-fast check format bench bench-act bench-orient bench-decide up down requirements schemas clean

PYTHON ?= python3.11
BIN := .venv/bin
SCENARIO ?= link-degrades
SPEED ?= 5
# Two tests at a time, those of one file in their order. Not where a story needs the whole machine.
SPREAD := -n 2 --dist loadfile

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/ready ## run the whole loop on the simulated fleet (SCENARIO=link-degrades SPEED=5)
	$(BIN)/crossloop demo --scenario $(SCENARIO) --speed $(SPEED)

demo-real: .venv/ready ## the same with real Kubernetes, Prometheus, Thanos, Alertmanager (needs REAL_PARTS)
	$(BIN)/crossloop demo --real --scenario link-degrades --speed $(SPEED) --until-settled

test: .venv/ready ## run every test that can run here
	$(BIN)/python -m pytest $(SPREAD) tests/unit tests/architecture tests/contract
	$(BIN)/python -m pytest tests/loop tests/real

test-fast: .venv/ready ## run the unit tests only
	$(BIN)/python -m pytest $(SPREAD) tests/unit tests/architecture

check: .venv/ready ## formatting, lint, types, import contracts, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

format: .venv/ready ## put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/ready ## measure the loop, one JSON line per figure
	$(BIN)/python -m bench.loop

bench-act: .venv/ready ## measure Act: moves, idle, losses, kills and faults (needs REAL_PARTS)
	$(BIN)/python -m bench.act

bench-orient: .venv/ready ## measure Orient: cost, calm days, scripted faults (about 20 minutes)
	$(BIN)/python bench/orient.py cost
	$(BIN)/python bench/orient.py faults --runs 12
	$(BIN)/python bench/orient.py calm --days 7

bench-decide: .venv/ready ## measure Decide: XR services, a turn at size, noisy latency (about 10 minutes)
	$(BIN)/python -m bench.deciding xr
	$(BIN)/python -m bench.deciding turn
	$(BIN)/python -m bench.deciding noise

up: ## start everything of compose.yaml (needs Docker)
	docker compose up --build --detach

down: ## end it, and remove what it stored
	docker compose down --volumes

schemas: .venv/ready ## export the JSON Schemas of all messages to docs/schemas
	$(BIN)/python -m shared.bus.schemas

requirements: ## export the pinned and hashed requirements (needs uv)
	for extra in observe orient decide act console; do \
	  uv pip compile --quiet --no-strip-extras --generate-hashes --universal --python-version 3.11 --custom-compile-command 'make requirements' \
	    --extra $$extra pyproject.toml -o requirements/$$extra.txt; done
	uv pip compile --quiet --no-strip-extras --generate-hashes --universal --python-version 3.11 --custom-compile-command 'make requirements' \
	  --extra console --group dev pyproject.toml -o requirements/dev.txt

clean: ## remove what the commands made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage *.egg-info
