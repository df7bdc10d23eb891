#!/bin/bash
# llmctl clean --decontaminate: what is shared with evaluation files, verified and shown.
set -eu
. "$SRC/tests/cli/lib.bash"

cat >evals.jsonl <<'END'
{"question":"Which of the seven ships that left the harbour in the spring came back with a cargo of salt?","choices":["none","the one that sailed north first"]}
{"question":"Wie viele Schiffe kamen zurück?","answer":7}
{"question":"一只敏捷的棕色狐狸跳过了懒狗的背"}
END
cat >docs.jsonl <<'END'
{"id":1,"text":"It asked: WHICH OF THE SEVEN ships, that left -- the harbour in the spring, came back with a cargo of salt? We knew."}
{"id":2,"text":"Which of the seven ships that left the harbour in the autumn came back with a cargo of salt?"}
{"id":3,"text":"He chose the one that sailed north first and won."}
{"id":4,"text":"the one that sailed north last"}
{"id":5,"text":"Sie fragte: wie viele schiffe kamen zurück, und lachte."}
{"id":6,"text":"他说：一只敏捷的棕色狐狸跳过了懒狗的背。"}
{"id":7,"text":"none"}
{"id":8,"text":""}
END
expect 0 "$LLMCTL" clean docs.jsonl --decontaminate evals.jsonl -o kept.jsonl --removed gone.jsonl --decisions d.jsonl
[ "$(sed 's/.*"id":\([0-9]*\).*/\1/' kept.jsonl | tr '\n' ' ')" = "2 4 7 8 " ] || fail "kept $(cat kept.jsonl)"
grep -q '"id":1,.*"rule":"decontam.max_share","value":1,"limit":0,"contaminated_by":"evals.jsonl:1","begin":10,"end":106,"words":19,"share":1,"span":"WHICH OF THE SEVEN.*salt"}' gone.jsonl || fail "$(head -1 gone.jsonl)"
grep -q '"contaminated_by":"evals.jsonl:2".*"span":"wie viele schiffe kamen zurück"' gone.jsonl || fail "$(cat gone.jsonl)"
grep -q '"contaminated_by":"evals.jsonl:3".*"span":"一只敏捷的棕色狐狸跳过了懒狗的背"' gone.jsonl || fail "$(cat gone.jsonl)"
grep -q '"contaminated_by":"evals.jsonl:1"' d.jsonl || fail "decisions"
# Fewer words in a row find the second document as well; other limits are decided again without the text.
expect 0 "$LLMCTL" clean docs.jsonl --decontaminate evals.jsonl:7 --dry-run
grep -q 'removed 5 ' err || fail "$(cat err)"
expect 0 "$LLMCTL" clean --replay d.jsonl --set decontam.max_share=1
grep -q '4 kept, would be 8' err || fail "$(cat err)"
# gzip, plain text, two files; the same bytes for any number of threads.
gzip -c evals.jsonl >evals.jsonl.gz
echo "he chose the one that sailed away" >more.txt
for t in 1 2 8; do
    "$LLMCTL" clean -q docs.jsonl --decontaminate evals.jsonl.gz --decontaminate more.txt --threads $t -o k$t.jsonl --removed g$t.jsonl
done
cmp kept.jsonl k1.jsonl
cmp k1.jsonl k2.jsonl
cmp k1.jsonl k8.jsonl
cmp g1.jsonl g8.jsonl

(printf '\xef\xbb\xbf'; sed 's/$/\r/' evals.jsonl) >crlf.jsonl # a byte order mark, lines that end in \r\n
"$LLMCTL" clean -q docs.jsonl --decontaminate crlf.jsonl --decontaminate more.txt -o kc.jsonl --removed gc.jsonl
cmp k1.jsonl kc.jsonl
sed 's/evals.jsonl.gz/crlf.jsonl/' g1.jsonl | cmp - gc.jsonl

expect 66 "$LLMCTL" clean docs.jsonl --decontaminate nowhere.jsonl
expect 2 "$LLMCTL" clean docs.jsonl --decontaminate evals.jsonl:3
expect 2 "$LLMCTL" clean docs.jsonl --decontaminate evals.jsonl:9 --decontaminate more.txt:10
echo '{"q":"too short"}' >short.jsonl
expect 65 "$LLMCTL" clean docs.jsonl --decontaminate short.jsonl
echo '{"q":' >bad.jsonl
expect 65 "$LLMCTL" clean docs.jsonl --decontaminate bad.jsonl
printf 'x \xff\n' >bad.txt
expect 65 "$LLMCTL" clean docs.jsonl --decontaminate bad.txt
grep -q 'bad.txt:1: invalid UTF-8' err || fail "$(cat err)"
