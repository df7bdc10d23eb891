#!/bin/bash
# llmctl dedup: exact and near duplicates, with reasons, for any number of threads.
set -eu
. "$SRC/tests/cli/lib.bash"

# Exact: by text, by words; which stays; what it was a duplicate of.
cat >small.jsonl <<'END'
{"id":"a","text":"The cat sat on the mat."}
{"id":"b","text":"the CAT sat on the mat"}
{"id":"c","text":"The cat sat on the mat."}
{"id":"d","text":"Something else."}
{"id":"e","text":"the cat -- sat -- on the mat!!"}
{"text":"Something else."}
END
expect 0 "$LLMCTL" dedup small.jsonl --out u.jsonl --removed r.jsonl
[ "$(grep -o '"id":"."' u.jsonl | tr -d '\n')" = '"id":"a""id":"b""id":"d""id":"e"' ] || fail "exact: $(cat u.jsonl)"
grep -q '"id":"c".*"duplicate_of":"a","duplicate":"exact","similarity":1.0000}' r.jsonl || fail "$(cat r.jsonl)"
grep -q 'in 6 = out 4 + removed 2 (exact 2, near 0) + quarantined 0' err || fail "$(cat err)"
expect 0 "$LLMCTL" dedup small.jsonl --exact norm
[ "$(grep -c . out)" = 2 ] && grep -q '"id":"a"' out || fail "norm: $(cat out)"
expect 0 "$LLMCTL" dedup small.jsonl --exact norm --keep longest
grep -q '"id":"e"' out && grep -q '"id":"d"' out || fail "longest: $(cat out)"
"$LLMCTL" dedup -q <small.jsonl | cmp - u.jsonl || fail "stdin differs"
# Texts count, not how JSON writes them; the one pass and the several agree.
printf '%s\n' '{"text":"caf\u00e9 \/ \"x\"\n"}' '{"text":"café / \"x\"\n","n":1}' '{"text":"caf\u00e9 / \u0022x\"\u000a"}' '{"text":"caf\u00e9"}' >esc.jsonl
printf 'café' >esc.txt
expect 0 "$LLMCTL" dedup esc.jsonl esc.txt -q --out o1.jsonl
[ "$(cat o1.jsonl)" = "$(sed -n '1p;4p' esc.jsonl)" ] || fail "escapes: $(cat o1.jsonl)"
expect 0 "$LLMCTL" dedup esc.jsonl esc.txt -q --out o2.jsonl --removed o3.jsonl
cmp o1.jsonl o2.jsonl && [ "$(grep -c 'duplicate_of' o3.jsonl)" = 3 ] || fail "$(cat o3.jsonl)"
printf 'a\r\nb\n\na\nc' | "$LLMCTL" dedup - --format text --documents line -q >o4.jsonl
[ "$(grep -o '"text":"."' o4.jsonl | tr -d '\n')" = '"text":"a""text":"b""text":"c"' ] || fail "lines: $(cat o4.jsonl)"
# Blocks of good lines are written as they are, others document by document, as all are for
# a page; with lines that end otherwise, are empty or no documents in some blocks.
awk 'BEGIN {
    for (i = 0; i < 30000; i++) {
        end = i > 8000 && i < 15000 && i % 97 == 0 ? "\r\n" : i > 15000 && i < 20000 && i % 89 == 0 ? "\n\n" : "\n"
        if (i > 25000 && i % 83 == 0) printf "{no\n"
        word = ""
        for (n = i % 29000 + 1; n; n = int(n / 26)) word = word sprintf("%c", 97 + n % 26)
        printf "{\"id\":%d,\"text\":\"a line with the word %s\\n and a few more of them\"}%s", i, word, end
    } }' </dev/null >quirks.jsonl
for way in "" "--annotate" "--keep none"; do
    expect 0 "$LLMCTL" dedup quirks.jsonl -q --exact norm $way --out lines.jsonl --quarantine lq.jsonl
    expect 0 "$LLMCTL" dedup quirks.jsonl -q --exact norm $way --out docs.jsonl --quarantine dq.jsonl --report-html page.html
    cmp lines.jsonl docs.jsonl && cmp lq.jsonl dq.jsonl || fail "lines as they are: $way"
done
# Plain files are read again where the blocks lie, packed ones from the beginning.
gzip -c quirks.jsonl >quirks.jsonl.gz
expect 0 "$LLMCTL" dedup quirks.jsonl -q --exact norm --threads 8 --out lines.jsonl --removed lr.jsonl
expect 0 "$LLMCTL" dedup quirks.jsonl.gz -q --exact norm --out docs.jsonl --removed dr.jsonl
cmp lines.jsonl docs.jsonl && cmp lr.jsonl dr.jsonl || fail "packed or not"
for f in quirks.jsonl quirks.jsonl.gz; do # what is only counted is not read again
    expect 0 "$LLMCTL" dedup $f -q --exact norm --out lines.jsonl --report r1.json
    expect 0 "$LLMCTL" dedup $f -q --exact norm --dry-run --report r2.json
    cmp r1.json r2.json || fail "counted only: $f"
done
[ "$(grep -c . lines.jsonl)" -lt 30000 ] && [ "$(grep -c . lq.jsonl)" -gt 10 ] && [ "$(wc -c <quirks.jsonl)" -gt 2100000 ] || fail "quirks"
expect 2 "$LLMCTL" dedup small.jsonl --exact none
expect 2 "$LLMCTL" dedup small.jsonl --near --minhash 5x100x100

# Near: injected variants of known similarity; unrelated texts stay.
awk 'function word() { return sprintf("%c%c%c", 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26) }
    BEGIN { srand(3)
    for (i = 0; i < 300; i++) {
        n = 120; for (k = 0; k < n; k++) w[k] = word()
        text = ""; for (k = 0; k < n; k++) text = text w[k] " "
        printf "{\"id\":\"orig%d\",\"text\":\"%s\"}\n", i, text
        if (i % 3 == 0) { w[60] = "changed"; text = ""; for (k = 0; k < n; k++) text = text w[k] " "
            printf "{\"id\":\"close%d\",\"text\":\"%s\"}\n", i, text }
        if (i % 3 == 1) { text = ""; for (k = 60; k < n; k++) text = text w[k] " "; for (k = 0; k < 60; k++) text = text word() " "
            printf "{\"id\":\"half%d\",\"text\":\"%s\"}\n", i, text }
    } }' >near.jsonl
for t in 1 2 8; do
    "$LLMCTL" dedup near.jsonl --near --threads $t -q --out n$t.jsonl --removed m$t.jsonl --report p$t.json
done
for t in 2 8; do
    for f in n m; do cmp ${f}1.jsonl $f$t.jsonl; done
    cmp p1.json p$t.json
done
[ "$(grep -c '"id":"close' m1.jsonl)" = 100 ] || fail "close pairs found: $(grep -c '"id":"close' m1.jsonl) of 100"
[ "$(grep -c '"id":"orig\|"id":"half' n1.jsonl)" = 400 ] || fail "unrelated texts were removed"
grep -q '"id":"close0".*"duplicate_of":"orig0","duplicate":"near","similarity":0.9' m1.jsonl || fail "$(head -1 m1.jsonl)"
"$LLMCTL" dedup n1.jsonl --near -q | cmp - n1.jsonl || fail "a second run removes more"

# A pipe is copied while it is read for the first time; what is packed, before that.
near() { "$LLMCTL" dedup --near -q --out "$1.jsonl" --removed "$1r.jsonl" --quarantine "$1q.jsonl" "${@:2}" || fail "near $1"; }
sed 's/.*"text":"\(.*\)"}/\1/' near.jsonl >lines.jsonl # read by the reader in every pass
# Into a file, where the copy becomes the output, all may stay, or all up to the first, the last, the half.
"$LLMCTL" dedup near.jsonl --near -q >stay.jsonl
(head -1 stay.jsonl && cat stay.jsonl) >early.jsonl
(cat stay.jsonl && head -1 stay.jsonl) >late.jsonl
cat stay.jsonl stay.jsonl >twice.jsonl
head -c -1 late.jsonl >open.jsonl
(printf '\357\273\277' && cat stay.jsonl) >bom.jsonl
(cat stay.jsonl && printf '\r\nbroken\n\n' && cat stay.jsonl) >mixed.jsonl
for f in near quirks lines stay early late twice open bom mixed; do
    as=; [ $f != lines ] || as="--format text --documents line"
    near a $f.jsonl $as
    for t in 1 2; do
        cat $f.jsonl | near b$t --threads $t $as
        gzip -1c $f.jsonl | near c$t --threads $t $as
        for p in b$t c$t; do
            for k in "" r q; do sed "s/\"stdin/\"$f.jsonl/g" $p$k.jsonl | cmp - a$k.jsonl; done
        done
    done
done

# 100000 equal documents and 20000 nearly equal ones are no quadratic matter.
awk 'BEGIN { for (i = 0; i < 100000; i++) print "{\"text\":\"all the same words in every one of these texts\"}"
    for (i = 0; i < 20000; i++) { printf "{\"text\":\""; for (k = 0; k < 40; k++) printf "base%c%c ", 97 + k % 26, 97 + int(k / 26); printf "tail%c%c%c\"}\n", 97 + i % 26, 97 + int(i / 26) % 26, 97 + int(i / 676) } }' >same.jsonl
expect 0 timeout 60 "$LLMCTL" dedup same.jsonl --near --out s.jsonl
[ "$(grep -c . s.jsonl)" = 2 ] || fail "equal documents: $(grep -c . s.jsonl) stay"

# Nothing, quarantine, truncated input.
: >nothing.jsonl && expect 0 "$LLMCTL" dedup nothing.jsonl --near --out none.jsonl
printf '{"text":"one"}\nbroken\n{"text":"one"}\n' >b.jsonl
expect 0 "$LLMCTL" dedup b.jsonl --out k.jsonl --quarantine q.jsonl --report rep.json
[ "$(cat k.jsonl)" = '{"text":"one"}' ] && grep -q '"line":2,.*"reason":"not a JSON object"' q.jsonl || fail "$(cat q.jsonl)"
grep -q '"in":3,"out":1,"exact":1,"near":0,"quarantined":1' rep.json || fail "$(cat rep.json)"
gzip -k near.jsonl && head -c 40000 near.jsonl.gz >cut.jsonl.gz
expect 65 "$LLMCTL" dedup cut.jsonl.gz --out part.jsonl
[ "$(grep -c . part.jsonl)" -gt 20 ] || fail "lines of a truncated file are lost"
