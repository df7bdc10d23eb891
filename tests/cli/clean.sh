#!/bin/bash
# llmctl clean: hostile input, exact accounting, the same bytes for any number of threads.
set -eu
. "$SRC/tests/cli/lib.bash"

# One bad byte in ten lines gives nine documents and one quarantined.
for i in 1 2 3 4 5 6 7 8 9; do echo "{\"id\":$i,\"text\":\"line $i\",\"keep\":[1, 2]}"; done >ten.jsonl
printf '{"id":10,"text":"bad \xff"}\n' >>ten.jsonl
expect 0 "$LLMCTL" clean ten.jsonl --out nine.jsonl --quarantine q.jsonl
head -9 ten.jsonl | cmp - nine.jsonl || fail "kept lines changed"
grep -q 'in 10 = out 9 + removed 0 + quarantined 1' err || fail "accounting: $(cat err)"
grep -q '"file":"ten.jsonl","line":10,"offset":.*"reason":"invalid UTF-8","raw":".*\\\\xff' q.jsonl || fail "$(cat q.jsonl)"

# A filter; text is repaired, other members stay.
printf '{"a":1,"text":"e\\u0301 x\\r\\ny\\u0000","b":2}\r\n' | "$LLMCTL" clean -q >out
[ "$(cat out)" = '{"a":1,"text":"é x\ny","b":2}' ] || fail "filter: $(cat out)"

# Rules: the report, removed documents with their reason, --set, --dry-run.
expect 0 "$LLMCTL" clean ten.jsonl --preset gopher --out k.jsonl --removed r.jsonl --report rep.json
[ ! -s k.jsonl ] && [ "$(wc -l <r.jsonl)" = 9 ] || fail "gopher keeps short lines"
grep -q '"keep":\[1, 2\],"removed_by":"gopher_short_doc","rule":"gopher.min_words","value":2,"limit":50}' r.jsonl || fail "$(head -1 r.jsonl)"
grep -q '"removed":9,"quarantined":1' rep.json || fail "$(cat rep.json)"
echo half >.rep.json.part # of a run that was killed while it wrote it
expect 0 "$LLMCTL" clean ten.jsonl --dry-run --report rep.json
[ ! -e .rep.json.part ] && grep -q '"out":9' rep.json || fail "$(ls -a)"
expect 0 "$LLMCTL" clean ten.jsonl --set gopher.min_words=2 --dry-run --json
grep -q '"out":9,"removed":0' out || fail "$(cat out)"
expect 2 "$LLMCTL" clean ten.jsonl --set gopher.min_word=2
grep -q "did you mean 'gopher.min_words'" err || fail "$(cat err)"
expect 2 "$LLMCTL" clean ten.jsonl --out x --removed x

# The same bytes for any number of threads, plain and packed; cleaning twice changes nothing.
awk 'BEGIN { srand(1); for (i = 0; i < 6000; i++) { printf "{\"id\":%d,\"text\":\"", i;
    n = int(rand() * 90); for (k = 0; k < n; k++) printf "the word%d of ", rand() * 100; printf "e\\u0301\\n end.\"}\n"; if (i % 997 == 0) print "{bad" } }' >many.jsonl
for t in 1 2 8; do
    "$LLMCTL" clean many.jsonl --preset gopher --threads $t -q --out o$t.jsonl --removed r$t.jsonl.zst --quarantine q$t.jsonl.gz --report p$t.json
done
for t in 2 8; do
    for f in o%.jsonl r%.jsonl.zst q%.jsonl.gz p%.json; do cmp "${f/\%/1}" "${f/\%/$t}"; done
done
[ -s o1.jsonl ] && [ "$(zcat q1.jsonl.gz | wc -l)" = 7 ] || fail "nothing kept or quarantined"
"$LLMCTL" clean o1.jsonl --preset gopher -q --out again.jsonl
cmp o1.jsonl again.jsonl || fail "cleaning twice changes something"
"$LLMCTL" clean r1.jsonl.zst q1.jsonl.gz --format jsonl -q --dry-run || fail "own output is not read"

# C4 takes lines out of documents; the whole chain is the same for any number of threads.
printf '%s\n' '{"text":"Menu\nThis is a line of text. And one more. So it is. It has five. Here it ends.[3]\nWe use cookies on this site.\n"}' |
    "$LLMCTL" clean --preset c4 -q >out
[ "$(cat out)" = '{"text":"This is a line of text. And one more. So it is. It has five. Here it ends."}' ] || fail "c4: $(cat out)"
for t in 1 3; do
    "$LLMCTL" clean many.jsonl --preset fineweb --set fineweb.max_newlines=1 --threads $t -q --out f$t.jsonl --removed g$t.jsonl --report h$t.json
done
for f in f g; do cmp ${f}1.jsonl ${f}3.jsonl; done
cmp h1.json h3.json
"$LLMCTL" clean --rules --preset gopher | shows '^gopher.min_words  *>= 50 .*punctuation$' || fail "--rules"
"$LLMCTL" clean --rules --preset gopher | shows '^c4.javascript .*(off)$' || fail "--rules: off"

# A truncated file: whole lines are kept, status 65.
gzip -kn many.jsonl
head -c 60000 many.jsonl.gz >cut.jsonl.gz
expect 65 "$LLMCTL" clean cut.jsonl.gz --out part.jsonl
grep -q "'cut.jsonl.gz': the compressed data ends early; what could be read was processed: [0-9]* documents" err || fail "$(cat err)"
[ "$(wc -l <part.jsonl)" -gt 500 ] || fail "complete lines of a truncated file are lost"

# No input, no documents, no lines.
expect 66 "$LLMCTL" clean absent.jsonl
mkdir empty && expect 66 "$LLMCTL" clean empty
: >nothing.jsonl && expect 0 "$LLMCTL" clean nothing.jsonl --out none.jsonl
[ -f none.jsonl ] && [ ! -s none.jsonl ] || fail "an empty input gives an empty output"

# Files that are something else are named.
printf 'PK\003\004rest' >model.txt && expect 65 "$LLMCTL" clean model.txt --out x.jsonl
grep -q "'model.txt' holds no documents, it is a zip archive" err && [ ! -e x.jsonl ] || fail "$(cat err)"
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n' >lfs.jsonl && expect 65 "$LLMCTL" clean lfs.jsonl
grep -q "git-lfs pointer" err || fail "$(cat err)"

# A line longer than --max-line, and many emoji.
{ printf '{"text":"'; head -c 3000000 /dev/zero | tr '\0' x; printf '"}\n{"text":"ok"}\n'; } >long.jsonl
expect 0 "$LLMCTL" clean long.jsonl --max-line 1M --out l.jsonl --quarantine lq.jsonl
[ "$(cat l.jsonl)" = '{"text":"ok"}' ] && grep -q '"bytes":3000012,"reason":"longer than --max-line"' lq.jsonl || fail "$(cat lq.jsonl)"
{ printf '{"text":"'; for i in $(seq 1000); do printf '😀%.0s' 1 2 3 4 5 6 7 8 9 10; done; printf '"}\n'; } >emoji.jsonl
expect 0 "$LLMCTL" clean emoji.jsonl --preset gopher --dry-run

# A failing write leaves no file behind.
if [ -c /dev/full ]; then expect 74 sh -c '"$0" clean many.jsonl -q >/dev/full' "$LLMCTL"; fi

# Decisions: every document, and the same verdicts from the file as from the text.
expect 0 "$LLMCTL" clean many.jsonl --preset fineweb --dry-run --decisions d.jsonl.zst
[ "$(zstd -dqc d.jsonl.zst | wc -l)" = 6008 ] || fail "a document without a decision"
for set in gopher.min_words=120 repetition.top_2_gram=0.5 fineweb.max_newlines=off repetition.min_chars=900; do
    expect 0 "$LLMCTL" clean --replay d.jsonl.zst --set $set --json
    replayed=$(grep -o '"after":[0-9]*' out | sed -n 1p)
    expect 0 "$LLMCTL" clean many.jsonl --preset fineweb --dry-run --json --set $set
    grep -q "\"out\":${replayed#*:}," out || fail "replay of $set: $replayed, $(cut -c1-80 out)"
done
# Where line rules take out all lines the reason is what failed before, in a replay too, for
# limits on values that rules want larger and smaller.
printf '%s\n' '{"id":1,"text":"Home"}' '{"id":2,"text":"One word is short.\nand of the very important considerations indeed"}' >lines.jsonl
judge="--preset c4 --set c4.min_sentences=off --set gopher.min_words=3 --set gopher.max_mean_length=4.5"
"$LLMCTL" clean lines.jsonl $judge -q -n --decisions l.jsonl --removed lr.jsonl
[ "$(grep -o '"rule":.*' lr.jsonl)" = '"rule":"gopher.min_words","value":1,"limit":3}
"rule":"gopher.max_mean_length","value":5,"limit":4.5}' ] || fail "the first reason: $(cat lr.jsonl)"
"$LLMCTL" clean lines.jsonl --preset c4 --set c4.min_sentences=off -q -n --decisions l0.jsonl
"$LLMCTL" clean --replay l0.jsonl --set gopher.min_words=3 --set gopher.max_mean_length=4.5 -q --out l1.jsonl
[ "$(grep -o '"now":.*' l1.jsonl)" = '"now":"gopher.min_words"}
"now":"gopher.max_mean_length"}' ] || fail "replay of documents judged twice: $(cat l1.jsonl)"
expect 0 "$LLMCTL" clean many.jsonl --outliers mad:3 -n --decisions o.jsonl
expect 0 "$LLMCTL" clean --replay o.jsonl --set gopher.min_words=9
grep -q 'outliers.max_z was measured among the documents that stayed' err || fail "replay of outliers: $(cat err)"
expect 2 "$LLMCTL" clean --replay d.jsonl.zst --set c4.policy=off
grep -q 'run llmctl clean again' err || fail "$(cat err)"
head -c 5000 <(zstd -dqc d.jsonl.zst) >cut.jsonl
expect 65 "$LLMCTL" clean --replay cut.jsonl

# The quick way and the whole measurement keep the same.
"$LLMCTL" clean many.jsonl --preset fineweb --set fineweb.max_newlines=1 --set c4.min_sentences=1 -q --out quick.jsonl
"$LLMCTL" clean many.jsonl --preset fineweb --set fineweb.max_newlines=1 --set c4.min_sentences=1 -q --out all.jsonl --measure-all
"$LLMCTL" clean many.jsonl --preset fineweb --set fineweb.max_newlines=1 --set c4.min_sentences=1 -q --out ref.jsonl --words spacy-en
cmp quick.jsonl all.jsonl || fail "--measure-all changes what is kept"
[ "$(wc -l <quick.jsonl)" = "$(wc -l <ref.jsonl)" ] || fail "spacy-en: $(wc -l <quick.jsonl) against $(wc -l <ref.jsonl)"
for isa in ref avx2; do
    LLMCTL_ISA=$isa "$LLMCTL" clean many.jsonl --preset fineweb --set fineweb.max_newlines=1 --set c4.min_sentences=1 -q --out isa.jsonl
    cmp quick.jsonl isa.jsonl || fail "$isa gives other documents"
done
"$LLMCTL" clean all.jsonl --preset fineweb --set fineweb.max_newlines=1 --set c4.min_sentences=1 -q --out twice.jsonl
cmp all.jsonl twice.jsonl || fail "cleaning by lines twice changes something"

# Presets that take lines out: cleaning twice is cleaning once, and every one has documents to keep.
{ cat many.jsonl; awk 'function word(  n, w) { w = ""; for (n = 0; n < 5; n++) w = w sprintf("%c", 97 + int(rand() * 26)); return w }
BEGIN { srand(2); for (i = 0; i < 60; i++) {
    printf "{\"text\":\"MENU\\n\\n\\n\\nThe report of %s is here, and that is what we have of it.\\n3 likes\\nSign-in to see it with the %s of the list.\\nWord\\n", word(), word()
    for (k = 0; k < 7 + i % 5; k++) printf "The %s of the %s, and %s with %s that have %s to be %s.\\n", word(), word(), word(), word(), word(), word()
    print "\"}" } }'; } >pages.jsonl
for p in c4 fineweb dclm refinedweb sft; do
    "$LLMCTL" clean pages.jsonl --preset $p --set fineweb.max_newlines=1 -q --out p1.jsonl
    "$LLMCTL" clean p1.jsonl --preset $p --set fineweb.max_newlines=1 -q --out p2.jsonl
    cmp p1.jsonl p2.jsonl || fail "--preset $p twice is not once"
done
expect 0 "$LLMCTL" clean pages.jsonl --preset dclm --set refinedweb.max_removed_words=0.9 --out p.jsonl --decisions pd.jsonl
grep -q 'The report' p.jsonl && ! grep -q 'MENU\|3 likes\|Sign-in\|Word' p.jsonl || fail "dclm: $(head -1 p.jsonl)"
grep -q '"refinedweb.counters"' pd.jsonl && grep -q '"refinedweb.phrases"' pd.jsonl || fail "dclm: no cuts recorded"
printf '%s\n' '{"text":"As an AI language model, I cannot do it."}' '{"text":"<noinput>"}' '{"text":"Paris."}' '{"text":"lost \ufffd"}' |
    "$LLMCTL" clean --preset sft -q >out
[ "$(cat out)" = '{"text":"Paris."}' ] || fail "sft: $(cat out)"
for d in datatrove dolma dclm; do
    "$LLMCTL" clean pages.jsonl --preset gopher --dialect $d --dry-run --json -q >d_$d.json
done
if cmp -s d_datatrove.json d_dolma.json; then fail "dialects count alike"; fi

# Measuring everything leaves the text alone; the page of the report has its parts.
printf '%s\n' '{"text":"  indented\n\n\n  text \n"}' >indent.jsonl
"$LLMCTL" clean indent.jsonl --out i.jsonl --decisions i.d -q && cmp indent.jsonl i.jsonl || fail "--decisions changes the text"
expect 0 "$LLMCTL" clean pages.jsonl --preset fineweb --dry-run --report-html page.html
for part in '<h2>What each rule removed' '<h2>By source' '<h2>Other limits' '<svg' '<h2>Examples' 'gopher.min_words' '</html>'; do
    grep -q "$part" page.html || fail "no $part in the page"
done
for t in 1 3; do "$LLMCTL" clean pages.jsonl --preset fineweb --dry-run -q --report-html page$t.html --threads $t; done
cmp page1.html page3.html

# Killed at any moment and run again: the same bytes, and nothing half written under the names.
for i in 1 2 3; do cat many.jsonl; done >more.jsonl
run=(clean more.jsonl --preset fineweb --set fineweb.max_newlines=1 -q --removed kr.jsonl.zst --decisions kd.jsonl.zst)
"$LLMCTL" "${run[@]}" --out whole.jsonl
mv kr.jsonl.zst wr.zst
mv kd.jsonl.zst wd.zst
for pause in 0.02 0.1; do
    "$LLMCTL" "${run[@]}" --out killed.jsonl & pid=$!
    sleep $pause; kill -9 $pid 2>/dev/null || true; wait $pid 2>/dev/null || true
    [ ! -e killed.jsonl ] || cmp killed.jsonl whole.jsonl || fail "half a file after kill -9"
done
"$LLMCTL" "${run[@]}" --out killed.jsonl
cmp killed.jsonl whole.jsonl && cmp kr.jsonl.zst wr.zst && cmp kd.jsonl.zst wd.zst || fail "another result after kill -9"
got=0; yes '{"text":"a"}' | "$LLMCTL" clean --out stopped.jsonl -q 2>err & pid=$!
sleep 0.3; kill -TERM $pid; wait $pid || got=$?
[ $got = 75 ] && [ ! -e stopped.jsonl ] || fail "a stop signal gives $got"

# A truncated zstd file, lone surrogates, 10^5 emoji, an empty line, keys twice.
zstd -q many.jsonl -o many.jsonl.zst && head -c 20000 many.jsonl.zst >cut.jsonl.zst
expect 65 "$LLMCTL" clean cut.jsonl.zst --out part.jsonl
grep -q "'cut.jsonl.zst': the compressed data ends early" err || fail "$(cat err)"
printf '%s\n' '{"text":"lone \ud800 high"}' '{"text":"ok 1"}' '' '{"text":"low \udc00"}' '{"text":"pair \ud83d\ude00"}' '{"text":"a","text":"b"}' >odd.jsonl
expect 0 "$LLMCTL" clean odd.jsonl --out odd.out --quarantine odd.bad
grep -q 'in 5 = out 2 + removed 0 + quarantined 3' err || fail "$(cat err)"
[ "$(grep -c 'lone surrogate' odd.bad)" = 2 ] && grep -q 'comes twice' odd.bad || fail "$(cat odd.bad)"
awk 'BEGIN { printf "{\"text\":\""; for (i = 0; i < 100000; i++) printf "😀"; print "\"}" }' >emoji5.jsonl
for p in fineweb dclm sft; do expect 0 timeout 20 "$LLMCTL" clean emoji5.jsonl --preset $p --dry-run --measure-all; done

# Examples of what went: id, value, how it begins.
printf '%s\n' '{"id":"a","text":"Too\nshort."}' '{"text":"2"}' >short.jsonl
expect 0 "$LLMCTL" clean short.jsonl --preset gopher --dry-run --examples
grep -q '^  gopher.min_words  *>= 50     removed        2; 2 fail it, 0 nothing else$' err || fail "$(cat err)"
grep -q '^      a  2  Too short\.$' err && grep -q '^      short.jsonl:2  1  2$' err || fail "$(cat err)"
