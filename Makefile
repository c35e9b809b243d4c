# The newcomer's commands: make demo, make test, make bench. Each installs what it needs into .venv.

PY = .venv/bin/python
WORKERS ?= 2

.PHONY: help programs install demo test transcripts mutants soak explore attack bench cases lint clean

help:
	@echo "make demo     six demonstrations with real nodes on this machine, told as they happen (about a minute)"
	@echo "make test     everything"
	@echo "make transcripts  plays the stories of tests/transcripts, and writes what a node does now below their lines"
	@echo "make mutants  changes the core one place at a time, and lists what no test sees (hours; ARGS=\"--draw 100\" for a sample)"
	@echo "make soak     random accidents in virtual time, with fresh seeds"
	@echo "make explore  all that three voters and their network can do up to a depth (ARGS=--help says from where, and how deep)"
	@echo "make attack   two thieves with a stolen node key against two honest nodes, and what came of it"
	@echo "make bench    the figures of docs/benchmarks.md, measured here (make bench ARGS=--quick for a first look)"
	@echo "make cases    nginx and the other examples with real daemons and clients: what a failover costs (ARGS=\"--only web\" for some)"
	@echo "make install  a private environment in .venv, with faild, failc and failaudit in .venv/bin"
	@echo "make lint     ruff and mypy"
	@echo "make clean    removes .venv and what tools leave behind"

# What only tests and the benchmark need besides Python.
programs:
	@packaging/programs.sh

install: .venv/.installed

.venv/.installed: pyproject.toml packaging/venv.sh
	@packaging/venv.sh

.venv/.dev: pyproject.toml packaging/venv.sh
	@packaging/venv.sh dev

demo: .venv/.installed
	@$(PY) -m tools.demo $(ARGS)

test: programs .venv/.dev
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

transcripts: .venv/.dev
	@$(PY) -m tests.transcripts --write $(ARGS)

# Not part of `make test`: hours on two cores. docs/mutants.md has the last result.
mutants: programs .venv/.dev
	@$(PY) -m tests.mutants $(ARGS)

# Random accidents with fresh seeds, 200 at a time: `make soak SEEDS=1..1000` for others.
SEEDS ?= $(shell now=$$(date +%s); echo $$now..$$((now + 199)))
soak: .venv/.installed
	@$(PY) -m tools.simulator.random_main --seeds $(SEEDS) --lines 40

# Each state within a depth, once: `make explore ARGS="--from cut --depth 7 --resume FOLDER --workers 2"` goes on where it was stopped.
explore: .venv/.installed
	@$(PY) -m tools.explore $(ARGS)

attack: .venv/.installed
	@$(PY) -m tools.attack $(ARGS)

bench: programs .venv/.installed
	@$(PY) -m compileall -q protocol store actions coordinator tools
	@$(PY) -m tools.bench $(ARGS)

cases: .venv/.installed
	@packaging/programs.sh $$($(PY) -m tools.cases --programs)
	@$(PY) -m tools.cases $(ARGS)

lint: .venv/.dev
	@$(PY) -m ruff check .
	@$(PY) -m mypy

clean:
	rm -rf .venv .demo build dist mutants.jsonl .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
