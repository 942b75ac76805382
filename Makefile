# The commands of the README. Each can be repeated; the work is in tools/.
BUILD ?= build
FUZZ_SECONDS ?= 60
export SPILLWAY_CACHE ?= $(HOME)/.cache/spillway

.PHONY: build demo demo-clean test test-faults test-bugs test-asan test-tsan fuzz bench format clean

build:            ## the program, at build/bin/spillway
	@tools/bootstrap build
	@tools/build $(BUILD)

demo: build       ## sync a sample Delta table into a local PostgreSQL and check it
	@examples/demo/run $(BUILD)

demo-clean:       ## remove everything that make demo made
	@examples/demo/clean $(BUILD)

test:             ## what a change must pass
	@tools/bootstrap test
	@tools/test $(BUILD)

test-faults:      ## every failpoint and commit under every fault, with a table of what each did
	@tools/bootstrap test
	@tests/run -n 2 --dist worksteal --quiet scenarios -k "test_fault or test_cuts"

test-bugs:        ## builds with one known bug each, which a named test must catch
	@tools/bootstrap test
	@tests/seeded-bugs

test-asan:        ## unit tests under AddressSanitizer and UBSan (Clang)
	@tools/bootstrap test
	@tools/test-sanitized address,undefined

test-tsan:        ## unit tests of threaded modules under ThreadSanitizer (Clang)
	@tools/bootstrap test
	@tools/test-sanitized thread

fuzz:             ## each fuzz target for FUZZ_SECONDS (default 60)
	@tools/bootstrap test
	@tools/fuzz $(FUZZ_SECONDS)

bench: build      ## first load against the floor and peers; ROWS=100000 to shrink
	@bench/run

format:           ## lay out C++ and Rust
	@tools/check-format --fix

clean:
	@rm -rf $(BUILD)
