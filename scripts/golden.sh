#!/usr/bin/env bash
# Runs every golden program of BUILD_DIR over GOLDEN_DIR and adds up their last
# lines, "N passed, N failed, N skipped".
# usage: scripts/golden.sh BUILD_DIR GOLDEN_DIR
set -u
build=$1 golden=$2
[ -d "$golden" ] || { echo "golden: no directory '$golden' (make golden GOLDEN=DIR)" >&2; exit 66; }
passed=0 failed=0 skipped=0
for program in "$build"/tests/golden/golden*; do
    case $program in *.o | *.d) continue ;; esac
    out=$("$program" "$golden")
    status=$?
    last=$(tail -n 1 <<<"$out")
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        skipped=$((skipped + BASH_REMATCH[3]))
        sed '$d' <<<"$out"
    else
        echo "$out"
        echo "FAIL ${program##*/}: ended with status $status"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
