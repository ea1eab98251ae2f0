# Targets with a line of help each; the work is in deploy/scripts. `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON_HERE := .venv/bin/python
CAMPAIGN ?= salute-the-flag

.PHONY: help run test test-long lint types h5 h5-test doctor seed audit cluster cluster-test rehearsal bench bench-callback bench-live bench-plan bench-posters bench-wall screenshots bundle clean runtime tools

help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: ## install what is missing, build the pages, start everything; Ctrl-C stops it
	@exec deploy/scripts/run.sh

test: ## install what the tests need and run all of them (at most 15 minutes)
	@exec deploy/scripts/test.sh

test-long: ## the tests that take longer
	@exec deploy/scripts/test.sh --long

lint: tools ## ruff over all Python
	@.venv/bin/ruff check .

types: tools ## mypy, strict, over server/ and settings.py; vue-tsc over h5/
	@.venv/bin/mypy && npm --prefix h5 run --silent types

h5: ## build the pages into assets/h5
	@bash -c 'source deploy/scripts/setup.sh && make_venv && build_h5'

h5-test: ## the pages' unit tests
	@bash -c 'source deploy/scripts/setup.sh && make_venv && install_h5 && ensure_node && npm --prefix h5 run --silent test'

doctor: runtime ## check this machine and the stores, and say what to do
	@$(PYTHON_HERE) -m server doctor

seed: runtime ## demo data, once (make run does it too)
	@$(PYTHON_HERE) -m server seed

audit: runtime ## prove that a campaign's counters and documents agree: make audit CAMPAIGN=salute-the-flag
	@$(PYTHON_HERE) -m server audit $(CAMPAIGN)

cluster: tools ## the product over a real Redis Cluster of six processes on this machine; Ctrl-C stops it
	@$(PYTHON_HERE) -m tests.redis_cluster

cluster-test: tools ## everything that can befall a Redis Cluster: failover, lost writes, partition, moving slots; on Redis 6.2 and 7
	@$(PYTHON_HERE) -m pytest -q -m "long or not long" tests/faults/test_cluster.py tests/faults/test_cluster_halves.py

rehearsal: ## a city's week in minutes, 2,198,200 people, against a product of its own, with a report and a proof (some 20 minutes)
	@exec deploy/scripts/rehearsal.sh $(ARGS)

bench: ## our intake beside uvicorn, FastAPI and a bare parser, in one run (some 5 minutes)
	@exec deploy/scripts/bench.sh $(ARGS)

bench-callback: ## a thousand reply rules: our callbacks beside Flask with wechatpy, in one run (a minute)
	@exec deploy/scripts/bench.sh callback $(ARGS)

bench-live: ## 14,000 readers of the live figures under 1,000 salutes a second, and a restart (two to three minutes)
	@exec deploy/scripts/bench.sh live $(ARGS)

bench-plan: tools ## what one salute, change, page, login and look at a shard costs, for `python -m server plan` (two minutes)
	@$(PYTHON_HERE) -m tests.bench.bench_plan $(ARGS)

bench-posters: runtime ## how long a poster takes here
	@$(PYTHON_HERE) -m tests.bench.bench_posters $(ARGS)

bench-wall: tools ## how smoothly the wall runs and how its memory grows, in Chromium (10 minutes a size)
	@$(PYTHON_HERE) -m tests.bench.bench_wall $(ARGS)

screenshots: tools ## take the pictures of the README from the running product
	@$(PYTHON_HERE) -m tests.browser.screenshots

bundle: ## one archive that installs on a machine without network, in dist/
	@exec deploy/scripts/bundle.sh

clean: ## remove what was built and installed; the data folder stays
	rm -rf .venv h5/node_modules assets/h5 .mypy_cache .ruff_cache .pytest_cache

# What the programs need, and what we need to work on them; neither does anything where it is installed.
runtime:
	@bash -c 'source deploy/scripts/setup.sh && make_venv && install_packages requirements.txt'
tools:
	@bash -c 'source deploy/scripts/setup.sh && make_venv && install_packages requirements-dev.txt'
