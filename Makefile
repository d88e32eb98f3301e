# The verbs of this repository. `make help` lists them; each brings its own prerequisites up to date first.
#
# Nothing here is phony that a file's date can answer: the virtual environment follows requirements.lock, the Rust extension
# follows the Rust sources, so a second `make setup` costs a moment. Stamps live in the virtual environment: deleting it resets all.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV ?= .venv
# Everything is built below this directory, so that what one tool built the next one finds.
export CARGO_TARGET_DIR := $(CURDIR)/target
BIN := $(VENV)/bin
CORE := rust/binding rust/crypto rust/guard rust/mls
CORE_SOURCES := Cargo.toml Cargo.lock rust-toolchain.toml pyproject.toml \
	$(shell find $(CORE) -name '*.rs' -not -path '*/target/*') $(wildcard $(CORE:=/Cargo.toml))

# Cargo as maturin calls it: the whole workspace with the extension's features and PyO3's configuration. With other features or
# another configuration the two would take turns in rebuilding half of the dependencies. A checkout's build can be seeded for
# simulations; a wheel has the features that pyproject.toml names, and so cannot.
CARGO := PYO3_CONFIG_FILE="$$(ls -td "$$CARGO_TARGET_DIR"/maturin/pyo3-config-*.txt | head -n 1)" cargo
FEATURES := extension-module,simulation
WORKSPACE := --locked --workspace --features $(FEATURES)

WHEEL_VENV := target/wheel-venv
WHEEL_BIN := $(CURDIR)/$(WHEEL_VENV)/bin
WHEEL_LINUX := $(if $(filter Linux,$(shell uname -s)),--zig --compatibility manylinux_2_28)

SECONDS ?= 10

.PHONY: help setup demo test hostile fuzz lint fmt docs wheel lock clean

help: ## this list
	@echo "usage: make VERB [VENV=DIR] [PYTHON=python3.x]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(VENV)/.core ## everything needed to run from this checkout: Python packages and the Rust extension

demo: setup ## a node and three people in a temporary directory; checks itself
	@$(BIN)/qnpc demo

test: setup ## all tests: Rust, then Python
	$(CARGO) test $(WORKSPACE) --quiet
	$(BIN)/pytest

hostile: setup ## strangers attack a real node beside honest clients; prints what it cost
	$(BIN)/python -m tests.hostile

fuzz: ## libFuzzer on every parser of foreign bytes, SECONDS=10 for each of the targets
	nice rust/fuzz/run.sh $(SECONDS)

lint: setup ## formatting, clippy, ruff, types, the stub against the built extension
	cargo fmt --all --check
	$(CARGO) clippy $(WORKSPACE) --all-targets -- -D warnings
	@# And what a wheel is made of
	$(CARGO) clippy --locked --workspace --features extension-module -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@# stubtest passes for a package that does not exist, so the import comes first
	$(BIN)/python -c 'import qnpc._core'
	$(BIN)/stubtest qnpc._core
	rust/advisories.sh

fmt: setup ## formats Rust and Python
	cargo fmt --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup ## puts the tables of the code into the pages of docs/
	$(BIN)/python docs/pages.py

# Linked by zig against the glibc of manylinux_2_28, so that it runs on what is older than this machine; auditwheel holds it to that.
wheel: $(WHEEL_VENV)/.deps ## a release wheel in dist/, for this platform
	PATH="$(WHEEL_BIN):$$PATH" $(WHEEL_BIN)/maturin build --release --locked --out dist $(WHEEL_LINUX)
	@# Whoever knows a seed knows every key
	@$(WHEEL_BIN)/python -c 'import sys, zipfile; wheel = zipfile.ZipFile(sys.argv[1]); \
		sys.exit(any(b"qnpc._core.simulation" in wheel.read(name) for name in wheel.namelist() if "/_core." in name))' \
		"$$(ls -t dist/qnpc-*.whl | head -n 1)"
	@if [ -n "$(WHEEL_LINUX)" ]; then \
		$(WHEEL_BIN)/auditwheel show "$$(ls -t dist/qnpc-*.whl | head -n 1)" | tr '\n' ' ' | grep -o '"manylinux_2_28[^"]*"'; \
	fi

lock: $(VENV)/.deps ## pins the Python packages anew, by hash
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade --quiet \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock
	$(BIN)/uv pip compile --group wheel --universal --python-version 3.11 --upgrade --quiet \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --output-file requirements-wheel.lock

clean: ## removes what was built, not the virtual environment
	rm -rf target dist python/qnpc/_core*.so python/qnpc/_core*.pyd
	rm -f $(VENV)/.core
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find python tests -name __pycache__ -type d -prune -exec rm -rf {} +

# -- what the verbs stand on ----------------------------------------------------------------------------------------------------

$(VENV)/.made:
	@python=$$(.ci/need); "$$python" -m venv $(VENV)
	@touch $@

$(WHEEL_VENV)/.deps: requirements-wheel.lock
	@python=$$(.ci/need); "$$python" -m venv $(WHEEL_VENV)
	@$(WHEEL_BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-wheel.lock
	@touch $@

# uv installs faster than pip and removes what is no longer named; its own hash comes from the lock, like everybody's.
$(VENV)/.deps: requirements.lock $(VENV)/.made
	@sed -n '/^uv==/,/# via/p' requirements.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@touch $@

# The extension lies beside the Python sources, so several environments share it; where it is gone, no stamp counts.
ifeq ($(wildcard python/qnpc/_core*.so python/qnpc/_core*.pyd),)
.PHONY: $(VENV)/.core
endif
$(VENV)/.core: $(CORE_SOURCES) $(VENV)/.deps
	@.ci/need > /dev/null
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --uv --locked --quiet --features $(FEATURES)
	@touch $@
