# Needs Python 3.11 or newer, make and pip; all else is installed into .venv from the locked, hashed lists.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := $(BIN)/pip install -q --no-input

.PHONY: help demo setup test docs lock clean

help: ## show what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(VENV)/.base ## run the whole smoke suite against the embedded target and leave a report
	@$(BIN)/vedette demo

setup: $(VENV)/.dev ## install everything that developing needs

test: $(VENV)/.dev ## run every test, the linters and the type checker
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 5 --dist loadgroup

docs: $(VENV)/.dev ## write anew what is generated from the code
	$(BIN)/vedette schema > scenarios/suite.schema.json
	$(BIN)/vedette schema --gate > scenarios/gates/policy.schema.json
	$(BIN)/vedette schema --gate --markdown > docs/gate-policy.md
	$(BIN)/vedette probes --markdown > docs/probes.md
	$(BIN)/vedette metrics --markdown > docs/metrics.md
	$(BIN)/vedette api --markdown > docs/api.md

lock: $(VENV)/.dev ## write the locked lists anew
	$(PIP) uv
	uv pip compile -q pyproject.toml $(LOCK) -o requirements/base.lock
	uv pip compile -q pyproject.toml $(EXTRAS) $(LOCK) -o requirements/image.lock
	uv pip compile -q pyproject.toml --group dev --extra browser $(EXTRAS) $(LOCK) -o requirements/dev.lock

EXTRAS := --extra serve --extra speed --extra dns --extra grpc --extra mysql --extra postgres --extra redis --extra tls --extra websocket --extra otel

LOCK := --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: requirements/base.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/base.lock
	$(PIP) --require-hashes -r requirements/build.lock
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.base
	$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

clean: ## remove what was installed and made here
	rm -rf $(VENV) .vedette .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
