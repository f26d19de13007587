# make demo   the main job: spoken digits through a spiking liquid on emulated resistive memory
# make test   the test suite
# make check  lint, types
# Each sets up its own .venv first. PYTHON=python3.12 chooses another interpreter, WORKERS=0 runs all
# tests in one process.

PYTHON ?= python3
WORKERS ?= auto
VENV := .venv
BIN := $(VENV)/bin
export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg

.PHONY: demo test check bench clean

demo: $(VENV)/run.ready
	$(BIN)/potentia run spoken-digits $(ARGS)

test: $(VENV)/test.ready
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal $(ARGS)

check: $(VENV)/test.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p .cache/mypy && ln -sfn $(CURDIR) .cache/mypy/potentia
	cd .cache/mypy && MYPYPATH=. $(CURDIR)/$(BIN)/mypy -p potentia --config-file $(CURDIR)/pyproject.toml

bench: $(VENV)/test.ready
	$(BIN)/potentia bench cuba --peers brian2

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Potentia needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first, at its exact pin, so that nothing else draws in another build of it
$(VENV)/run.ready: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[torch,plot]'
	touch $@

$(VENV)/test.ready: $(VENV)/run.ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[torch,plot,validate,dev]' || \
	  { echo "Without badcrossbar, which needs the headers of cairo (Debian: libcairo2-dev pkg-config)" >&2; \
	    $(BIN)/pip install --quiet --constraint constraints.txt --editable '.[torch,plot,dev]' brian2 libsonata nir; }
	touch $@

clean:
	rm -rf $(VENV) .cache .editable/linked build *.egg-info
