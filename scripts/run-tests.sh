#!/usr/bin/env bash
# Runs every test program of BUILD_DIR and every tests/cli/*.sh, prints what
# failed, and last the count.  Status 77 of a test means skipped.
# usage: scripts/run-tests.sh BUILD_DIR
set -u
build=$1
src=$PWD
passed=0 failed=0 skipped=0
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

result() { # name status output-file
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
    elif [ "$2" -eq 77 ]; then
        skipped=$((skipped + 1))
        echo "SKIP $1: $(tail -n 1 "$3")"
    else
        failed=$((failed + 1))
        echo "FAIL $1 (status $2)"
        sed 's/^/    /' "$3" | tail -n 40
    fi
}

for t in "$build"/tests/*/test_*; do
    case $t in *.o | *.d) continue ;; esac
    [ -x "$t" ] || continue
    timeout 300 "$t" >"$log/out" 2>&1
    result "${t#"$build"/tests/}" $? "$log/out"
done
for t in tests/cli/*.sh; do
    [ -e "$t" ] || continue
    dir=$(mktemp -d "$log/cli.XXXXXX")
    (cd "$dir" && LLMCTL=$src/$build/llmctl SRC=$src timeout 300 bash "$src/$t") >"$log/out" 2>&1 </dev/null
    result "$t" $? "$log/out"
done
scripts/check-layers.sh >"$log/out" 2>&1
result "scripts/check-layers.sh" $? "$log/out"

[ $skipped -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
