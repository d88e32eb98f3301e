#!/usr/bin/env bash
# Known faults of the crates in Cargo.lock (RustSec), for `make lint`. Where cargo-audit or its database is out of reach it says so and
# is content: no checkout's lint may hang on a network. What it finds fails.
set -u
skip() {
	echo "advisories: not looked up, $1"
	exit 0
}
cargo audit --version >/dev/null 2>&1 || skip "cargo-audit is not installed (cargo install cargo-audit)"
found=$(cargo audit --json 2>/dev/null)
status=$?
[ -n "$found" ] || skip "the database cannot be fetched"
[ "$status" -eq 0 ] && echo "advisories: none" && exit 0
cargo audit --no-fetch
exit "$status"
