# `make` lists what there is. No recipe needs an activated environment: .venv is made where it is missing.

VENV := .venv
BIN := $(VENV)/bin
TEMPORARY := $(or $(TMPDIR),/tmp)
# A process per core; each takes one file after the other, in the order of tests/conftest.py. What Python compiles is
# kept even where it is told not to: or each of the many processes would compile it all again.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo setup test lint check smoke bench torture fuzz clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/installed ## compare six schedules on all of MNIST, draw them, say who came first
	$(BIN)/lrbench run --name demo
	$(BIN)/lrbench plot results/demo
	@echo "For comparison, ten seeds of each: $(BIN)/lrbench summary results/reference"

setup: $(VENV)/developing ## make .venv with everything that development needs

test: $(VENV)/developing ## the whole suite, with TensorFlow and the real data
	$(PYTEST)

lint: $(VENV)/developing ## format, lint and types, in seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint ## lint, walls and every quick test without TensorFlow, in a minute and a half
	$(PYTEST) -m "not tensorflow and not slow"

smoke: $(VENV)/installed ## a small real run into a temporary folder, plotted and summarised
	folder=$$(mktemp -d $(TEMPORARY)/lrbench-smoke-XXXXXX) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/lrbench run --train-size 2000 --epochs 1 -o "$$folder" && \
	$(BIN)/lrbench plot "$$folder" && \
	$(BIN)/lrbench summary "$$folder"

bench: $(VENV)/developing ## measure speed and memory against Model.fit; takes about ten minutes
	$(BIN)/python tests/bench

torture: $(VENV)/developing ## kill real runs 200 times and compare every byte; takes half an hour
	PYTHONPATH=tests $(BIN)/python tests/torture.py 200

fuzz: $(VENV)/developing ## damage stored files 2000 times; every command must cope; takes a quarter of an hour
	PYTHONPATH=tests $(BIN)/python -W error tests/fuzz.py 2000

clean: ## remove .venv and caches; results stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find lrbench tests -name __pycache__ -type d -prune -exec rm -rf {} +

# TensorFlow has wheels for Python 3.11 to 3.13: take the first that is here.
$(VENV)/bin/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; \
	    $$python -m venv $(VENV) && exit 0; rm -rf $(VENV); exit 1; \
	  fi; \
	done; echo "Error: no Python 3.11, 3.12 or 3.13 here."; \
	echo "  Install one, or name it: make PYTHON=/path/to/python3.12"; exit 2

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/developing: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/installed $@
