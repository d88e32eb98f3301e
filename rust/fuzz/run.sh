#!/usr/bin/env bash
# Looks for bytes that break a property: each target for SECONDS, or only those that are named. What a run found is saved below
# artifacts/ and makes it fail; what it learned stays in the target directory and is where the next run goes on.
#
#   run.sh SECONDS [TARGET...]
#
# Stable Rust is enough: the compiler carries the coverage, libFuzzer comes as a crate. No sanitizer looks on, for our crates have no
# unsafe code. A length that is believed before it is read shows as an allocation beyond the limit of memory below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=$1
shift

host=$(rustc -vV | sed -n 's/^host: //p')
build=${CARGO_TARGET_DIR:-$PWD/../../target}
coverage=(
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
)
# With a target named, build scripts and macros are not instrumented and are the ones of every other build.
RUSTFLAGS="${coverage[*]}" cargo build --locked --package qnpc-fuzz --features libfuzzer --target "$host"

# Arenas and threads reserve address space, which is what the limit counts.
export MALLOC_ARENA_MAX=1 RAYON_NUM_THREADS=1
[ "$(uname -s)" != Linux ] || ulimit -v $((1024 * 1024))

[ $# != 0 ] || set -- $(ls corpus)
found=()
for target in "$@"; do
    learned=$build/fuzz/$target
    mkdir -p "$learned" "artifacts/$target"
    echo "== $target"
    QNPC_FUZZ_TARGET=$target "$build/$host/debug/fuzz" "$learned" "corpus/$target" -artifact_prefix="artifacts/$target/" \
        -max_total_time="$seconds" -timeout=10 -print_final_stats=1 2> "$learned.log" || found+=("$target")
    grep -aE 'DONE|panicked|ERROR|Test unit written|allocation of|number_of_executed|peak_rss' "$learned.log" || true
done
rmdir artifacts/* artifacts 2> /dev/null || true
if [ ${#found[@]} != 0 ]; then
    echo "found something: ${found[*]}; the bytes are below rust/fuzz/artifacts, what they did in $build/fuzz/TARGET.log" >&2
    exit 1
fi
