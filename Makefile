# Everything runs in .venv, which the first command makes. PYTHON picks the interpreter (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo networks batches test lab clean

setup: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --editable ".[test]"
	@touch $@

demo: setup
	$(BIN)/python -m dnrlab.demo --out runs/demo

networks: setup  # trains the small networks in notebooks/networks anew
	rm -rf runs/networks
	$(BIN)/python -m dnrlab.demo --out runs/networks --keep notebooks/networks

batches: setup  # all quick grids, about half an hour on two cores; a second call runs what is missing or changed
	@for grid in notebooks/batches/quick_*.yaml; do \
		$(BIN)/dnrlab batch $$grid --out runs/batches/$$(basename $$grid .yaml) || failed=1; \
	done; exit $${failed:-0}

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --dist loadfile --no-loadscope-reorder

lab: setup
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

clean:  # leaves runs/, which may hold trainings
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
