#!/bin/bash
# llmctl dedup on bad input: a bad record costs only itself, whatever the technique.
set -eu
. "$SRC/tests/cli/lib.bash"

techniques=("--exact text" "--exact text --removed removed.jsonl" "--exact norm" "--near" "--parts line" "--ngram 13:0.8" "--substring 50")

# One invalid byte in ten lines; numbers, surrogates, broken JSON; NUL; CR LF; a byte order mark.
for i in one two three four five six seven eight nine ten; do
    if [ $i = four ]; then printf '{"text":"bad \xff byte"}\n'; else echo "{\"text\":\"line $i of ten\"}"; fi
done >ten.jsonl
printf '\xef\xbb\xbf{"text":"a b c"}\r\n{"text":12}\n{"text":"\\ud800"}\n{"text":"nul\\u0000 here"}\n{"no":"text"}\n[]\n\n   \n{"text":"","x":1}\n{"text":"a b c","text":"d"}\n{"text":"cut' >mixed.jsonl
awk 'BEGIN { printf "{\"text\":\""; for (i = 0; i < 100000; i++) printf "😀"; print "\"}" }' >emoji.jsonl
awk 'BEGIN { printf "{\"text\":\""; for (i = 0; i < 300000; i++) printf "word%d ", i; print "\"}"; print "{\"text\":\"short one\"}" }' >long.jsonl
mkdir none
printf 'PAR1 and so on' >x.parquet
for t in "${techniques[@]}"; do
    # shellcheck disable=SC2086
    {
        expect 0 "$LLMCTL" dedup ten.jsonl $t -q --out o.jsonl --quarantine q.jsonl
        [ "$(grep -c . o.jsonl)" = 9 ] && [ "$(grep -c . q.jsonl)" = 1 ] || fail "$t: $(cat o.jsonl q.jsonl)"
        grep -q '"line":4,.*"reason":"invalid UTF-8"' q.jsonl || fail "$t: $(cat q.jsonl)"
        expect 0 "$LLMCTL" dedup mixed.jsonl $t --out o.jsonl --quarantine q.jsonl
        [ "$(grep -c . o.jsonl)" = 3 ] && [ "$(grep -c . q.jsonl)" = 6 ] || fail "$t: $(cat o.jsonl q.jsonl)"
        grep -q 'in 9 = out 3 + removed 0 (exact 0, near 0) + quarantined 6' err || fail "$t: $(cat err)"
        expect 0 timeout 20 "$LLMCTL" dedup emoji.jsonl emoji.jsonl $t -q --out o.jsonl
        expect 0 "$LLMCTL" dedup long.jsonl $t -q --max-line 1M --out o.jsonl --quarantine q.jsonl
        [ "$(cat o.jsonl)" = '{"text":"short one"}' ] && grep -q 'longer than --max-line' q.jsonl || fail "$t: long"
        expect 66 "$LLMCTL" dedup none $t --out o.jsonl
        expect 66 "$LLMCTL" dedup missing.jsonl $t --out o.jsonl
        expect 65 "$LLMCTL" dedup x.parquet $t --out o.jsonl
        grep -q 'a Parquet file.*duckdb' err || fail "$t: $(cat err)"
        expect 73 "$LLMCTL" dedup ten.jsonl $t --out no/such/dir/o.jsonl
        [ "$(grep -c . err)" = 1 ] || fail "$t: $(cat err)"
    }
done
for z in gzip zstd; do
    $z -q -c long.jsonl >c.z
    head -c $(($(wc -c <c.z) / 2)) c.z >cut.jsonl
    printf '{"text":"whole"}\n' | $z -q -c | cat - cut.jsonl >both.jsonl
    for t in "${techniques[@]}"; do
        # shellcheck disable=SC2086
        expect 65 "$LLMCTL" dedup both.jsonl $t --out o.jsonl
        grep -q 'whole' o.jsonl && grep -q 'ends early\|corrupt' err || fail "$z, $t: $(cat err)"
    done
done

# Many frames, as we, pzstd or cat make them: the same bytes for any number of
# threads, and damage has a place.
awk 'BEGIN { srand(5); for (i = 0; i < 30000; i++)
    printf "{\"id\":%d,\"text\":\"%s %d %d\"}\n", i, substr("a longer line of words that fill some space", 1 + rand() * 20), rand() * 1e6, rand() * 5 }' >many.jsonl
"$LLMCTL" dedup many.jsonl -q --out plain.jsonl
"$LLMCTL" dedup many.jsonl -q --out own.jsonl.zst
split -b 70000 many.jsonl piece.
for p in piece.*; do zstd -q -c "$p"; done >pieces.jsonl.zst
zstd -q -c <many.jsonl | cat own.jsonl.zst - pieces.jsonl.zst >all.jsonl.zst
for t in 1 2 8; do
    for f in own pieces all; do
        expect 0 "$LLMCTL" dedup $f.jsonl.zst -q --threads $t --out o.jsonl
        cmp o.jsonl plain.jsonl || fail "$f.jsonl.zst with $t threads"
        "$LLMCTL" dedup -q --threads $t <$f.jsonl.zst | cmp - plain.jsonl || fail "$f.jsonl.zst as stdin"
    done
    head -c -20000 pieces.jsonl.zst >cut.jsonl.zst
    expect 65 "$LLMCTL" dedup cut.jsonl.zst -q --threads $t --out cut$t.jsonl
    grep -q 'ends early, in frame [0-9]*, which begins at byte [0-9]*' err || fail "$(cat err)"
    [ "$(wc -l <cut$t.jsonl)" -gt 10000 ] && cmp cut$t.jsonl cut1.jsonl || fail "cut, $t threads"
done

# A stop signal ends the wait for who writes the pipe, and leaves nothing behind.
gzip -c many.jsonl >many.jsonl.gz
mkdir stop && cd stop && mkfifo slow
for input in many.jsonl own.jsonl.zst many.jsonl.gz; do
    for how in "" --near; do
        (cat ../$input; exec sleep 3) >slow & writer=$!
        "$LLMCTL" dedup $how -q --out o.jsonl <slow 2>err & pid=$!
        sleep 0.3; start=$(date +%s%N); got=0
        kill -TERM $pid; wait $pid || got=$?
        [ $got = 75 ] && [ $(($(date +%s%N) - start)) -lt 1500000000 ] || fail "$input: a stop signal gives $got after $((($(date +%s%N) - start) / 1000000)) ms"
        [ "$(ls -A)" = "err
slow" ] || fail "left behind: $(ls -A)"
        kill $writer; wait $writer || true
    done
done
# Who writes a pipe may be slow, whatever is packed and whether it has a name.
for input in many.jsonl own.jsonl.zst many.jsonl.gz; do
    (head -c 1000 ../$input; sleep 0.3; tail -c +1001 ../$input) >slow & writer=$!
    "$LLMCTL" dedup slow -q --out o.jsonl
    wait $writer
    cmp o.jsonl ../plain.jsonl || fail "$input through a pipe with a name"
    (head -c 1000 ../$input; sleep 0.3; tail -c +1001 ../$input) | "$LLMCTL" dedup --near -q --out o.jsonl
    "$LLMCTL" dedup --near ../$input -q | cmp - o.jsonl || fail "$input through a pipe"
done
# Of what is read more than once only stdin is copied.
expect_error 2 "'slow' is a pipe, and this reads its input more than once; give it as stdin" "$LLMCTL" dedup --near slow
expect_error 2 "is a pipe" "$LLMCTL" dedup --substring 50 ../many.jsonl <(cat ../many.jsonl)
expect_error 2 "slow cannot be read again" "$LLMCTL" dedup slow --workdir w --out o.jsonl
