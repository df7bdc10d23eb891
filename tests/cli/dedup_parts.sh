#!/bin/bash
# llmctl dedup: lines, paragraphs, n-grams, repeated stretches.
set -eu

fail() { echo "dedup_parts.sh: $*" >&2; exit 1; }
expect() { # STATUS COMMAND...
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || { cat err; fail "status $got, want $want: $*"; }
}

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
