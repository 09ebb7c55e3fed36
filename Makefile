# Everything from a fresh clone: each target makes the environment that it needs, once.
#
#   make demo    train digits in RTL simulation, and build the same network for an iCEBreaker; results in build/demo/
#   make test    all tests
#   make lint    static checks
#   make bench   clocks, bounds and speeds of the presets, beside other software; results in build/bench/
#   make soak    golden model against Verilog on 200 random configurations
#   make faults  100,000 damaged frames on the host link of a simulated board: none may be taken
#   make epoch   a whole epoch of MNIST trained in the RTL, compared with the golden model; needs BACKSPIKE_DATA
#   make venv    only the environment, with the command .venv/bin/backspike

PYTHON ?= python3
JOBS ?= auto

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/runtime.stamp
FPGA := $(VENV)/fpga.stamp
DEVELOPMENT := $(VENV)/development.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TYPES := build/types/backspike

.PHONY: demo test lint bench soak faults epoch venv format clean
.DELETE_ON_ERROR:

demo: $(FPGA)
	$(BIN)/backspike demo --out build/demo
	$(BIN)/backspike build --board icebreaker --config digits --out build/demo/icebreaker

test: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(DEVELOPMENT)
	$(BIN)/ruff check --ignore-noqa .
	$(BIN)/ruff format --check .
	rm -rf $(TYPES) && mkdir -p $(TYPES) && ln -s $(abspath backspike/* hdl model sim fpga) $(TYPES)/
	$(BIN)/mypy -p backspike

bench: $(DEVELOPMENT)
	$(PIP) install --editable .[bench] || echo "other software is left out" >&2
	$(BIN)/python bench/table.py

soak: $(DEVELOPMENT)
	$(BIN)/python bench/soak.py --count 200

faults: $(DEVELOPMENT)
	$(BIN)/python bench/faults.py

epoch: $(RUNTIME)
	$(BIN)/python bench/epoch.py

format: $(DEVELOPMENT)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

venv: $(RUNTIME)

# What simulations need, and nothing else: they are to start soon.
$(RUNTIME): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: $(PYTHON) is missing; install it with: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) backspike/prerequisites.py g++ make
	$(PYTHON) -m venv $(VENV)
	@echo "Installing Backspike and what it needs into $(VENV) (about a minute) ..."
	$(PIP) install --editable .
	@touch $@

$(FPGA): $(RUNTIME)
	@echo "Installing the tools that make bitstreams into $(VENV) (about a minute) ..."
	$(PIP) install --editable .[fpga]
	@touch $@

$(DEVELOPMENT): $(RUNTIME)
	@echo "Installing the tools of the tests into $(VENV) (about a minute) ..."
	$(PIP) install --editable .[dev]
	@touch $@

clean:
	rm -rf build dist $(VENV) *.egg-info .pytest_cache .ruff_cache .mypy_cache
