#!/bin/bash
# llmctl clean by the whole corpus: outliers and balance.
set -eu
. "$SRC/tests/cli/lib.bash"

# same NAME ARGS...: the same bytes for 1, 2 and 8 threads, and with all that is kept on disk
same() {
    for t in 1 2 8; do "$LLMCTL" clean "$@" --threads $t -q --out o$t --removed r$t --decisions d$t || fail "status $?: $*"; done
    "$LLMCTL" clean "$@" --mem 1 --out o9 --removed r9 --decisions d9 2>err9 || fail "status $?: $*"
    grep -q 'arrays were larger than --mem and went to disk' err9 || fail "--mem does nothing: $(cat err9)"
    for t in 2 8 9; do for f in o r d; do cmp ${f}1 $f$t || fail "threads or memory show: $*"; done; done
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
grep '"id":"odd700"' d1 | shows '"failed":\["outliers.max_z"\]' || fail decisions
"$LLMCTL" clean --replay d1 --set outliers.max_z=1000000 --json -q | shows '"after":3062' || fail replay
expect 0 "$LLMCTL" clean m.jsonl --outliers mad:8:length --out only.jsonl
grep -q odd700 only.jsonl || fail "only the length is asked for"
expect 0 "$LLMCTL" clean m.jsonl --outliers mad --dry-run
for bad in z mad:0 mad:x mad: mad:3:nothing mad:3:; do expect 2 "$LLMCTL" clean m.jsonl --outliers $bad; done
grep -q 'want mad' err || fail "$(cat err)"
# stdin is copied where it is read twice, and nothing of it stays.
mkdir tmp
cat m.jsonl | TMPDIR=$PWD/tmp "$LLMCTL" clean --outliers mad:8 -q | cmp - o1 || fail "a pipe differs"
TMPDIR=$PWD/tmp "$LLMCTL" clean --outliers mad:8 -q <m.jsonl | cmp - o1 || fail "a file as stdin differs"
gzip -c m.jsonl | TMPDIR=$PWD/tmp "$LLMCTL" clean - --outliers mad:8 -q | cmp - o1 || fail "a packed pipe differs"
(read -r line && TMPDIR=$PWD/tmp "$LLMCTL" clean --outliers mad:8 -q) <m.jsonl >o
if cmp -s o o1; then fail "what was read before counts"; fi
TMPDIR=$PWD/none expect 66 "$LLMCTL" clean --outliers mad < <(cat m.jsonl)
grep -q 'temporary file for stdin' err || fail "$(cat err)"
[ -z "$(ls tmp)" ] || fail "a copy of stdin is left"

# Balance: exact counts, whichever order the input has; more than once at most as often as allowed.
awk 'BEGIN { for (i = 0; i < 1000; i++) printf "{\"id\":%d,\"text\":\"t %d\",\"meta\":{\"topic\":\"%s\"}}\n", i, i, i % 10 == 9 ? "poems" : i % 100 == 8 ? "maps\\u00e9" : "news" }' >c.jsonl
same c.jsonl --balance field=meta.topic
[ "$(grep -c news o1) $(grep -c poems o1) $(grep -c maps o1)" = "10 10 10" ] || fail "uniform"
grep -q '"removed_by":"balance"' r1 || fail "$(head -1 r1)"
tac c.jsonl >r.jsonl
"$LLMCTL" clean r.jsonl --balance meta.topic -q | sort >x && sort o1 | cmp - x || fail "the order of the input shows"
"$LLMCTL" clean c.jsonl --balance meta.topic --seed 2 -q >o
if cmp -s o o1; then fail "--seed does nothing"; fi
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

# Contradictions: answers, labels, chats, preferences; who stays; every group with its ids.
cat >q.jsonl <<'END'
{"id":1,"text":"-","q":"Is it safe?","a":"Yes.","score":1,"date":"2024-05-01"}
{"id":2,"text":"-","q":"is it safe","a":"yes","score":5,"date":"2023-01-01T10:00:00Z"}
{"id":3,"text":"-","q":"IS IT SAFE","a":"No!","score":9,"date":"2024-05-02"}
{"id":4,"text":"-","q":"What is 5 - 3?","a":"2"}
{"id":5,"text":"-","q":"What is 5 + 3?","a":"8"}
{"id":6,"text":"no question"}
END
ids() { grep -o '"id":[0-9]*' o1 | tr -d '"id:\n'; }
same q.jsonl --ambiguity prompt=q,answer=a --ambiguity-report g1
[ "$(ids)" = 456 ] || fail "drop: $(ids)"
grep -q '^{"group":1,"answers":2,"prompt":"Is it safe?","examples":\[{"id":1,"kept":false,"answer":"Yes."},{"id":2,.*{"id":3,"kept":false,"answer":"No!"}\]}$' g1 || fail "$(cat g1)"
grep -q '"removed_by":"ambiguity"' r1 || fail "$(head -1 r1)"
same q.jsonl --ambiguity prompt=q,label=a --resolve majority && [ "$(ids)" = 12456 ] || fail "majority: $(ids)"
same q.jsonl --ambiguity prompt=q,answer=a --resolve newest && [ "$(ids)" = 3456 ] || fail "newest: $(ids)"
same q.jsonl --ambiguity prompt=q,answer=a --resolve newest:date && [ "$(ids)" = 3456 ] || fail "newest:date: $(ids)"
same q.jsonl --ambiguity prompt=q,answer=a --resolve best:score && [ "$(ids)" = 3456 ] || fail "best: $(ids)"
expect 0 "$LLMCTL" clean q.jsonl --ambiguity prompt=q,answer=a --dry-run
grep -q '5 examples, 1 groups that contradict each other, of 3; 3 removed' err && grep -q '1 documents have no prompt' err || fail "$(cat err)"
cat >chat.jsonl <<'END'
{"id":1,"text":"-","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"2+2"},{"role":"assistant","content":"4"}]}
{"id":2,"text":"-","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hello!"},{"role":"user","content":"2+2"},{"role":"assistant","content":"5"}]}
{"id":3,"text":"-","messages":[{"role":"user","content":"2+2"},{"role":"assistant","content":"5"}]}
{"id":4,"text":"-","messages":[{"role":"user","content":"2+2"},{"role":"assistant","content":"5"}]}
END
same chat.jsonl --ambiguity messages=messages && [ "$(ids)" = 34 ] || fail "chat: $(ids)"
cat >pref.jsonl <<'END'
{"id":1,"text":"-","prompt":"p","chosen":"A","rejected":"B"}
{"id":2,"text":"-","prompt":"P","chosen":"b","rejected":"a"}
{"id":3,"text":"-","prompt":"p","chosen":"A","rejected":"C"}
{"id":4,"text":"-","prompt":"p2","chosen":"B","rejected":"A"}
{"id":5,"text":"-","prompt":"p3","chosen":"same","rejected":"Same."}
END
same pref.jsonl --ambiguity prompt=prompt,chosen=chosen,rejected=rejected && [ "$(ids)" = 34 ] || fail "preferences: $(ids)"
# 20000 examples of one prompt are no trouble.
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "{\"id\":%d,\"text\":\"-\",\"q\":\"the same long question %d of many words\",\"a\":\"%d\"}\n", i, i % 2 ? 1 : i, i }' >same.jsonl
expect 0 timeout 20 "$LLMCTL" clean same.jsonl --ambiguity prompt=q,answer=a,near=0.6 --dry-run
for bad in q prompt=q answer=a prompt=q,chosen=c prompt=q,answer=a,near=2 prompt=q,answer=a,x=y 'prompt=q[,answer=a' messages=m,prompt=q; do
    expect 2 "$LLMCTL" clean q.jsonl --ambiguity "$bad"
done
for bad in best keep majority:x newest:; do expect 2 "$LLMCTL" clean q.jsonl --ambiguity prompt=q,answer=a --resolve $bad; done
expect 2 "$LLMCTL" clean q.jsonl --ambiguity-report g1

# The report says how documents spread over sources, languages and classes.
awk 'BEGIN { for (i = 0; i < 40; i++) printf "{\"id\":%d,\"text\":\"t %d\",\"source\":\"%s\",\"lang\":\"en\",\"kind\":\"%s\"}\n", i, i, i < 30 ? "a" : "b\\\"", i % 4 ? "x" : "y" }' >g.jsonl
expect 0 "$LLMCTL" clean g.jsonl --class-field kind --dry-run --report rep.json
grep -q "source: 2 groups, the largest 'a' with 75.0 %, evenness 0.81" err && grep -q "class: 2 groups, the largest 'x'" err || fail "$(cat err)"
! grep -q "lang:" err || fail "one language is no spread"
grep -q '"groups":{"source":{"groups":2,"evenness":0.811278,"listed":\[{"name":"a","in":30,"out":30,"text_bytes_in":[0-9]*,"text_bytes_out":[0-9]*},{"name":"b\\"","in":10,' rep.json || fail "$(cat rep.json)"
expect 0 "$LLMCTL" clean g.jsonl --class-field kind --dry-run --balance source --report rep.json
grep -q '"groups":{"source":{"groups":2,"evenness":1.000000' rep.json || fail "$(cat rep.json)"
