# One word each. `make test` is what CI runs after the checks of `make check`.

CARGO ?= cargo

.PHONY: help deps check test decide loom fuzz bench real heap-long tables-long checker-long record

help:            ## what there is
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/make \1	\2/p' Makefile | expand -t 20

deps:            ## installs what is missing: PostgreSQL, Redis, MinIO
	@sh scripts/deps.sh

check:           ## formatting, lints, docs, and the tests that need no service
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	$(CARGO) test --quiet -p unforked-checker -p unforked-sim -p unforked-models -p unforked-heap -p unforked -p unforked-tests

test: deps       ## every test, those against real services included
	@mkdir -p target && rm -f target/skipped && touch target/skipped
	UNFORKED_SKIPPED=$(CURDIR)/target/skipped $(CARGO) test
	@echo "$$(wc -l < target/skipped) checks skipped for want of a service"; cat target/skipped
	$(CARGO) run --quiet --release -- replay --recorded traces/*.json traces/decide/*.json traces/museum/*.json
	$(CARGO) run --quiet --release -- decide > target/decide
	sed -n '/<!-- checker decide -->/,/<!-- end -->/p' README.md | sed '1d;$$d' | diff - target/decide

decide:          ## which design of a snapshot log holds, in larger bounds than the README's
	$(CARGO) run --quiet --release -- decide -p tries=2 --faults 0
	$(CARGO) run --quiet --release -- decide -p writers=3 --faults 0

loom:            ## what our own threads share, in every order that loom tells apart
	RUSTFLAGS="--cfg loom -D warnings" CARGO_TARGET_DIR=target/loom $(CARGO) test --quiet --profile loom -p unforked-loom --lib --tests

fuzz:            ## every model and every mutant, on the seeds of a default campaign
	$(CARGO) run --quiet --release -- fuzz all --mutants

bench:           ## what is measured, beside its peers: bench/results.md
	$(CARGO) run --quiet --profile farm -p bench -- results

real: deps       ## the models on real Postgres, Redis and S3
	$(CARGO) run --quiet --release -- confirm run_head -p writers=16 -p transitions=5000 --on postgres
	$(CARGO) run --quiet --release -- confirm run_head --on postgres,redis
	$(CARGO) run --quiet --release -- confirm redlock --on redis
	$(CARGO) run --quiet --release -- confirm snapshot_log --on postgres,redis,s3
	$(CARGO) run --quiet --release -- confirm redlock --mutant no_guard --on postgres,redis; test $$? = 1
	$(CARGO) run --quiet --release -- confirm traces/seed-42.json --on postgres,redis,s3
	$(CARGO) run --quiet --release -- confirm object_store --on s3
	$(CARGO) run --quiet --release -- confirm object_store -p about=all --on s3
	$(CARGO) run --quiet --release -- confirm object_store --on s3s-fs -o target/found; test $$? = 1
	$(CARGO) run --quiet --release -- measure backends --on minio,weed,embedded

checker-long:    ## every datatype beside brute force, on 37 million histories
	UNFORKED_LONG=50 $(CARGO) test --quiet --release -p unforked-checker --test suite

heap-long: deps  ## the simulated table beside the real one: every workload, 5 M operations
	$(CARGO) run --quiet -p unforked-real --example heap_long

tables-long: deps ## the simulated tables beside the real ones: 10,000 programs of a few sessions
	$(CARGO) run --quiet -p unforked-real --example tables_long

record:          ## records the committed traces again, on purpose
	$(CARGO) run --quiet --release -- fuzz all --mutants -o traces
	mkdir -p traces/museum && mv traces/museum-*.json traces/museum/
	$(CARGO) run --quiet --release -- run cluster -p writers=16 -p transitions=6 --seed 42 -o traces/seed-42.json
	$(CARGO) run --quiet --release -- decide -o traces/decide
