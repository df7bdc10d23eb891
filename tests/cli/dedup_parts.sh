#!/bin/bash
# llmctl dedup: lines, paragraphs, n-grams, repeated stretches.
set -eu
. "$SRC/tests/cli/lib.bash"

cat >a.jsonl <<'END'
{"id":1,"text":"First words here.\nAll rights are reserved.\n\nSecond paragraph of one."}
{"id":2,"text":"Other words here.\nall RIGHTS are reserved\n\nsecond paragraph, of one"}
{"id":3,"text":"All rights are reserved.\nSecond paragraph of one."}
{"id":4,"text":"}\n}\n}"}
END
expect 0 "$LLMCTL" dedup a.jsonl --parts line --out l.jsonl --removed r.jsonl --report rep.json
cat >want <<'END'
{"id":1,"text":"First words here.\nAll rights are reserved.\n\nSecond paragraph of one."}
{"id":2,"text":"Other words here.\n\n"}
{"id":4,"text":"}\n}\n}"}
END
cmp l.jsonl want || fail "$(cat l.jsonl)"
grep -q '"id":3.*"duplicate":"parts"' r.jsonl || fail "$(cat r.jsonl)"
grep -q '"by":"lines","parts":{"in":13,"out":9},"changed":1' rep.json || fail "$(cat rep.json)"
expect 0 "$LLMCTL" dedup a.jsonl --parts paragraph -q
grep -q '^{"id":2,"text":"Other words here.\\nall RIGHTS are reserved\\n\\n"}$' out || fail "$(cat out)"
expect 0 "$LLMCTL" dedup l.jsonl --parts line -q && cmp out l.jsonl || fail "twice is not once"

# N-grams: 20 words, of which a second document has all but the last; exact and Bloom agree.
words() { awk -v from="$1" -v to="$2" 'BEGIN { for (i = from; i < to; i++) printf "w%c%c ", 97 + i % 26, 97 + int(i / 26) }'; }
cat >n.jsonl <<END
{"id":1,"text":"$(words 0 40)\n$(words 100 120)"}
{"id":2,"text":"$(words 200 300)\n$(words 0 39)other"}
{"id":3,"text":"$(words 0 40)and $(words 400 403)"}
{"id":4,"text":"$(words 5 12)"}
END
expect 0 "$LLMCTL" dedup n.jsonl --ngram 13:0.8 --out u.jsonl --removed r.jsonl
grep -q "\"id\":2,\"text\":\"$(words 200 300)\\\\n\"" u.jsonl || fail "$(cat u.jsonl)"
[ "$(grep -c . u.jsonl)" = 3 ] && grep -q '"id":3.*"duplicate":"ngrams","similarity":0.875' r.jsonl || fail "$(cat r.jsonl)"
for t in 1 4; do "$LLMCTL" dedup n.jsonl --ngram 13:0.8 --bloom 1M -q --threads $t | cmp - u.jsonl || fail "Bloom filter"; done

# Stretches: whole sentences, one copy stays, also within a document.
s="This sentence stands in all of the documents and is long enough to be found. And so does this one, which follows it."
cat >s.jsonl <<END
{"id":1,"text":"Here it begins. $s The end."}
{"id":2,"text":"Another one. $s Not the same."}
{"id":3,"text":"$s"}
{"id":4,"text":"日本語。$s 終わり。"}
END
for t in 1 4; do
    expect 0 "$LLMCTL" dedup s.jsonl --substring 60 --threads $t --out u.jsonl --removed r.jsonl
    cat >want <<END
{"id":1,"text":"Here it begins. $s The end."}
{"id":2,"text":"Another one. Not the same."}
{"id":4,"text":"日本語。終わり。"}
END
    cmp u.jsonl want || fail "$(cat u.jsonl)"
    grep -q '"id":3.*"duplicate":"substring"' r.jsonl || fail "$(cat r.jsonl)"
done
expect 0 "$LLMCTL" dedup -q --substring 60 <s.jsonl && cmp out want || fail "stdin"
awk 'BEGIN { printf "{\"text\":\""; for (i = 0; i < 100000; i++) printf "😀"; print "\"}" }' >e.jsonl
expect 0 timeout 20 "$LLMCTL" dedup e.jsonl --substring 100 -q
expect 71 "$LLMCTL" dedup e.jsonl --substring 100 --mem 1M
: >empty.jsonl
for o in "--parts line" "--ngram 13:0.8" "--substring 50"; do
    # shellcheck disable=SC2086
    expect 0 "$LLMCTL" dedup empty.jsonl $o
    printf '{"text":"x y z w"}\nbroken\n{"text":""}\n' | expect 0 "$LLMCTL" dedup $o --quarantine q.jsonl
    [ "$(grep -c . out)" = 2 ] && [ "$(grep -c . q.jsonl)" = 1 ] || fail "$o: $(cat out q.jsonl)"
    # shellcheck disable=SC2086
    expect 2 "$LLMCTL" dedup s.jsonl $o --near
    # shellcheck disable=SC2086
    expect 2 "$LLMCTL" dedup s.jsonl $o --keep longest
done
for o in "--ngram 13" "--ngram 0:0.5" "--ngram 13:1.5" "--ngram 13:0.8x" "--substring 3" "--bloom 1M"; do
    # shellcheck disable=SC2086
    expect 2 "$LLMCTL" dedup s.jsonl $o
done

# Many processes: the bytes of one, for any number of shards, after kill -9.
awk 'BEGIN { srand(3); for (i = 0; i < 900; i++) {
    s = ""; for (k = 0; k < 6; k++) { for (w = 0; w < 15; w++) s = s sprintf("%c%c ", 97 + rand() * 26, 97 + rand() * (k % 2 ? 2 : 26)); s = s (k % 3 ? "\\n" : "\\n\\n") }
    printf "{\"id\":%d,\"text\":\"%s\"}\n", i, s >(i % 3 ? "m1.jsonl" : "m2.jsonl")
    if (i % 200 == 9) print "broken" >"m1.jsonl" } }'
gzip -c m1.jsonl >m3.jsonl.gz
many="m1.jsonl m2.jsonl m3.jsonl.gz -q"
for o in "--parts line" "--parts paragraph --min-words 8" "--ngram 5:0.6" "--substring 20" "--ngram 5:0.6 --bloom 4K"; do
    # shellcheck disable=SC2086
    "$LLMCTL" dedup $many $o --out one.jsonl --removed oner.jsonl --quarantine oneq.jsonl
    [ -s one.jsonl ] && [ -s oner.jsonl ] && [ -s oneq.jsonl ] || fail "$o: nothing to compare"
    case $o in *0.6 | *20) ns="1 2 7" ;; *) ns=2 ;; esac
    for n in $ns; do
        rm -rf w x*.jsonl
        # shellcheck disable=SC2086
        LLMCTL=$LLMCTL "$SRC/scripts/dedup-cluster.sh" -n $n -w w -- $many $o --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl
        for f in '' r q; do
            cat x$f.* | cmp - one$f.jsonl || fail "$o, $n shards: other bytes"
        done
    done
done
rm -rf w x*.jsonl
# shellcheck disable=SC2086
one() { exec "$LLMCTL" dedup $many --ngram 5:0.6 --bloom 4K --workdir w --shard "$1"/2 --out x.jsonl; }
(one 0) &
pid=$!
until [ -e w/shard-00000/sign.done ]; do sleep 0.02; done
kill -9 $pid
wait $pid 2>/dev/null || true
(one 0) &
(one 1)
wait $!
cat x.* | cmp - one.jsonl || fail "killed and run again"
expect 0 "$LLMCTL" dedup $many --ngram 5:0.6 --bloom 4K --workdir w --shard 1/2 --out x.jsonl --report rep.json
grep -q '"shard":1,"shards":2' rep.json || fail "$(cat rep.json)"
expect 78 "$LLMCTL" dedup $many --ngram 5:0.7 --bloom 4K --workdir w --shard 1/2 --out x.jsonl
head -c 1000 w/shard-00000/parts-00000 >cut && mv cut w/shard-00000/parts-00000
rm w/shard-00000/choose.done
expect 65 "$LLMCTL" dedup $many --ngram 5:0.6 --bloom 4K --workdir w --shard 0/2 --phase choose --out x.jsonl
grep -q 'parts-00000. is damaged' err || fail "$(cat err)"

# The same of repeated stretches: a damaged file, too little memory, other options.
strings="$LLMCTL dedup $many --substring 20 --workdir w --out x.jsonl --removed xr.jsonl --quarantine xq.jsonl"
rm -rf w
for i in 0 1; do expect 0 $strings --shard $i/2 --phase sign; done
expect 71 $strings --shard 0/2 --phase choose --mem 1M
for i in 0 1; do expect 0 $strings --shard $i/2 --phase choose; done
expect 78 $strings --shard 1/2 --substring 21
for f in w/shard-00001/texts-00001 w/shard-00000/repeats-00001; do
    cp $f whole
    head -c 1000 whole >$f
    expect 65 $strings --shard 1/2 --phase write
    grep -q "${f##*/}' is damaged" err || fail "$(cat err)"
    mv whole $f
done
