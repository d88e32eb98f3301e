#!/usr/bin/env bash
# Known faults of the crates in Cargo.lock (RustSec), for `make lint`. Where cargo-audit or its database is out of reach it says so and
# is content: no checkout's lint may hang on a network. What it finds fails.
set -u
skip() {
	echo "advisories: not looked up, $1"
	exit 0
}
cargo audit --version >/dev/null 2>&1 || skip "cargo-audit is not installed (cargo install cargo-audit)"
found=$(timeout 60 cargo audit --json 2>/dev/null)
status=$?
[ -n "$found" ] || skip "cargo audit cannot, the database is out of reach or there is no lock file"
[ "$status" -eq 0 ] && echo "advisories: no vulnerabilities" && exit 0
cargo audit --no-fetch
exit "$status"
