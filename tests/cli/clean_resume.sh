#!/bin/bash
# llmctl clean goes on where it was interrupted.
set -eu
. "$SRC/tests/cli/lib.bash"

LLMCTL=$LLMCTL "$SRC/scripts/check-clean-resume.sh" 1 5 >out || fail "kills show: $(cat out)"

# Stopped when the first block is on record.
awk 'BEGIN { for (i = 0; i < 60000; i++) printf "{\"id\":%d,\"text\":\"some words of document %d that are to stay as they are\"}\n", i, i }' >a.jsonl
for i in 1 2 3 4 5 6 7 8; do cat a.jsonl; done >b.jsonl
interrupted() { # ARGS...: until a journal is there
    "$LLMCTL" clean "$@" --threads 1 --preset gopher --set gopher.min_words=3 --save-every 0 -q --out o.jsonl 2>err &
    local pid=$!
    while [ ! -e .o.jsonl.journal ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
    kill -$sig $pid 2>/dev/null || true
    got=0
    { wait $pid; } 2>/dev/null || got=$?
}
sig=TERM
interrupted b.jsonl
if [ $got = 75 ]; then
    grep -q 'stopped by a signal behind [0-9]* documents; the same command goes on from there' err || fail "$(cat err)"
    again=(--threads 1 --preset gopher --set gopher.min_words=3 --out o.jsonl)
    expect 78 "$LLMCTL" clean b.jsonl --threads 1 --preset gopher --set gopher.min_words=4 --out o.jsonl
    grep -q "left '.o.jsonl.journal', made with --set \[\"gopher.min_words=3\"\]; now it is --set \[\"gopher.min_words=4\"\]; --resume never" err || fail "$(cat err)"
    expect 78 "$LLMCTL" clean b.jsonl a.jsonl "${again[@]}"
    grep -q "made with nothing more; now it is input 'a.jsonl' of" err || fail "$(cat err)"
    touch -d '2001-02-03 04:05:06' b.jsonl
    expect 78 "$LLMCTL" clean b.jsonl "${again[@]}"
    grep -q "now it is input 'b.jsonl' of .* changed 2001-02-0" err || fail "$(cat err)"
    cp .o.jsonl.journal keep.journal
    printf x | dd of=.o.jsonl.journal bs=1 seek=100 conv=notrunc 2>/dev/null
    expect 65 "$LLMCTL" clean b.jsonl "${again[@]}"
    grep -q "'.o.jsonl.journal' cannot be used: it is damaged; --resume never starts over" err || fail "$(cat err)"
    expect 0 "$LLMCTL" clean b.jsonl "${again[@]}" --resume never
    cmp b.jsonl o.jsonl || fail "starting over"
    [ -z "$(ls -A | grep '^\.' || true)" ] || fail "left behind: $(ls -A)"
fi

# Stopped while it measures for filters of the whole corpus; what it measured may be damaged.
cat a.jsonl a.jsonl a.jsonl >c.jsonl
expect 0 "$LLMCTL" clean c.jsonl --preset gopher --set gopher.min_words=3 --outliers mad:9 --out want.jsonl
for damage in none flip; do
    interrupted c.jsonl --outliers mad:9
    [ $got = 75 ] || continue
    grep -q 'stopped by a signal while measuring, behind [0-9]* documents; the same command' err || fail "$(cat err)"
    [ $damage = flip ] && printf x | dd of=.o.jsonl.notes.part bs=1 seek=9 conv=notrunc 2>/dev/null
    expect 0 "$LLMCTL" clean c.jsonl --threads 1 --preset gopher --set gopher.min_words=3 --outliers mad:9 --out o.jsonl
    [ $damage != none ] || grep -q 'documents had been measured by a run that was interrupted' err || fail "it measured anew: $(cat err)"
    cmp want.jsonl o.jsonl || fail "after measuring was stopped, damage: $damage"
    [ -z "$(ls -A | grep '^\.' || true)" ] || fail "left behind: $(ls -A)"
done

# A full disk: what is on record stays, and the command goes on when there is room.
if (ulimit -f 4096; "$LLMCTL" clean b.jsonl --save-every 0 -q --out o.jsonl) 2>err; then fail "no limit"; fi
[ -e .o.jsonl.part ] && [ -e .o.jsonl.journal ] || fail "nothing is left after a full disk: $(cat err)"
expect 0 "$LLMCTL" clean b.jsonl --out o.jsonl
grep -q 'documents were done by a run that was interrupted' err || fail "$(cat err)"
cmp b.jsonl o.jsonl || fail "after a full disk"

# Two at once, and runs that cannot go on: those that write to or read from a pipe.
"$LLMCTL" clean <(sleep 0.3; cat a.jsonl) a.jsonl -q --out o.jsonl &
pid=$!
expect 0 "$LLMCTL" clean a.jsonl --out o.jsonl
wait $pid
[ "$(wc -l <o.jsonl)" -ge 60000 ] || fail "two at once"
expect 0 "$LLMCTL" clean a.jsonl --save-every 0
[ ! -e .-.journal ] || fail "a journal of stdout"
