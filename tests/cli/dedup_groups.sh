#!/bin/bash
# llmctl dedup: who stays of a group, chains, clusters, annotation, indexes.
set -eu
. "$SRC/tests/cli/lib.bash"

ids() { grep -o '"id":"[^"]*"' "$1" | cut -d'"' -f4 | tr '\n' ' '; }

# a, b, c: each 20 of 100 words later than the one before, so neighbours are
# about 0.65 similar and a and c 0.42.  d equals b but for case; e is alone.
words() { # FROM TO
    awk -v from="$1" -v to="$2" 'BEGIN { for (i = from; i < to; i++) printf "w%c%c ", 97 + i % 26, 97 + int(i / 26) }'
}
cat >chain.jsonl <<END
{"id":"a","score":1,"text":"$(words 0 100)"}
{"id":"b","score":3.5,"text":"$(words 20 120)"}
{"id":"c","score":2,"text":"$(words 40 140)"}
{"id":"d","score":-7,"text":"$(words 20 120 | tr w W)!"}
{"id":"e","text":"$(words 300 400)"}
END
near="--near --verify 0.6 --minhash 5x64x2 -q"

# b is similar to a, c only to b: c stays.  d is what b is.
expect 0 "$LLMCTL" dedup chain.jsonl $near --out u.jsonl --removed r.jsonl --clusters k.jsonl
[ "$(ids u.jsonl)" = "a c e " ] || fail "chain: $(ids u.jsonl)"
grep -q '"id":"b".*"duplicate_of":"a","duplicate":"near","similarity":0.6' r.jsonl || fail "$(cat r.jsonl)"
grep -q '"id":"d".*"duplicate_of":"a","duplicate":"near"' r.jsonl || fail "$(cat r.jsonl)"
[ "$(grep -c . k.jsonl)" = 1 ] && grep -q '^{"cluster":0,"size":4,"members":\[{"id":"a","kept":true},{"id":"b","kept":false,"duplicate_of":"a",.*{"id":"c","kept":true},{"id":"d"' k.jsonl || fail "$(cat k.jsonl)"
# Low similarity: LSH collides, the pair survives.
expect 0 "$LLMCTL" dedup chain.jsonl --near --minhash 5x512x1 --verify 0.8 --out u.jsonl --report rep.json -q
[ "$(ids u.jsonl)" = "a b c e " ] || fail "verify: $(ids u.jsonl)"
grep -q '"candidates":3,"confirmed":0' rep.json || fail "$(cat rep.json)"
expect 0 "$LLMCTL" dedup chain.jsonl --near --minhash 5x512x1 --no-verify --out u.jsonl -q
[ "$(ids u.jsonl)" = "a e " ] || fail "no-verify: $(ids u.jsonl)"

expect 0 "$LLMCTL" dedup chain.jsonl $near --keep best:score --out u.jsonl
[ "$(ids u.jsonl)" = "b e " ] || fail "best: $(ids u.jsonl)"
expect 0 "$LLMCTL" dedup chain.jsonl --near --keep best:nope --out u.jsonl
grep -q "5 documents have no number in 'nope'" err || fail "best:nope: $(ids u.jsonl) $(cat err)"
expect 0 "$LLMCTL" dedup chain.jsonl $near --keep longest --out u.jsonl
[ "$(ids u.jsonl)" = "d e " ] || fail "longest: $(ids u.jsonl)"
expect 0 "$LLMCTL" dedup chain.jsonl $near --keep none --out u.jsonl --removed r.jsonl
[ "$(ids u.jsonl)" = "e " ] && [ "$(grep -c duplicate_of r.jsonl)" = 4 ] || fail "none: $(ids u.jsonl)"
grep -q '"id":"b".*"duplicate_of":"d","duplicate":"exact"' r.jsonl || fail "none: $(cat r.jsonl)"
expect 0 "$LLMCTL" dedup chain.jsonl $near --annotate --out u.jsonl
[ "$(ids u.jsonl)" = "a b c d e " ] && [ "$(grep -c '"duplicate_of"' u.jsonl)" = 2 ] || fail "annotate: $(cat u.jsonl)"

# New documents against old ones: as if the old came first, and named.
head -2 chain.jsonl >old.jsonl
tail -3 chain.jsonl >new.jsonl
expect 0 "$LLMCTL" dedup old.jsonl $near --save-index old.lidx --out o.jsonl
expect 0 "$LLMCTL" dedup new.jsonl $near --against old.lidx --save-index all.lidx --out n.jsonl --removed r.jsonl --keep longest
[ "$(ids n.jsonl)" = "c e " ] || fail "against: $(ids n.jsonl)" # d is the longest, but what is old stays
grep -q '"id":"d".*"duplicate_of":"a","duplicate":"near"' r.jsonl || fail "$(cat r.jsonl)"
expect 0 "$LLMCTL" dedup chain.jsonl $near --against all.lidx --out n.jsonl --removed r.jsonl --report rep.json
[ ! -s n.jsonl ] && grep -q '"id":"b".*"duplicate_of":"a","duplicate":"near"' r.jsonl || fail "$(cat n.jsonl r.jsonl)"
grep -q '"against":{"removed":5}' rep.json || fail "$(cat rep.json)"
expect 0 "$LLMCTL" dedup chain.jsonl $near --save-index b.lidx --out n.jsonl
expect 0 "$LLMCTL" dedup new.jsonl $near --against old.lidx --save-index all.lidx --out n.jsonl
cmp all.lidx b.lidx || fail "an index in two steps is another"
expect 78 "$LLMCTL" dedup new.jsonl --near --against old.lidx
grep -q 'was made with --minhash 5x64x2' err || fail "$(cat err)"
head -c 300 old.lidx >cut.lidx
expect 65 "$LLMCTL" dedup new.jsonl $near --against cut.lidx
expect 65 "$LLMCTL" dedup new.jsonl $near --against chain.jsonl
expect 66 "$LLMCTL" dedup new.jsonl $near --against nothing.lidx

for o in "--keep best" "--keep best:" "--keep last" "--minhash big" "--minhash 5x513x1" "--shard 0/2" "--shard 2/2 --workdir w" \
    "--shard 1 --workdir w" "--phase sign" "--phase no --workdir w" "--shard 0/2 --workdir w --out -" "--shard auto --workdir w --out x"; do
    # shellcheck disable=SC2086
    expect 2 "$LLMCTL" dedup chain.jsonl --near $o
    [ "$(grep -c . err)" = 1 ] || fail "$o: $(cat err)"
done

# The page: who went, how similar, clusters, sources, pairs; text is escaped; the
# same from shards.
sed 's/"text":"/"source":"<b>'"'"'s","text":"<script> /;3,4s/"source":[^,]*,//' chain.jsonl >page.jsonl
expect 0 "$LLMCTL" dedup page.jsonl $near --report-html one.html --out u.jsonl
has() { grep -qF "$1" one.html || fail "the page lacks $1"; }
has '<p>in 5 = out 3 + removed 2 (exact 0, near 2) + quarantined 0 documents;'
has '<tr><td>0.60 to 0.65</td><td>2</td>'
has '<tr><td>3 to 4</td><td>1</td><td>4</td>'
has '<tr><td>&lt;b&gt;&#39;s</td><td>3</td><td>0</td><td>1</td><td>33.3</td>'
has '<tr><td>(unknown)</td><td>2</td><td>0</td><td>1</td>'
has '&quot;b&quot; went, it is 0.6'
has 'similar to &quot;a&quot;</div><blockquote>&lt;script&gt; wua wva'
grep -q '<script>' one.html && fail "text is not escaped"
for phase in sign exact bands pairs sets verify choose write texts report; do
    for i in 0 1; do
        expect 0 "$LLMCTL" dedup page.jsonl $near --workdir wp --shard $i/2 --phase $phase --report-html two.html --out u.jsonl
    done
done
cmp one.html two.html || fail "another page from two shards"
expect 0 "$LLMCTL" dedup page.jsonl --report-html one.html --out u.jsonl -q
has 'equal text'
expect 0 "$LLMCTL" dedup page.jsonl --parts line --report-html one.html --out u.jsonl -q
has 'Duplicates are lines here: 5 lines or paragraphs, 4 stay; 0 documents changed.'
expect 0 "$LLMCTL" dedup page.jsonl $near --against old.lidx --report-html one.html --out u.jsonl
has '&quot;a&quot; went, it is 0.9897 similar to &quot;a&quot;</div>'
expect 2 "$LLMCTL" dedup page.jsonl --report-html u.jsonl --out u.jsonl
