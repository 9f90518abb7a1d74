# Everything here also works as the plain commands in the README.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install run test dev lint docs benchmark lock

help:  ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## Make .venv with the locked dependencies and the package

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name it: make install PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: install  ## Everything once: metadata, one minute of prices, all tables, checks, export
	$(BIN)/binance-assets run

test: install  ## The whole test suite
	$(BIN)/python -m pytest

dev: install  ## The Dagster UI
	$(BIN)/binance-assets dev

lint: install  ## Style, types and SQL
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar binance_assets

docs: install  ## Make the generated files again
	$(BIN)/python -m binance_assets.docs

benchmark: install  ## Compare with plain scripts, bare DuckDB and Polars
	$(BIN)/python -m benchmarks.snapshot
	$(BIN)/python -m benchmarks.minute_averages
	$(BIN)/python -m benchmarks.sealed_day
	$(BIN)/python -m benchmarks.flat

lock: install  ## Resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
		--no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -o requirements.lock
