# Two commands do everything on a machine with python3, python3-venv and make:
#   make demo   the main job: a real training, watched, gone wrong, stopped with proof
#               (in the browser, where npm is there; ARGS=--terminal for the terminal, ARGS=--auto without a person)
#   make test   the tests
# and one runs the Slack bot, after `trainwatch init`:
#   make bot
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
ARGS   ?=

.PHONY: demo bot test e2e check format bench peers figures screenshots soak fuzz guards mutants system-deps lock clean

# Without a person, a program works the browser: that is Playwright, which only developers have.
hands = $(if $(findstring --terminal,$(ARGS)),runtime,$(if $(findstring --auto,$(ARGS)),dev,runtime))

demo: $(VENV)/$(hands)
	@$(BIN)/trainwatch demo $(ARGS)

bot: $(VENV)/runtime
	@$(BIN)/python -m bot $(ARGS)

# Compiled beforehand: the tests start the program hundreds of times, and in a container Python often may not keep what it compiled.
test: $(VENV)/dev $(VENV)-writers/ready
	@$(BIN)/python -m compileall -q bot trainwatch_core
	$(BIN)/pytest $(ARGS)

# Through the browser: the bot against the Slack look-alike, which npm fetches. Needs `make system-deps`.
e2e: $(VENV)/dev
	$(BIN)/pytest tests/e2e $(ARGS)

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev
	$(BIN)/pytest -n 0 --benchmark-enable --benchmark-only tests/bench $(ARGS)

# trainwatch beside what people use today; with CASES=<directory of labelled runs> the table in docs/judgement.md is written anew.
CASES ?=
peers: $(VENV)/dev
	$(BIN)/python -m tests.bench.contest $(CASES)

# The pictures, sentences and thresholds of docs/judgement.md, from the rules themselves.
figures: $(VENV)/dev
	$(BIN)/python -m tests.docs.judgement

# Long: ten thousand random healthy runs, and not one may be stopped; a thousand watches under the limits of Slack;
# death at every point with every stopper; two thousand random courses of the stop protocol.
soak: $(VENV)/dev
	TRAINWATCH_CRASHES=all $(BIN)/pytest tests/faults/test_crash_points.py tests/faults/test_kill_nine.py \
		tests/bot/test_bot_process.py $(ARGS)
	TRAINWATCH_PROTOCOLS=2000 $(BIN)/pytest -n 0 --timeout 0 tests/faults/test_protocol_machine.py
	TRAINWATCH_DRAWS=10000 $(BIN)/pytest --timeout 0 tests/scenarios/test_healthy_curves.py $(ARGS)
	TRAINWATCH_WATCHES=1000 $(BIN)/pytest -n 0 -s -p no:logging --timeout 0 tests/bot/test_many_watches.py

# Long: bytes that break a reader, looked for by coverage. Atheris is large and needed for nothing else, so it lives apart.
SECONDS ?= 120
fuzz: $(VENV)-fuzz/ready
	for target in tests/fuzz/fuzz_*.py; do \
	  $(VENV)-fuzz/bin/python $$target -max_total_time=$(SECONDS) -rss_limit_mb=1500 -timeout=20 -max_len=8192 || exit 1; \
	done

# Long: each guard of tests/guards/table.toml is taken out in a copy, and its tests must miss it; ROWS="F-A01 F-S05" for some.
ROWS ?=
guards: $(VENV)/dev
	$(BIN)/python -m tests.guards.take_out $(ROWS)

# The bot in the look-alike of Slack, on a desk and on a phone; some of the pictures are those of the documentation.
screenshots: $(VENV)/dev
	$(BIN)/python -m tests.docs.screens $(ARGS)

# Long: faults put into who may do what, approval, redaction and identity, one by one; the tests must see them (docs/mutants.md).
mutants: $(VENV)-mutants/ready
	rm -rf mutants
	$(VENV)-mutants/bin/mutmut run $(ARGS)
	$(VENV)-mutants/bin/mutmut results

# System parts of the tests (Debian). The product itself needs none of them.
system-deps:
	sh .ci/system-deps

# Pins the newest versions that fit requirements/*.in, with hashes and without any package host.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet pip-tools
	for set in runtime dev writers fuzz mutants; do \
	  (cd requirements && ../$(VENV)-lock/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file $$set.txt $$set.in) || exit 1; \
	done
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) $(VENV)-lock $(VENV)-writers $(VENV)-fuzz $(VENV)-mutants mutants

$(VENV)/runtime: requirements/runtime.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: requirements/dev.txt $(VENV)/runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Other trackers, as writers of what tests read: apart, because they are large and pin what the program does not.
$(VENV)-writers/ready: requirements/writers.txt
	$(PYTHON) -m venv $(VENV)-writers
	$(VENV)-writers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/writers.txt
	@touch $@

$(VENV)-fuzz/ready: requirements/fuzz.txt requirements/runtime.txt
	$(PYTHON) -m venv $(VENV)-fuzz
	$(VENV)-fuzz/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	$(VENV)-fuzz/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	$(VENV)-fuzz/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)-mutants/ready: requirements/mutants.txt requirements/dev.txt
	$(PYTHON) -m venv $(VENV)-mutants
	$(VENV)-mutants/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(VENV)-mutants/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutants.txt
	$(VENV)-mutants/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
