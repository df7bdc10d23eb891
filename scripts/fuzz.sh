#!/usr/bin/env bash
# Runs each libFuzzer target for some seconds over its corpus; new inputs that
# reach new code stay in BUILD_DIR/corpus/NAME, crashes in BUILD_DIR/crashes/.
# usage: scripts/fuzz.sh BUILD_DIR SECONDS NAME...
set -u
build=$1 seconds=$2
shift 2
failed=0
mkdir -p "$build/crashes"
for name in "$@"; do
    mkdir -p "$build/corpus/$name"
    if "$build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="$build/crashes/$name-" \
        "$build/corpus/$name" "tests/fuzz/corpus/$name" >"$build/crashes/$name.log" 2>&1; then
        echo "ok   $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/crashes/$name.log") inputs"
    else
        failed=$((failed + 1))
        echo "FAIL $name:"
        grep -E 'ERROR|runtime error|SUMMARY|Test unit written' "$build/crashes/$name.log" | sed 's/^/    /'
    fi
done
[ $failed -eq 0 ]
