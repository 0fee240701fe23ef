# Two commands for a fresh machine: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help venv demo test lint docs bench clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

venv: $(VENV)/.ready  ## the environment alone, in .venv

demo: venv  ## train, check, synthesize and judge on the embedded sample
	$(BIN)/python -m aefpga run

lint: venv  ## ruff and mypy
	$(BIN)/ruff check src tests benchmarks docs/pages.py
	$(BIN)/ruff format --check src tests benchmarks docs/pages.py
	$(BIN)/mypy

docs: venv  ## the documentation as a site, in site/; a link that leads nowhere is an error
	$(BIN)/mkdocs build --strict

# In three parts: what TensorFlow compiles for a training stays in a process's memory.
PYTEST := $(BIN)/pytest --numprocesses 2 --dist worksteal
WORKFLOWS := tests/workflow tests/search

test: venv lint  ## lint, then all tests
	$(PYTEST) tests/trainers
	$(PYTEST) $(WORKFLOWS)
	$(PYTEST) $(patsubst %,--ignore=%,tests/trainers $(WORKFLOWS))

# The last version whose entropy coding was NumPy's alone.
BEFORE ?= 5a76da5

bench: venv  ## the benchmarks (20 minutes), also in benchmarks/results; JETS=files, BEFORE=commit to compare with (empty: none)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[peers]'
	$(BIN)/python benchmarks/bench.py --before '$(BEFORE)' $(JETS)

clean:  ## remove the environment and what tools cached
	rm -rf $(VENV) site .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
