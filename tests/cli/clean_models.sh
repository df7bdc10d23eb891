#!/bin/bash
# llmctl clean with classifiers: training, filtering, the same bytes for any number of threads, bad input.
set -eu
. "$SRC/tests/cli/lib.bash"

awk 'BEGIN { srand(2)
    split("the a of river stone house walked slowly and found that every morning light was clear", good)
    split("BUY cheap !!! click here free $$$ win casino bonus now $9 deal", bad)
    for (i = 0; i < 400; i++) { kind = i % 2; text = ""
        for (k = 0; k < 12; k++) text = text " " (rand() < 0.8 == kind ? good[int(rand() * 15) + 1] : bad[int(rand() * 13) + 1])
        printf "{\"id\":%d,\"text\":\"%s\",\"meta\":{\"topic\":\"%s\"}}\n", i, text, kind ? "prose" : "spam" > (kind ? "good.jsonl" : "bad.jsonl") } }'

# Two files; cross-validated scores are printed and kept.
expect 0 "$LLMCTL" clean --train-classifier good.jsonl bad.jsonl --out q.llmz --features 2:4:16 --report rep.json
grep -Eq 'fold 5 .*AUC (0\.9|1\.0).*accuracy (0\.9|1\.0).*log loss' err && grep -q 'all  *400 documents' err || fail "$(cat err)"
grep -q '"documents":400,"labels":{"good":200,"bad":200},"cross_validation"' rep.json || fail "$(cat rep.json)"
for t in 1 2 8; do "$LLMCTL" clean --train-classifier good.jsonl bad.jsonl --out t$t.llmz --features 2:4:16 --threads $t -q; cmp q.llmz t$t.llmz; done
expect 0 "$LLMCTL" clean --train-classifier good.jsonl bad.jsonl --out other.llmz --features 2:4:16 --seed 2 -q
cmp -s q.llmz other.llmz && fail "--seed does nothing"
"$LLMCTL" verify q.llmz >/dev/null && "$LLMCTL" inspect q.llmz | shows 'kind classifier' || fail "inspect"

# As a filter: what goes, why, and that replay agrees.
cat good.jsonl bad.jsonl >all.jsonl
for t in 1 2 8; do "$LLMCTL" clean all.jsonl --classifier q.llmz:0.5 --out k$t.jsonl --removed r$t.jsonl --decisions d$t.jsonl --threads $t -q; done
for t in 2 8; do cmp k1.jsonl k$t.jsonl; cmp r1.jsonl r$t.jsonl; cmp d1.jsonl d$t.jsonl; done
[ "$(grep -c prose k1.jsonl)" -gt 190 ] && [ "$(grep -c spam k1.jsonl || true)" -lt 10 ] || fail "the classifier does not tell them apart"
grep -q '"removed_by":"classifier","rule":"classifier.good.min","value":0\.[0-9]*,"limit":0.5}' r1.jsonl || fail "$(head -1 r1.jsonl)"
grep -q '"values":\[.*"classifier.good"\]' d1.jsonl || fail "$(head -1 d1.jsonl)"
kept=$("$LLMCTL" clean all.jsonl --classifier 'q.llmz:good>=0.9' --dry-run --json -q | grep -o '"out":[0-9]*')
"$LLMCTL" clean --replay d1.jsonl --set classifier.good.min=0.9 --json -q | shows "\"after\":${kept#*:}}" || fail "replay"
expect 0 "$LLMCTL" clean all.jsonl --classifier 'q.llmz:bad<=0.5' --classifier 'q.llmz:0.2' -q --out b.jsonl
cmp k1.jsonl b.jsonl

# Labels out of a field; several classes; a model of ours as language finder.
expect 0 "$LLMCTL" clean --train-classifier --label-field meta.topic all.jsonl --out topic.llmz --features 1:0:12
expect 0 "$LLMCTL" clean all.jsonl --lid topic.llmz --lang prose:0.5 --out p.jsonl --decisions lang.jsonl
grep -q prose p.jsonl && grep -q '"lang":"prose"' lang.jsonl || fail "--lid: $(tail -1 lang.jsonl)"

# Bad input.
expect 2 "$LLMCTL" clean --train-classifier good.jsonl --out x.llmz
grep -q 'wants two inputs, GOOD and BAD' err || fail "$(cat err)"
expect 2 "$LLMCTL" clean --train-classifier good.jsonl bad.jsonl
expect 2 "$LLMCTL" clean --train-classifier good.jsonl bad.jsonl --out x.llmz --folds 1
expect 2 "$LLMCTL" clean --train-classifier good.jsonl bad.jsonl --out x.llmz --features 9:9:9
expect 2 "$LLMCTL" clean --train-classifier --label-field 'a[' good.jsonl --out x.llmz
expect 66 "$LLMCTL" clean --train-classifier good.jsonl absent.jsonl --out x.llmz
expect 65 "$LLMCTL" clean --train-classifier --label-field absent good.jsonl --out x.llmz
grep -q 'at least two labels' err || fail "$(cat err)"
for i in $(seq 1100); do echo "{\"text\":\"t $i\",\"l\":$i}"; done >ids.jsonl
expect 65 "$LLMCTL" clean --train-classifier --label-field l ids.jsonl --out x.llmz
grep -q "more than 1024 labels in 'l'" err && [ ! -e x.llmz ] || fail "$(cat err)"
expect 66 "$LLMCTL" clean all.jsonl --classifier absent.bin:0.5
expect 2 "$LLMCTL" clean all.jsonl --classifier q.llmz
expect 2 "$LLMCTL" clean all.jsonl --classifier q.llmz:x
expect 2 "$LLMCTL" clean all.jsonl --classifier 'q.llmz:hq>=0.5'
grep -q "no label 'hq', it has good, bad" err || fail "$(cat err)"
expect 65 "$LLMCTL" clean all.jsonl --classifier all.jsonl:0.5
expect 2 "$LLMCTL" clean all.jsonl --lang en:0.5
expect 2 "$LLMCTL" clean all.jsonl --lid topic.llmz --lang prose:5
expect 2 "$LLMCTL" clean all.jsonl --lid topic.llmz --lang nowhere
head -c 5000 q.llmz >cut.llmz
expect 65 "$LLMCTL" clean all.jsonl --classifier cut.llmz:0.5

# fastText: the tiny models of the fuzz corpus.
f=$SRC/tests/fuzz/corpus/fasttext
printf '{"text":"a b a"}\n{"text":"b"}\n' >ab.jsonl
expect 0 "$LLMCTL" clean ab.jsonl --classifier "$f/ngrams:__label__x>=0.0" --classifier "$f/quantized:y<=1" --decisions d.jsonl -q --out o.jsonl
grep -q '"classifier.x","classifier.y"' d.jsonl && cmp ab.jsonl o.jsonl || fail "fastText: $(cat d.jsonl)"
head -c 100 "$f/ngrams" >cut.bin
expect 65 "$LLMCTL" clean ab.jsonl --classifier cut.bin:0.5

# Label errors: 20 labels put wrong among 400 are found, with the right one; the same for any number of threads.
awk 'NR % 20 == 7 { sub(/"topic":"prose"/, "\"topic\":\"SPAM\""); sub(/"topic":"spam"/, "\"topic\":\"prose\""); sub(/SPAM/, "spam"); sub(/"id":/, "\"wrong\":1,\"id\":") } { print }' all.jsonl >noisy.jsonl
[ "$(grep -c wrong noisy.jsonl)" = 20 ] || fail "the test itself"
for t in 1 2 8; do "$LLMCTL" clean noisy.jsonl --label-errors field=meta.topic --features 1:0:14 --out k$t --removed r$t --decisions d$t --threads $t 2>err; done
for t in 2 8; do cmp k1 k$t && cmp r1 r$t && cmp d1 d$t || fail "threads show"; done
[ "$(grep -c wrong r1)" -ge 15 ] && [ "$(grep -vc wrong r1)" -le 15 ] || fail "label errors: $(grep -c wrong r1) and $(grep -vc wrong r1)"
grep 'topic":"spam"' r1 | grep wrong | shows '"removed_by":"label_error".*"suggested_label":"prose"}' || fail "$(head -1 r1)"
grep -q 'label errors: [0-9]* of 400 documents of 2 labels; the classifier: AUC' err && grep -q 'labelled spam are rather prose' err || fail "$(cat err)"
expect 0 "$LLMCTL" clean noisy.jsonl --label-errors field=meta.topic --features 1:0:14 --mem 100K --out k --removed r
grep -q 'arrays were larger than --mem' err && cmp k k1 && cmp r r1 || fail "--mem shows: $(cat err)"
expect 71 "$LLMCTL" clean noisy.jsonl --label-errors field=meta.topic --mem 100
grep -q 'need [0-9]* bytes for their scores, more than --mem' err || fail "$(cat err)"
expect 2 "$LLMCTL" clean noisy.jsonl --label-errors 'x['
expect 2 "$LLMCTL" clean noisy.jsonl --label-errors meta.topic --folds 0
expect 65 "$LLMCTL" clean noisy.jsonl --label-errors absent
expect 65 "$LLMCTL" clean noisy.jsonl --label-errors text

# Perplexity under a model of ours.
for i in $(seq 200); do echo "line $i: the quick brown fox jumps over the lazy dog"; done >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 280 --out tok.json -q
"$LLMCTL" pretrain text.txt --tokenizer tok.json --preset gpt2-nano --layers 1 --width 32 --heads 2 --context 32 \
    --batch 8 --steps 40 --lr 1e-2 --warmup 5 --eval-every 0 --dtype f32 --out run -q
head -3 text.txt >like.txt
echo 'zq9 ##!! Zzz kkkq 000' >unlike.txt
: >nothing.txt
for t in 1 2 8; do "$LLMCTL" clean like.txt unlike.txt --ppl run:1:30 --threads $t -q --out k$t --removed r$t --decisions d$t; done
for t in 2 8; do cmp k1 k$t && cmp r1 r$t && cmp d1 d$t || fail "threads show"; done
[ "$(wc -l <k1)" = 1 ] && grep -q '"id":"unlike.txt".*"removed_by":"perplexity_high","rule":"ppl.max","value":[0-9.]*,"limit":30}' r1 || fail "$(cat r1)"
expect 0 "$LLMCTL" clean like.txt unlike.txt --ppl run:30: -q --removed r
grep -q '"id":"like.txt".*"rule":"ppl.min"' r || fail "$(cat r)"
expect 0 "$LLMCTL" clean like.txt nothing.txt --ppl run --outliers mad:3:ppl,length --out o.jsonl
printf '{"text":""}\n{"text":"a"}\n' >tiny.jsonl
expect 0 "$LLMCTL" clean tiny.jsonl --ppl run:1000000: --out o.jsonl
[ "$(wc -l <o.jsonl)" = 1 ] || fail "what cannot be measured stays: $(cat o.jsonl)"
for bad in run:5 run:x:y run:9:3 run:1:inf; do expect 2 "$LLMCTL" clean like.txt --ppl $bad; done
expect 66 "$LLMCTL" clean like.txt --ppl absent:1:2
expect 65 "$LLMCTL" clean like.txt --ppl text.txt
expect 65 "$LLMCTL" clean like.txt --ppl q.llmz
