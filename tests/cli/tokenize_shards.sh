#!/usr/bin/env bash
# tokenize encode to token shards: the same bytes in all ways, and nothing half-written.
set -eu
. "$SRC/tests/cli/lib.bash"

head -c 900000 <(cat "$SRC"/README.md "$SRC"/core/*/*.c "$SRC"/data/*.c) >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 2000 -o t.json -q
encode() { "$LLMCTL" tokenize encode -t t.json -q "$@"; }

# Documents of all sizes, with escapes; lines that are bad between them.
awk -v seed=7 'BEGIN { srand(seed) }
    { gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); gsub(/\t/, "\\t")
      t = t (n++ ? "\\n" : "") $0
      if (rand() < 0.03) { printf "{\"id\":%d,\"text\":\"%s\\u00e9\\ud83d\\ude00 %c\"}\n", NR, t, 65 + NR % 26; t = ""; n = 0 }
      if (rand() < 0.01) print "{\"text\":\"\"}"
      if (rand() < 0.01) print "{\"txt\":1}" }' text.txt >one.jsonl
for i in 1 2 3 4; do sed "s/\"id\":/\"id\":$i/; s/ \(.\)\"}/ \1$i\"}/" one.jsonl; done >in.jsonl
[ "$(wc -c <in.jsonl)" -gt 3000000 ]
"$LLMCTL" tokenize encode in.jsonl -t t.json --threads 1 --out want.tok 2>err
grep -q '^warning: .* bad documents were left out; the first: in.jsonl:' err
for n in 2 3 7; do
    encode in.jsonl --threads $n --out $n.tok
    same want.tok $n.tok
done
encode --threads 3 --out got.tok <in.jsonl
same want.tok got.tok
cat in.jsonl | encode --threads 2 --out got.tok
same want.tok got.tok
mkdir dir
split -n l/3 --additional-suffix=.jsonl in.jsonl dir/part
gzip dir/partab.jsonl
encode dir --threads 2 --out got.tok
same want.tok got.tok
"$LLMCTL" tokenize decode want.tok --skip-special --out text
"$LLMCTL" tokenize encode in.jsonl -t t.json --ids -q --threads 2 --out want.ids
"$LLMCTL" tokenize decode want.ids -t t.json --out ids.text
same text ids.text
gzip -k want.ids
"$LLMCTL" tokenize decode want.ids.gz -t t.json | cmp - text
# a number may stand on the border of what is read at once
tr '\n' ' ' <want.ids | sed 's/ /                  /g' | "$LLMCTL" tokenize decode -t t.json | cmp - text
fails 65 "'1234567890123' at offset\|'123456789012' at offset 70000 is not" bash -c \
    '{ head -c 70000 /dev/zero | tr "\0" " "; echo 1234567890123; } | "$LLMCTL" tokenize decode -t t.json'
fails 66 'it is a directory' "$LLMCTL" tokenize decode dir -t t.json

# What a killed run left is taken by the next one; one that still writes is not disturbed.
head -c 5000000 /dev/zero >.k.tok.part
encode in.jsonl --out k.tok
same want.tok k.tok
[ ! -e .k.tok.part ]
rm k.tok
for wait in 0.01 0.03 0.06; do
    timeout -s KILL $wait "$LLMCTL" tokenize encode in.jsonl -t t.json -q --out k.tok >/dev/null 2>&1 || true
    [ ! -e k.tok ] || same want.tok k.tok
    rm -f k.tok
done
[ "$(find . -name '.k.tok*' | wc -l)" -le 1 ]
timeout -s TERM 0.01 "$LLMCTL" tokenize encode in.jsonl -t t.json -q --out k.tok >/dev/null 2>err || true
[ -e k.tok ] || [ ! -s err ] || grep -q 'nothing was written' err
touch .k.tok.part
(
    flock 9
    fails 73 'is being written by another llmctl' "$LLMCTL" tokenize encode in.jsonl -t t.json -q --out k.tok
) 9<.k.tok.part
fails 73 'its directory does not exist' "$LLMCTL" tokenize encode one.jsonl -t t.json -q --out none/k.tok
fails 73 "its name '' is empty" "$LLMCTL" tokenize encode one.jsonl -t t.json -q --out ''
fails 73 "its name '' is empty" "$LLMCTL" tokenize encode one.jsonl -t t.json -q --ids --out ''

# A full disk: one line, nothing left.
fails 74 'File too large' bash -c 'ulimit -f 100; exec "$LLMCTL" tokenize encode dir -t t.json -q --out u.tok'
[ "$(find . -name '*u.tok*' | wc -l)" -eq 0 ]
