# Two commands for users: make demo, make test. The others are for developers; see CONTRIBUTING.md.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
.PHONY: setup demo test kernel-test check bpf bench accuracy clean lock

setup: bpf console  ## Install what is needed: system packages, the virtual environment, BPF objects, page scripts.

$(VENV)/.installed: requirements/dev.txt pyproject.toml tools/setup-venv
	@tools/setup-venv $(VENV)
	@touch $@

bpf: $(VENV)/.installed  ## Compile the BPF objects from source.
	@tools/setup-system bpf
	@$(MAKE) -s -C agent_py/bpf
	@$(MAKE) -s -C bench/classic

console: $(VENV)/.installed  ## Fetch the page scripts (pinned) from npm.
	@tools/setup-console

demo: $(VENV)/.installed  ## Real nginx, real capture, one attack, the console's address. ONCE=1 verifies and ends.
	@tools/setup-demo
	@$(BIN)/python -m demo $(if $(ONCE),--once)

test: setup  ## All tests. OOB_REQUIRE=all: a skipped tier that this machine can run is a failure.
	@tools/setup-system test
	@$(BIN)/python -m tests.run

kernel-test: bpf  ## The loader's live tests on Debian's 5.10, 6.1 and 6.12 kernels in QEMU. Minutes. Writes docs/kernels.md.
	-@tools/setup-system kernels && $(BIN)/python -m tools.kernels
	@$(BIN)/python -m tests.run --tier kernel

check: $(VENV)/.installed  ## Style, types, architecture.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

bench: setup  ## Every number that the documents state, side by side in one run.
	@tools/setup-system bench
	@$(BIN)/python -m bench

accuracy: $(VENV)/.installed  ## Detection quality on the development sets; fails below the recorded floor.
	@$(BIN)/python -m bench.accuracy

lock: $(VENV)/.installed  ## Compile the hash-checked requirement files anew from pyproject.toml.
	@tools/lock

clean:
	$(MAKE) -s -C agent_py/bpf clean
	$(MAKE) -s -C bench/classic clean
	rm -rf build $(VENV) cloud_py/console/static/vendor
