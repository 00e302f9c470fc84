# pbmwrap. Every target installs what it needs; `make` alone lists them.
SHELL := /bin/bash
PYTHON ?= python3
BOARD ?= PBMWRAP_RP2040
RUNS ?= 1000000
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# For tests that wait for a browser, a server or a port: one more than there are cores.
WAITING_JOBS := $(shell expr $(JOBS) + 1)
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.stamp

# Without bytecode each of some hundred Python processes compiles the tests and pbmwrap again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: web-tests web-page web-page-slice web-journeys web-journeys-slice web-static web-static-tests web-static-slice bench-web screenshots help setup toolchain firmware demo test unit host contract lint format clean faults faults-sim faults-dask faults-binary powercut powercut-sim powercut-binary mutants bench-archive fuzz fuzz-unix fuzz-binary qemu contract-all bench bench-link bench-peers schematic bench-install bench-cli powercut-install

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv with pbmwrap and everything its tests need

$(STAMP): pyproject.toml tools/venv.sh
	@bash tools/venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

toolchain: $(STAMP) ## Build mpy-cross and the MicroPython unix port (cached)
	@$(PY) -m tools.toolchain ensure

firmware: $(STAMP) ## Build build/BOARD.uf2 (BOARD=PBMWRAP_RP2040, cached)
	@$(PY) -m tools.toolchain firmware --board $(BOARD) --out build

.PHONY: wheel mpy-formats
wheel: firmware ## dist/*.whl and the sdist, with the image of each RP2040 board (docs/releasing.md)
	@$(PY) -m tools.release wheel --out dist

.PHONY: release release-check
release: firmware ## A release in dist, from a clean tree at its tag, checked (docs/releasing.md)
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[release]'
	@$(PY) -m tools.release all --out dist $(if $(REHEARSE),--rehearse)

.PHONY: docs
docs: $(STAMP) ## The documentation site in build/docs/site, with search; dead links are errors (docs/releasing.md)
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@$(PY) -m tools.docs_site

.PHONY: reproducible newest
reproducible: firmware ## Every RP2040 image again, in other folders and on another day: equal (docs/releasing.md)
	@$(PY) -m tools.reproducible

newest: $(STAMP) ## The image with the newest MicroPython of Debian's suites, and its tests (docs/releasing.md)
	@export MICROPYTHON_SUITE=forky; $(PY) -m tools.toolchain firmware --out build \
		&& $(PY) -m pytest tests/emulator \
		tests/contract/test_session.py tests/contract/test_link.py tests/contract/test_safety.py \
		-m "not slow and not long_on_chip" -n $(JOBS) --dist loadgroup; code=$$?; \
		unset MICROPYTHON_SUITE; $(PY) -m tools.toolchain firmware --out build; exit $$code

.PHONY: micropythons
micropythons: contract newest ## The image's tests with MicroPython 1.25 and with the newest

release-check: $(STAMP) ## The release in dist: sums, the wheel in a fresh environment, a flashed chip
	@$(PY) -m tools.release check --out dist

.PHONY: from-zero
from-zero: wheel ## In a clean Debian root: the wheel to a lit dummy load, a clone to the demo; needs root (docs/releasing.md)
	@bash tools/need_mmdebstrap.sh
	@$(PY) -m tools.from_zero wheel
	@$(PY) -m tools.from_zero clone

mpy-formats: $(STAMP) ## Files for stock boards by mpy-cross 1.25 to 1.29, started on an emulated chip
	@$(PY) -m tools.mpy_formats

demo: $(STAMP) ## A session on a simulated wrap, from flashing to the report, and twelve simulated weeks
	@$(PY) -m tools.demo --out build/demo

.PHONY: quick quick-tests style types types-quick
quick: $(STAMP) ## Lint, types, unit tests and simulated sessions; a minute on two cores
	@$(MAKE) --no-print-directory --jobs=2 --keep-going types-quick style quick-tests

quick-tests: $(STAMP)
	$(PY) -m pytest tests/unit tests/esp32 tests/contract/test_session.py --target sim -m "not slow" -n $(JOBS)

test: unit host web-tests web-page-slice web-journeys-slice web-static-slice contract ## All tests, but for the slow ones of web-page, web-journeys and web-static

unit: toolchain ## Firmware logic on CPython, with branch coverage
	$(PY) -m pytest tests/unit tests/esp32 -m "not campaign" -n $(JOBS) --cov --cov-report=term --cov-fail-under=100

host: $(STAMP) ## The host package, and slices of the campaigns
	@bash tools/need_font.sh $(PY)
	$(PY) -m pytest tests/faults tests/powercut tests/fuzz tests/host tests/programme tests/lives \
		tests/calibration tests/trial -m "not campaign" -n $(WAITING_JOBS) --dist worksteal

web-tests: $(STAMP) ## The server of `pbmwrap web`: its requests, attacks on it, real sockets (docs/web.md)
	$(PY) -m pytest tests/web -m "not campaign" -n $(WAITING_JOBS)

web-page: $(STAMP) ## The page in Debian's Chromium (docs/web-page.md)
	@bash tools/need_chromium.sh
	$(PY) -m pytest tests/web_page -n $(JOBS)

web-page-slice: $(STAMP) ## The page, without zoom, 4K and a phone in German
	@bash tools/need_chromium.sh
	$(PY) -m pytest tests/web_page -m "not slow" -n $(WAITING_JOBS)

web-journeys: firmware ## Whole journeys with pbmwrap web in Chromium, and its page in Firefox (docs/web-page.md)
	@bash tools/need_chromium.sh
	@bash tools/need_firefox.sh
	$(PY) -m pytest tests/web_journeys -n $(JOBS) --dist loadfile

web-journeys-slice: firmware ## Journeys with pbmwrap web on a simulated wrap
	@bash tools/need_chromium.sh
	$(PY) -m pytest tests/web_journeys -m "not slow" -n $(WAITING_JOBS)

bench-web: $(STAMP) ## Load and start of pbmwrap web: memory over 8 h, missed samples, CPU, first sample on screen
	@bash tools/need_chromium.sh
	$(PY) -m tools.bench_web

web-static: $(STAMP) ## The page without a server, to build/web-static, for any static host (docs/web-page.md)
	@$(PY) -m tools.web_static --out build/web-static

web-static-tests: $(STAMP) ## The page without a server in Debian's Chromium, all journeys
	@bash tools/need_chromium.sh
	$(PY) -m pytest tests/web_static -n $(JOBS)
	$(PY) -m pytest tests/web_serial -n $(JOBS)

web-static-slice: $(STAMP) ## The same, one session and one fault
	@bash tools/need_chromium.sh
	$(PY) -m pytest tests/web_static -m "not slow" -n $(JOBS)
	$(PY) -m pytest tests/web_serial -m "not slow" -n $(JOBS)

screenshots: $(STAMP) ## Pictures of every page, to docs/img/web (docs/web-page.md)
	@bash tools/need_chromium.sh
	$(PY) -m tests.web_page.screenshots

faults: faults-sim faults-binary ## Both fault campaigns (docs/faults.md)

faults-sim: $(STAMP) ## Thousands of simulated faults in virtual time
	$(PY) -m pytest tests/faults -m campaign -n $(JOBS)
	$(PY) -m tests.faults --out build/faults

faults-dask: $(STAMP) ## Check that two Dask workers give the campaign's verdicts (docs/faults.md)
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[campaign]'
	$(PY) -m pytest tests/faults/campaign_dask.py

faults-binary: firmware ## Fault scenarios on the emulated chip, measured at its pins
	$(PY) -m tests.faults_binary --out build/faults-binary --jobs $(JOBS)

powercut: powercut-sim powercut-binary ## Power cut at every flash operation, flipped bits (docs/powercut.md)

powercut-sim: $(STAMP) ## Over 20,000 cuts and as many cases of flipped bits, in virtual time
	$(PY) -m tests.powercut --torn 180 --rot 600 --out build/powercut --jobs $(JOBS)

powercut-binary: firmware ## Cuts on the emulated chip: before, during and after each operation
	$(PY) -m tests.powercut.binary --torn 1 --out build/powercut --jobs $(JOBS)

powercut-install: toolchain ## Cuts at every flash operation of installs by files on the emulated chip (docs/powercut.md)
	$(PY) -m tests.powercut.install --jobs $(JOBS) --out build/powercut

bench: firmware ## Every figure of the control loop, two hours or more (docs/benchmarks.md)
	$(PY) -m tools.bench --jobs $(JOBS)
	@$(PY) -m tools.bench_programme

bench-link: firmware ## Figures of the link on the emulated board, three minutes (docs/benchmarks.md)
	@$(PY) -m tools.bench.link

bench-install: toolchain ## Installing by files against `mpremote fs cp -r`, on the emulated chip (docs/benchmarks.md)
	@$(PY) -m tools.bench.install

bench-cli: $(STAMP) ## CPU time of starting the command, against mpremote, and size of an installation (docs/benchmarks.md)
	@$(PY) -m tools.bench.cli --size

.PHONY: bench-programme
bench-programme: $(STAMP) ## CPU time of the programme's commands with ten years of entries (docs/programme.md)
	@$(PY) -m tools.bench_programme

.PHONY: mqtt-broker
mqtt-broker: $(STAMP) ## `pbmwrap mqtt` against a real broker, mosquitto on this machine
	@bash tools/need_mosquitto.sh
	$(PY) -m pytest tests/host/campaign_mqtt.py

.PHONY: store-cuts
store-cuts: $(STAMP) ## Power cut and full disk at every write of the household's file (docs/programme.md)
	$(PY) -m pytest tests/programme/test_store_cuts.py tests/programme/test_store_faults.py \
		tests/programme/test_trial_cuts.py tests/web/test_trial.py -n $(JOBS)

.PHONY: lives
lives: $(STAMP) ## 50 made-up people, 15 weeks each with two wraps, and false improvement (docs/programme.md)
	@$(PY) -m tests.lives --jobs $(JOBS)
	@$(PY) -m tests.lives.regression

.PHONY: trial-campaign
trial-campaign: firmware ## 84,000 blinded trials through the real code, 400 sessions whose arms must not show, and a trial on the emulated chip (docs/trial.md)
	$(PY) -m tests.trial.many_trials --jobs $(JOBS)
	$(PY) -m tests.trial.tell_arms
	$(PY) -m pytest tests/emulator/test_trial.py -n 1

bench-peers: $(STAMP) ## The control step against one in C and one in plain MicroPython (docs/benchmarks.md)
	@$(PY) -m tools.bench.peers

mutants: $(STAMP) ## Mutation testing of wrap/safety and wrap/session (docs/mutants.md; JOBS=1 for one process)
	$(PY) -m tools.mutants --out build/mutants --jobs $(JOBS)

bench-archive: $(STAMP) ## 100,000 sessions in one archive: filled, queried, exported, imported (docs/benchmarks.md)
	$(PY) -m pytest tests/host/campaign_bench_archive.py
	$(PY) -m tools.bench.archive --out build/bench-archive

fuzz: $(STAMP) ## A million inputs to each thing that reads bytes (docs/fuzzing.md; RUNS=, JOBS=1 for one process)
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[fuzz]' || echo "make fuzz: atheris has no wheel here" >&2
	$(PY) -m tests.fuzz --runs $(RUNS) --jobs $(JOBS)

fuzz-unix: toolchain ## The firmware's readers of bytes on the MicroPython unix port
	$(PY) -m tests.fuzz.unix

fuzz-binary: firmware ## Random lines to the emulated RP2040
	$(PY) -m tests.fuzz.binary

qemu: $(STAMP) ## Machine code, floats and log bytes on emulated RISC-V and Cortex-M3 (docs/decisions/0018)
	$(PY) -m tests.qemu

contract: toolchain firmware ## One suite on sim, unix and the emulated RP2040, the HAL's on each chip, the image's own tests, a slice of qemu
	$(PY) -m pytest tests/contract tests/emulator tests/hal tests/qemu -m "not slow" -n $(JOBS) --dist loadgroup

contract-all: toolchain firmware ## The same with what takes long on the emulated chip, and the unit tests that take long
	$(PY) -m pytest tests/unit tests/programme -m campaign -n $(JOBS)
	$(PY) -m pytest tests/contract tests/emulator tests/hal tests/qemu -n $(JOBS) --dist loadgroup

schematic: $(STAMP) ## The build guide's drawings and tables, from the boards' facts (docs/build-a-wrap.md)
	$(PY) -m tools.reference_design.schematic
	$(PY) -m tools.reference_design.guide_tables

lint: style types ## ruff, pyright, the documents, and that each hazard has its code and its tests (docs/hazards.md)

style: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(PY) -m tools.hazards --check
	$(PY) -m tools.check_docs

types: types-quick
	$(VENV)/bin/pyright -p firmware/pyrightconfig.esp32.json

types-quick: $(STAMP)
	$(VENV)/bin/pyright
	$(VENV)/bin/pyright -p firmware

format: $(STAMP) ## Format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean: ## Remove what was built in this folder; caches elsewhere stay
	rm -rf build dist .venv .pytest_cache .ruff_cache .hypothesis .coverage
