#!/bin/bash
# llmctl dedup: the same bytes for any number of shards and threads, in little
# memory, after an interruption.
set -eu
. "$SRC/tests/cli/lib.bash"

# Three files of several shapes; a third of the documents have a near or equal twin.
awk 'function word() { return sprintf("%c%c%c", 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26) }
    BEGIN { srand(7)
    for (i = 0; i < 1500; i++) {
        n = 30 + int(rand() * 60); for (k = 0; k < n; k++) w[k] = word()
        text = ""; for (k = 0; k < n; k++) text = text w[k] " "
        f = i % 3 == 0 ? "a.jsonl" : i % 3 == 1 ? "b.jsonl" : "c.jsonl"
        printf "{\"id\":\"d%d\",\"text\":\"%s\"}\n", i, text >f
        if (i % 3 == 0) { w[20] = "changed"; text = ""; for (k = 0; k < n; k++) text = text w[k] " "
            printf "{\"text\":\"%s\",\"n\":%d}\n", text, i >"b.jsonl" }
        if (i % 5 == 0) printf "{\"id\":\"e%d\",\"text\":\"%s\"}\r\n\n", i, toupper(text) >"c.jsonl"
        if (i % 100 == 7) print "broken" >"b.jsonl"
    } }'
gzip -c c.jsonl >c2.jsonl.gz
in="a.jsonl b.jsonl c.jsonl c2.jsonl.gz"
dedup() { "$LLMCTL" dedup $in --near --keep longest -q "$@"; }
dedup --out one.jsonl --removed oner.jsonl --quarantine oneq.jsonl --clusters onek.jsonl --save-index one.lidx
[ "$(grep -c . oner.jsonl)" -gt 1000 ] && [ "$(grep -c . oneq.jsonl)" = 15 ] || fail "too few: $(wc -l one*)"
same() { # WHAT: the files x.* joined
    for f in '' r q; do
        cat x$f.* | cmp - one$f.jsonl || fail "$1: other bytes in x$f"
    done
    rm -f x.* x[rqk].*
}

for t in 1 4; do
    dedup --threads $t --mem 64K --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl
    same "--threads $t --mem 64K"
done

# Phase after phase, as a batch system would; shards of 1, 2 and 7.
for n in 1 2 7; do
    for phase in sign exact bands pairs sets verify choose names index write join; do
        for ((i = n - 1; i >= 0; i--)); do
            dedup --workdir w$n --shard $i/$n --phase $phase --threads 1 --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl --clusters xk.jsonl --save-index k.lidx
        done
    done
    mv xk.jsonl k.jsonl && cmp k.jsonl onek.jsonl && cmp k.lidx one.lidx || fail "$n shards: clusters or index"
    same "$n shards"
done
got=0
dedup --workdir w3 --shard 0/3 --phase exact --out x.jsonl 2>err || got=$?
[ $got = 66 ] && grep -q 'run it first' err || fail "a phase too early: $got $(cat err)"
got=0
dedup --workdir w2 --shard 0/2 --verify 0.9 --out x.jsonl 2>err || got=$?
[ $got = 78 ] && grep -q 'other options' err || fail "other options: $got $(cat err)"

# Two processes that wait for each other; one is killed, one is stopped.
one() { dedup --workdir wk --shard "$1"/2 --threads 1 --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl; }
exec_one() { exec "$LLMCTL" dedup $in --near --keep longest -q --workdir wk --shard "$1"/2 --threads 1 --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl; }
(exec_one 0) &
pid=$!
until [ -e wk/shard-00000/sign.done ]; do sleep 0.02; done
kill -9 $pid
wait $pid 2>/dev/null || true
(exec_one 1) 2>err &
pid=$!
until [ -e wk/shard-00001/sign.done ]; do sleep 0.02; done
sleep 0.2
kill -TERM $pid
got=0
wait $pid || got=$?
[ $got = 75 ] || fail "stopped: status $got: $(cat err)"
one 0 &
one 1
wait $!
same "killed, stopped and run again"

# The script for clusters, new documents against old; a launcher's rank.
"$LLMCTL" dedup a.jsonl --near --save-index old.lidx -q --out o
new="b.jsonl c.jsonl --near --against old.lidx -q"
"$LLMCTL" dedup $new --out one.jsonl --removed oner.jsonl --quarantine oneq.jsonl --save-index one.lidx
LLMCTL=$LLMCTL "$SRC/scripts/dedup-cluster.sh" -n 3 -w wc -- $new --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl --save-index k.lidx
same "dedup-cluster.sh"
cmp k.lidx one.lidx || fail "dedup-cluster.sh: index"
dedup --out one.jsonl --removed oner.jsonl --quarantine oneq.jsonl
for i in 0 1; do
    OMPI_COMM_WORLD_RANK=$i OMPI_COMM_WORLD_SIZE=2 dedup --workdir wm --shard auto --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl &
done
wait
same "--shard auto"
