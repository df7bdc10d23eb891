#!/bin/bash
# llmctl clean by the whole corpus: outliers and balance.
set -eu

fail() { echo "clean_corpus.sh: $*" >&2; exit 1; }
expect() {
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || { cat err; fail "status $got, want $want: $*"; }
}
# same NAME ARGS...: the same bytes for 1, 2 and 8 threads
same() {
    for t in 1 2 8; do "$LLMCTL" clean "$@" --threads $t -q --out o$t --removed r$t --decisions d$t; done
    for t in 2 8; do cmp o1 o$t; cmp r1 r$t; cmp d1 d$t; done
}

# 3000 lines of prose of two sources, 60 tables of digits of a third, where digits are the rule;
# two pages of digits in the first.
awk 'BEGIN { srand(4)
    for (i = 0; i < 3000; i++) { text = ""; n = 20 + int(rand() * 20)
        for (k = 0; k < n; k++) text = text sprintf("%c", 97 + int(rand() * 26)) "ord" (rand() < 0.2 ? ", " : " ")
        printf "{\"id\":%d,\"text\":\"%s\",\"source\":\"%s\"}\n", i, text, i % 2 ? "a" : "b"
        if (i % 50 == 0) { text = ""; for (k = 0; k < 30; k++) text = text int(rand() * 100000) " "
            printf "{\"id\":\"t%d\",\"text\":\"%s\",\"source\":\"tables\"}\n", i, text }
        if (i == 700 || i == 2100) printf "{\"id\":\"odd%d\",\"text\":\"%s\",\"source\":\"a\"}\n", i, "77 88 99 11 22 33 44 55 66 77 88 99 00 12 34 56 78" } }' >m.jsonl
same m.jsonl --outliers mad:8
[ "$(grep -c '"id":"odd' r1)" = 2 ] && ! grep -q '"id":"t' r1 || fail "outliers: $(cut -c1-300 r1)"
grep -q '"id":"odd700".*"removed_by":"outlier","rule":"outliers.max_z","value":[0-9.]*,"limit":8,"outlier":"outliers' r1 || fail "$(head -1 r1)"
grep '"id":"odd700"' d1 | grep -q '"failed":\["outliers.max_z"\]' || fail decisions
"$LLMCTL" clean --replay d1 --set outliers.max_z=1000000 --json -q | grep -q '"after":3062' || fail replay
expect 0 "$LLMCTL" clean m.jsonl --outliers mad:8:length --out only.jsonl
grep -q odd700 only.jsonl || fail "only the length is asked for"
expect 0 "$LLMCTL" clean m.jsonl --outliers mad --dry-run
for bad in z mad:0 mad:x mad: mad:3:nothing mad:3:; do expect 2 "$LLMCTL" clean m.jsonl --outliers $bad; done
grep -q 'want mad' err || fail "$(cat err)"
cat m.jsonl | expect 2 "$LLMCTL" clean --outliers mad
grep -q 'read the input twice: give files' err || fail "$(cat err)"

# Balance: exact counts, whichever order the input has; more than once at most as often as allowed.
awk 'BEGIN { for (i = 0; i < 1000; i++) printf "{\"id\":%d,\"text\":\"t %d\",\"meta\":{\"topic\":\"%s\"}}\n", i, i, i % 10 == 9 ? "poems" : i % 100 == 8 ? "maps\\u00e9" : "news" }' >c.jsonl
same c.jsonl --balance field=meta.topic
[ "$(grep -c news o1) $(grep -c poems o1) $(grep -c maps o1)" = "10 10 10" ] || fail "uniform"
grep -q '"removed_by":"balance"' r1 || fail "$(head -1 r1)"
tac c.jsonl >r.jsonl
"$LLMCTL" clean r.jsonl --balance meta.topic -q | sort >x && sort o1 | cmp - x || fail "the order of the input shows"
"$LLMCTL" clean c.jsonl --balance meta.topic --seed 2 -q | cmp -s - o1 && fail "--seed does nothing"
same c.jsonl --balance field=meta.topic --max-upsample 2.5
[ "$(grep -c news o1) $(grep -c poems o1) $(grep -c maps o1)" = "25 25 25" ] && [ "$(grep maps o1 | sort -u | wc -l)" = 10 ] || fail "upsampling"
expect 0 "$LLMCTL" clean c.jsonl --balance meta.topic --to sqrt --out o
[ "$(grep -c news o) $(grep -c poems o) $(grep -c maps o)" = "94 32 10" ] || fail "sqrt: $(grep -c news o) $(grep -c poems o)"
grep -q 'class news  *890 documents, 94 written' err || fail "$(cat err)"
echo '{"news": 3, "*": 1, // a comment
}' >w.json
expect 0 "$LLMCTL" clean c.jsonl --balance meta.topic --to w.json --balance-total 50 --out o
[ "$(grep -c news o) $(grep -c poems o) $(grep -c maps o)" = "30 10 10" ] || fail "weights"
# What other rules remove does not count.
expect 0 "$LLMCTL" clean c.jsonl --balance meta.topic --set repetition.min_chars=5 --out o
[ "$(grep -c news o)" = 9 ] || fail "removed documents count"
echo '{"news": 1}' >w.json
expect 78 "$LLMCTL" clean c.jsonl --balance meta.topic --to w.json --dry-run
grep -q "no weight for 'poems'\|no weight for 'maps" err || fail "$(cat err)"
echo '{"news": -1}' >w.json && expect 78 "$LLMCTL" clean c.jsonl --balance meta.topic --to w.json
echo '[1]' >w.json && expect 78 "$LLMCTL" clean c.jsonl --balance meta.topic --to w.json
expect 66 "$LLMCTL" clean c.jsonl --balance meta.topic --to evenly
expect 2 "$LLMCTL" clean c.jsonl --balance 'a['
