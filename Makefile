# Jupyter Flow. `make demo` runs the example, `make lab` opens it in JupyterLab, `make test` runs everything CI runs.
# Needed: Python 3.11+, make, git, and access to the Python and Node package registries. Node itself is not needed.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTENSION := $(shell find labextension/src labextension/style labextension/schema -type f 2>/dev/null) \
	labextension/package.json labextension/yarn.lock labextension/tsconfig.json
PACKAGING := pyproject.toml labextension/build_hook.py $(wildcard jupyter-config/*.json) $(EXTENSION)
ROOT_OPTION := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)
# More options for `make lab`, e.g. LAB_OPTIONS="--no-browser --port=9000".
LAB_OPTIONS ?=
# Rings for `make test`, e.g. RINGS="unit integration"; all by default.
RINGS ?=
# Options for `make chaos` and `make chaos-long`, e.g. CHAOS_OPTIONS="--only R1,R3 --seed 7".
CHAOS_OPTIONS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo lab test lint bench chaos chaos-long types docs-reference chromium clean distclean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1  /p' $(MAKEFILE_LIST) | awk '{ name = $$1; $$1 = ""; printf "make %-16s%s\n", name, $$0 }'

demo: $(VENV)/.examples  ## run the example training DAG to its end
	$(BIN)/jupyter-flow demo notebooks/training/training.py --home .demo

lab: export JUPYTER_FLOW_HOME := $(CURDIR)/.lab
lab: export JUPYTER_FLOW_DAGS := $(CURDIR)/notebooks
lab: export JUPYTERLAB_WORKSPACES_DIR := $(CURDIR)/.lab/workspaces
lab: $(VENV)/.examples  ## JupyterLab on loopback with the example DAGs, host running, panel open
	@mkdir -p -m 700 .lab
	@[ -e .lab/workspaces ] || $(BIN)/jupyter-lab workspaces import notebooks/.panel-open.jupyterlab-workspace
	$(BIN)/jupyter-lab --ip=127.0.0.1 --ServerApp.root_dir="$(CURDIR)/notebooks" $(ROOT_OPTION) $(LAB_OPTIONS)

test: $(VENV)/.installed chromium  ## everything that CI runs
	$(BIN)/python tests/rings.py $(RINGS)

lint: $(VENV)/.installed  ## ruff and mypy
	$(BIN)/python tests/rings.py lint

bench: $(VENV)/.installed  ## measure, and print the tables of docs/performance.md
	$(BIN)/python -m benchmarks

chaos: $(VENV)/.installed  ## crash, cut and fill up everything, scaled down (45 minutes at most); see docs/reliability.md
	$(BIN)/python -m tests.chaos $(CHAOS_OPTIONS)

chaos-long: $(VENV)/.installed  ## the same at full scale, for hours; goes on where it was stopped
	$(BIN)/python -m tests.chaos --long $(CHAOS_OPTIONS)

types: $(VENV)/.installed  ## write the panel's types of REST documents from the server's OpenAPI document
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python labextension/make_types.py

docs-reference: $(VENV)/.installed  ## write docs/reference from the code
	$(BIN)/python docs/make_reference.py

# The stamps hold as long as nothing that is built or resolved has changed; Python sources are used in place.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: Python 3.11 or newer is needed; try make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.examples: $(VENV)/.created $(PACKAGING)
	@echo "Installing into $(VENV) and building the JupyterLab extension: some minutes the first time"
	$(BIN)/pip install --quiet -e ".[examples]"
	touch $@

$(VENV)/.installed: $(VENV)/.created $(PACKAGING)
	@echo "Installing into $(VENV) and building the JupyterLab extension: some minutes the first time"
	$(BIN)/pip install --quiet -e ".[all,test]"
	$(BIN)/python -m bash_kernel.install --sys-prefix
	touch $(VENV)/.examples $@

chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; \
		else \
			echo "The browser ring needs Chromium: install it with your system's package manager" >&2; exit 1; \
		fi; }

clean:  ## remove what runs and builds left, not the environment
	rm -rf .demo .lab build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean  ## remove the environment and the built extension too
	rm -rf $(VENV) jupyter_flow/labextension labextension/lib labextension/node_modules
