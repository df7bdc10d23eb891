#!/usr/bin/env bash
# Kills `llmctl clean` at random points, KILLS times for each of several kinds of
# input, and lets it go on until it ends: every output has to be, byte for byte,
# that of a run which nobody disturbed.
#
#   scripts/check-clean-resume.sh [KILLS] [MEGABYTES]     (20, 24)
#
# Environment: LLMCTL, the executable (./llmctl).
set -eu
kills=${1:-20} mb=${2:-24}
llmctl=$(realpath "${LLMCTL:-./llmctl}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
RANDOM=7

# Prose of random words in several sources, among it what rules remove and lines that are no JSON.
awk -v mb="$mb" 'BEGIN { srand(3)
    split("the be to of and that have with river light morning stone water house letter window garden winter paper answer", w, " ")
    for (i = 0; size < mb * 1e6; i++) { t = ""; n = 20 + int(rand() * 300)
        for (k = 0; k < n; k++) t = t w[1 + int(rand() * 20)] (rand() < 0.1 ? ".\\n" : " ")
        line = sprintf("{\"id\":%d,\"source\":\"s%d\",\"text\":\"%s\"}", i, i % 7, t)
        if (i % 501 == 500) line = "{broken"
        print line; size += length(line) + 1 } }' >a.jsonl
mkdir in
head -c $((mb * 400000)) a.jsonl | gzip -1 >in/a.jsonl.gz
{ echo "id,text"; head -n 4000 a.jsonl | tr -d '"' | awk '{ printf "%d,\"%s\"\n", NR, $0 }'; } >in/b.csv
head -n 3000 a.jsonl | tr '}' '\n' >in/c.txt
tail -n 2000 a.jsonl >in/d.jsonl
head -n 3000 a.jsonl >d.jsonl

# check NAME ARGS...
check() {
    local name=$1 n=0 struck=0 ms
    shift
    local out=(--removed "$name.r.jsonl" --quarantine "$name.q.jsonl" --decisions "$name.d.jsonl.gz" --report "$name.json" --report-html "$name.html")
    local start=${EPOCHREALTIME/./}
    "$llmctl" clean "$@" -q --out "$name.jsonl.zst" "${out[@]}"
    ms=$(((${EPOCHREALTIME/./} - start) / 1000))
    mkdir -p want
    mv "$name".* want/
    while [ $struck -lt "$kills" ]; do
        n=$((n + 1))
        [ $n -lt $((kills * 20)) ] || { echo "$name: runs end too soon to be killed; give more MEGABYTES" >&2; exit 1; }
        local sig=KILL
        [ $((RANDOM % 4)) = 0 ] && sig=TERM
        "$llmctl" clean "$@" -q --save-every 0 --threads $((1 + RANDOM % 3)) --out "$name.jsonl.zst" "${out[@]}" 2>err &
        local pid=$!
        local wait_ms=$((RANDOM % (ms / 2 + 20) + 1))
        sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
        kill -$sig $pid 2>/dev/null || true
        local got=0
        { wait $pid; } 2>/dev/null || got=$?
        case $got in
        137 | 143 | 75) struck=$((struck + 1)) ;;
        0) same "$name"; rm -f "$name".*; continue ;; # done before the signal; the next begins anew
        *) cat err >&2; echo "$name: status $got" >&2; exit 1 ;;
        esac
    done
    "$llmctl" clean "$@" --save-every 0 --out "$name.jsonl.zst" "${out[@]}" 2>err || { cat err >&2; exit 1; }
    same "$name"
    grep -q 'by a run that was interrupted' err && echo "$name: the last run went on: $(grep -oE '[0-9]* documents (were done|had been measured)' err | tr '\n' ' ')"
    [ -z "$(find . -maxdepth 1 -name ".$name*")" ] || { echo "$name: something is left behind" >&2; exit 1; }
    echo "$name: $struck kills in $n runs, the same bytes"
}
same() {
    local f
    for f in want/"$1".*; do cmp "$f" "${f#want/}" || { echo "$1: another $f" >&2; exit 1; }; done
}

check lines a.jsonl --preset fineweb --pii all
check formats in --preset gopher --documents paragraph
check corpus a.jsonl --preset gopher --outliers mad:4 --balance source
check kept d.jsonl --ambiguity prompt=source,answer=text,near=0.8 --resolve newest --ambiguity-report kept.a.jsonl --label-errors field=source
