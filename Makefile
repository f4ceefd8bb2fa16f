# taskrunner: everything a developer types. `make` alone lists it.

PYTHON ?= $(shell scripts/toolchain python)
VENV   ?= .venv
BIN    := $(VENV)/bin
DIST   := dist
# Two at a time by default: the tests drive whole builds, each with processes of its own.
JOBS   ?= 2
FUZZ_SECONDS ?= 300
# What `make differential` plays: so many random edits, or the one scenario of SEED.
STEPS  ?= 10000
SEED   ?=
# Where tools from the npm registry go, for the tracer's tests.
NODE_TOOLS := $(CURDIR)/target/node-tools

# What `make test-tools` tries, by name (empty: all), and where the tools' workspaces lie: beside the home
# directory, in it (home) or below a temporary one (temporary). What it finds is kept for the next part.
TOOLS ?=
PLACE ?= beside
TOOL_ROWS = $(CURDIR)/target/tool-rows/$(PLACE)

# What the extension, the helper and the preload are made of.
NATIVE_SOURCES := Cargo.toml Cargo.lock pyproject.toml \
    $(shell find rust crates -name target -prune -o -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.sql' -o -name '*.lock' \) -print)
PYTHON_SOURCES := $(shell find python/taskrunner -name '*.py' -o -name '*.pyi' -o -name py.typed)
NATIVE := python/taskrunner/_native.abi3.so
WHEEL  := $(DIST)/.wheel

# Crates whose tests start no processes to speak of.
FAST_CRATES := stat fspy_trace fspy_ring digest archive pathglob gitindex store policy
# Tests that need no more than a moment each; the rest run whole workspaces, in `make test`.
FAST_TESTS := $(addprefix python/tests/,unit plan_snapshots cli packaging metamorphic/test_harness.py)
# What knows which architecture it is on.
AARCH64 := aarch64-unknown-linux-gnu
AARCH64_CRATES := stat fspy_trace fspy_ring fspy_preload fspy_helper
STUBTEST_ALLOWED := scripts/stubtest-allowlist.txt

export VIRTUAL_ENV := $(abspath $(VENV))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
MATURIN := PATH="$(abspath $(BIN)):$$PATH" maturin
PYTEST  := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: toolchain
toolchain: ## say what is missing on this machine, and how to get it
	@scripts/toolchain

# --- building -------------------------------------------------------------------------------------------------

# Silent if all is there: whoever wants the list asks for `make toolchain`.
.PHONY: .toolchain
.toolchain:
	@said=$$(scripts/toolchain 2>&1) || { echo "$$said"; exit 1; }

$(BIN)/python: | .toolchain
	$(PYTHON) -m venv $(VENV)

$(VENV)/.tools: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(NATIVE): $(NATIVE_SOURCES) $(VENV)/.tools
	$(MATURIN) develop --release
	@touch $@

$(WHEEL): $(NATIVE_SOURCES) $(PYTHON_SOURCES) README.md LICENSE $(VENV)/.tools
	rm -rf $(DIST)/*.whl
	$(MATURIN) build --release --zig --compatibility manylinux2014 --auditwheel check --out $(DIST)
	@touch $@

.PHONY: build
build: .toolchain $(NATIVE) ## build into .venv: an editable install with every native part

.PHONY: wheel
wheel: .toolchain $(WHEEL) ## build dist/*.whl for every Linux with glibc 2.17 or later

.PHONY: wheelhouse
wheelhouse: $(VENV)/.tools
	@$(BIN)/python scripts/wheelhouse.py

.PHONY: demo
demo: toolchain build ## run the example workspace: misses, hits, restores, one edit, its undo
	$(BIN)/python scripts/demo.py

# --- checking -------------------------------------------------------------------------------------------------

.PHONY: check
check: build ## format, lint, types and fast tests: at most two minutes
	$(MAKE) --no-print-directory -j$(JOBS) --output-sync=target check-rust check-python
	@echo 'make check: all well'

.PHONY: check-rust
check-rust:
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	cargo test --locked --quiet $(FAST_CRATES:%=-p %)

.PHONY: check-python
check-python:
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m mypy.stubtest --allowlist $(STUBTEST_ALLOWED) taskrunner._native
	$(PYTEST) -q -n $(JOBS) -m 'not slow and not packaging and not tools' $(FAST_TESTS)

.PHONY: format
format: $(VENV)/.tools ## rewrite the sources as rustfmt and ruff want them
	cargo fmt
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --quiet --fix .

.PHONY: schema
schema: build ## write docs/taskrunner.schema.json anew, from the tables in config.py
	$(BIN)/python -c 'import json; from taskrunner import config; print(json.dumps(config.schema(), indent=2))' > docs/taskrunner.schema.json

.PHONY: test
test: build wheel wheelhouse ## everything, from a clean machine: at most 20 minutes on two cores
	scripts/install-test-tools
	cargo test --locked --workspace
	$(PYTEST) -n $(JOBS) --dist loadgroup -m 'not tools'

.PHONY: test-tools
test-tools: build ## drive real tools, fetched from the registries: all, or TOOLS='pytest or mypy'; writes docs/tools.md
	scripts/fetch-tools
	$(if $(TOOLS),,$(MAKE) --no-print-directory test-tracer-tools && rm -rf $(TOOL_ROWS))
	mkdir -p $(TOOL_ROWS)
	TASKRUNNER_TOOL_ROWS=$(TOOL_ROWS) TASKRUNNER_TOOLS_PLACE=$(PLACE) \
	  $(PYTEST) -n $(JOBS) --dist loadgroup -m tools $(if $(TOOLS),-k '$(TOOLS)' python/tests/tools); code=$$?; \
	  if [ $(PLACE) = beside ]; then $(BIN)/python scripts/tools_table.py $(TOOL_ROWS) docs/tools.md; fi && exit $$code

.PHONY: test-tracer-tools
test-tracer-tools: # what the tracer tells of tools from the npm registry, against strace
	npm install --prefix $(NODE_TOOLS) --no-audit --no-fund --silent \
	  typescript@5 vite@7 esbuild@0.25 bun@1 deno@2 pnpm@10
	FSPY_TEST_NODE_TOOLS=$(NODE_TOOLS) cargo test --locked -p fspy --test against_strace --test conformance \
	  -- --skip on_rung --skip ordinary_user --skip mutated

.PHONY: mutation
mutation: build ## leave out each rule of the cache in turn: a test must notice
	$(BIN)/python scripts/mutation.py

.PHONY: differential
differential: build ## random workspaces and edits against clean builds: STEPS of them, or one SEED
	TASKRUNNER_DIFFERENTIAL_STEPS=$(STEPS) TASKRUNNER_DIFFERENTIAL_SEED=$(SEED) \
	  $(PYTEST) -q -n $(JOBS) python/tests/differential/test_differential.py

.PHONY: aarch64
aarch64: ## type-check and lint the tracer for aarch64; run its unit tests if qemu-user and a linker are there
	rustup target add $(AARCH64)
	cargo clippy --locked --target $(AARCH64) --all-targets $(AARCH64_CRATES:%=-p %) -- -D warnings
	@for tool in qemu-aarch64 aarch64-linux-gnu-gcc; do command -v $$tool >/dev/null || \
	  { echo "note: no $$tool here (apt-get install qemu-user gcc-aarch64-linux-gnu): unit tests not run"; exit 0; }; done; \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' \
	  cargo test --locked --quiet --target $(AARCH64) $(AARCH64_CRATES:%=-p %)

.PHONY: fuzz
fuzz: ## fuzz what reads tools' hints, for FUZZ_SECONDS (needs nightly Rust and cargo-fuzz)
	cd crates/ipc && cargo +nightly fuzz run decoders -- -max_total_time=$(FUZZ_SECONDS)

.PHONY: bench
bench: build ## what a run, a plan, the tracer and a hint cost: ratios, by the scripts in benches/
	$(BIN)/python benches/run.py
	$(BIN)/python benches/plan.py
	$(BIN)/python benches/schedule.py
	cargo run --locked --release -p fspy --example overhead
	$(BIN)/python benches/trace_overhead.py
	$(BIN)/python benches/trace_profile.py
	$(BIN)/python benches/hints.py
	$(BIN)/python benches/hints_abuse.py

.PHONY: clean
clean: ## remove what was built, the virtual environment too
	rm -rf $(VENV) $(DIST) $(NATIVE) python/taskrunner/_lib
	cargo clean --quiet
