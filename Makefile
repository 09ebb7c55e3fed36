# Everything from a fresh clone: each target makes the environment that it needs, once.
#
#   make demo    train digits in RTL simulation, and build the same network for an iCEBreaker; results in build/demo/,
#                with a page of them all, report.html
#   make test    all tests
#   make test-quick  configurations, golden model and the units of hdl/ in Amaranth's simulator: nothing is compiled
#   make test-pythons  Verilog and simulations on the oldest and newest supported Python of the machine
#   make lint    static checks
#   make bench   clocks, bounds and speeds of the presets, beside other software; results in build/bench/
#   make soak    golden model against Verilog on 200 random configurations
#   make faults  100,000 damaged frames on the host link of a simulated board: none may be taken
#   make requests  300,000 frames of random contents on a simulated board, beside a golden model of it
#   make interruptions  reset, HELLO and hosts that go away, at 2,000 random clocks: weights stay those of the model
#   make upsets  single bits of a simulated board that flip: what is survived, told, or needs a break
#   make coverage  lines, branches, toggles and bins that boards go through beside the golden model; build/coverage/
#   make fuzz    thousands of damaged files for each reader: each is read or refused in one sentence
#   make formal  all proofs, each with a broken twin that has to fail; a table of them in build/formal/
#   make mutation  faults put into each file of hdl/, and how many of them the tests find; a table in docs/verification.md
#   make epoch   a whole epoch of MNIST trained in the RTL, compared with the golden model; needs BACKSPIKE_DATA
#   make docs    the documentation as a site, in build/docs/
#   make board-epoch  an epoch of MNIST that a simulated board plays out of its SDRAM, compared with the golden model;
#                needs BACKSPIKE_DATA
#   make diagrams  the drawings of docs/images from their text (needs Graphviz), and the pictures of the README
#   make venv    only the environment, with the command .venv/bin/backspike

PYTHON ?= python3
JOBS ?= auto

VENV := .venv
BIN := $(VENV)/bin
CREATED := $(VENV)/created.stamp
RUNTIME := $(VENV)/runtime.stamp
FPGA := $(VENV)/fpga.stamp
TESTS := $(VENV)/tests.stamp
DEVELOPMENT := $(VENV)/development.stamp
# Python compiles what is imported when it is: to compile all that is there takes a third of the time.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile --editable
TYPES := build/types/backspike
# Without bytecode every Python that the tests start, and there are a thousand, would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
QUICK := tests/model tests/hdl $(patsubst %,tests/backspike/test_%.py,config layers names registers toml)

# What the bits of the file configure is simulated and learns, where the decoder is installed.
define CHECK_BITSTREAM
if command -v icebox_vlog >/dev/null; then \
    $(BIN)/backspike host compare --config digits --board icebreaker --simulate \
      --bitstream build/demo/icebreaker/digits.bin --dataset digits --samples 4; \
  else echo "The bitstream is not simulated, as Project IceStorm is missing (apt-get install fpga-icestorm)."; fi
endef

.PHONY: board-epoch diagrams docs demo demo-training demo-bitstream test test-quick test-pythons lint bench soak faults requests coverage interruptions upsets fuzz formal mutation epoch venv format clean
.DELETE_ON_ERROR:

# One after the other they would take the sum of both. What the second says comes after what the first says.
demo: $(FPGA)
	@mkdir -p build/demo
	@echo "The same network is built for an iCEBreaker beside the training; what that says comes at the end."
	@$(MAKE) --no-print-directory -j2 demo-training demo-bitstream; status=$$?; \
	  cat build/demo/icebreaker.log; exit $$status
	@$(BIN)/backspike report build/demo build/demo/icebreaker --out build/demo/report.html

demo-training: $(FPGA)
	@$(BIN)/backspike demo --out build/demo

demo-bitstream: $(FPGA)
	@{ $(BIN)/backspike build --board icebreaker --config digits --out build/demo/icebreaker && $(CHECK_BITSTREAM); } \
	  >build/demo/icebreaker.log 2>&1

test: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-quick: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow" $(QUICK)

test-pythons:
	.ci/pythons

lint: $(DEVELOPMENT)
	$(BIN)/ruff check --ignore-noqa .
	$(BIN)/ruff format --check .
	rm -rf $(TYPES) && mkdir -p $(TYPES) && cp -a backspike/* hdl model sim fpga $(TYPES)/
	cp pyproject.toml build/types/
	@if $(BIN)/python -c "import sys; sys.exit(sys.version_info < (3, 11))"; then \
	  echo "$(BIN)/mypy -p backspike"; $(BIN)/mypy -p backspike; \
	else echo "Types are not checked on this Python: those of Amaranth need 3.11." >&2; fi
	cd build/types && $(abspath $(BIN))/lint-imports --no-cache

bench: $(DEVELOPMENT)
	$(INSTALL) .[bench] || echo "other software is left out" >&2
	$(BIN)/python bench/table.py

soak: $(DEVELOPMENT)
	$(BIN)/python bench/soak.py --count 200

faults: $(DEVELOPMENT)
	$(BIN)/python bench/faults.py

requests: $(DEVELOPMENT)
	$(BIN)/python bench/random_requests.py

coverage: $(DEVELOPMENT)
	$(BIN)/python bench/board_coverage.py

interruptions: $(DEVELOPMENT)
	$(BIN)/python bench/interruptions.py

upsets: $(DEVELOPMENT)
	$(BIN)/python bench/upsets.py

fuzz: $(DEVELOPMENT)
	$(BIN)/python -m pytest -n $(JOBS) -m hypothesis --hypothesis-profile thorough

formal: $(DEVELOPMENT)
	$(BIN)/python -m tests.formal

mutation: $(DEVELOPMENT)
	$(BIN)/python -m tests.mutation --jobs $(if $(filter auto,$(JOBS)),$$(nproc),$(JOBS))

epoch: $(RUNTIME)
	$(BIN)/python bench/epoch.py

board-epoch: $(FPGA)
	$(BIN)/python bench/board_epoch.py

docs: $(DEVELOPMENT)
	$(BIN)/python -m sphinx -q -W --keep-going docs build/docs
	@echo "The site begins with build/docs/index.html."

diagrams: $(DEVELOPMENT)
	@command -v dot >/dev/null || { echo "error: dot is missing; install it with: apt-get install graphviz" >&2; exit 1; }
	for drawing in docs/images/*.dot; do dot -Tsvg $$drawing -o $${drawing%.dot}.svg; done
	$(BIN)/python -m bench.pictures

format: $(DEVELOPMENT)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

venv: $(RUNTIME)

$(CREATED):
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: $(PYTHON) is missing; install it with: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) backspike/prerequisites.py g++ make
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Each environment has what the one before has, and one call of pip makes any of them.
$(RUNTIME): $(CREATED) pyproject.toml
	@echo "Installing Backspike and what it needs into $(VENV) (about a minute) ..."
	$(INSTALL) .[sim]
	@touch $@

$(FPGA): $(CREATED) pyproject.toml
	@echo "Installing Backspike and the tools that make bitstreams into $(VENV) (about a minute) ..."
	$(INSTALL) .[sim,fpga]
	@touch $(RUNTIME) $@

# As little as `make test-pythons` needs on each of them; that the rest is there for them as well is only asked.
$(TESTS): $(CREATED) pyproject.toml
	$(INSTALL) .[dev] --dry-run
	$(INSTALL) .[sim,host,usb,tests]
	@touch $(RUNTIME) $@

$(DEVELOPMENT): $(CREATED) pyproject.toml
	@echo "Installing Backspike and the tools of the tests into $(VENV) (about two minutes) ..."
	$(INSTALL) .[dev]
	@touch $(RUNTIME) $(FPGA) $(TESTS) $@

clean:
	rm -rf build docs/notebooks_run dist .venv-* $(VENV) *.egg-info .pytest_cache .ruff_cache .mypy_cache
