# Two commands for a fresh machine; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint native-sanitize native-aarch64 clean

# Whoever works on dymap wants its native core: without a C++ compiler these targets fail, and say so.
test lint native-sanitize native-aarch64: export DYMAP_REQUIRE_NATIVE := 1

demo: $(STAMP)  ## the main job on the built-in sample: capture, train, bake, evaluate, film
	$(BIN)/dymap demo --out demo

test: $(STAMP)  ## all tests, by three processes, each a file at a time: much of the time is spent waiting
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile

lint: $(STAMP)  ## style and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror native/*/*.h native/*/*.cpp

native-sanitize:  ## the native core's self-test with sanitizers; needs cmake and a C++ compiler
	native/check sanitize

native-aarch64:  ## the same for AArch64 under qemu (Debian: g++-aarch64-linux-gnu qemu-user)
	native/check aarch64

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt $(wildcard native/* native/*/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
