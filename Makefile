# `make run` and `make test` need only Python 3.11 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Tests start dozens of processes, and each would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint docs bench clean

run: $(VENV)/.can-run
	$(BIN)/mmgsim run wa9

test: $(VENV)/.can-test lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --nbmake tests notebooks

lint: $(VENV)/.can-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.can-run: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable .
	touch $@

$(VENV)/.can-test: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable ".[dev]"
	touch $@ $(VENV)/.can-run

docs: $(VENV)/.can-test
	$(BIN)/python docs/reference/build.py

bench: $(VENV)/.can-test
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only --benchmark-quiet

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis docs/api
