#!/bin/bash
# llmctl embed and eval on encoders and encoder-decoders.
set -eu
. "$SRC/tests/cli/lib.bash"

for i in $(seq 300); do echo "The quick brown fox number $((i * 7 % 83)) jumps over the lazy dog and $((i % 9)) cats."; done >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 300 --special '<|endoftext|>' --special '[MASK]' -q --out tok.json
common="-t tok.json --batch 8 --eval-every 0 --sample-every 0 --dtype f32 -q"
"$LLMCTL" pretrain text.txt --preset bert-nano --layers 2 --width 32 --heads 2 --context 64 --steps 30 --lr 3e-3 $common --out bert
"$LLMCTL" pretrain text.txt --preset t5-nano --layers 1 --width 32 --heads 2 --context 64 --source-length 48 --steps 5 $common --out t5
"$LLMCTL" pretrain text.txt --preset gpt2-nano --layers 1 --width 32 --heads 2 --steps 5 $common --out gpt

head -n 40 text.txt >lines.txt
for m in bert t5 gpt; do
    "$LLMCTL" embed $m lines.txt --documents line --dtype f32 -q >$m.jsonl
    "$LLMCTL" embed $m lines.txt --documents line --dtype f32 --threads 1 -q >$m.1
    cmp $m.jsonl $m.1 || fail "$m: vectors depend on threads"
    "$LLMCTL" embed $m lines.txt --documents line --dtype f32 --batch 64 --normalize --out $m.npy -q
done
"$LLMCTL" embed bert lines.txt --documents line --dtype f32 --pool cls -q >cls.jsonl
cmp -s cls.jsonl bert.jsonl && fail "cls and mean are the same"
python3 - <<'EOF' || fail "vectors"
import json, math, struct
for m in ("bert", "t5", "gpt"):
    rows = [json.loads(l) for l in open(m + ".jsonl")]
    assert len(rows) == 40 and all(len(r["embedding"]) == 32 for r in rows), m
    assert rows[1]["id"] == "lines.txt:2", rows[1]["id"]
    b = open(m + ".npy", "rb").read()
    assert b[:8] == b"\x93NUMPY\x01\x00" and struct.unpack("<H", b[8:10])[0] == 118 and b[127:128] == b"\n"
    assert b"'shape': (40, 32)" in b[:128] and len(b) == 128 + 40 * 32 * 4
    v = struct.unpack("<1280f", b[128:])
    for i, r in enumerate(rows):
        n = math.sqrt(sum(x * x for x in r["embedding"]))
        # Another packing and length 1: the same direction.
        assert max(abs(x / n - y) for x, y in zip(r["embedding"], v[i * 32:])) < 2e-5, (m, i)
EOF
printf 'a much longer text %.0s' $(seq 60) >long.txt
"$LLMCTL" embed bert long.txt --dtype f32 >one 2>err
grep -q "1 texts are longer than 64 tokens" err || fail "a cut text is not told: $(cat err)"
printf '{"text":"good"}\n{"txt":"bad"}\n' >mixed.jsonl
"$LLMCTL" embed bert mixed.jsonl --dtype f32 >one 2>err
[ "$(wc -l <one)" -eq 1 ] && grep -q "1 bad records" err || fail "bad records: $(cat err)"
printf '{"text":5}\n' >none.jsonl
expect 65 "$LLMCTL" embed bert none.jsonl --out none.npy
grep -qF "no good documents" err || fail "$(cat err)"
[ ! -e none.npy ] || fail "vectors of nothing"

expect_error 2 "name a model" "$LLMCTL" embed
expect_error 66 "nothing" "$LLMCTL" embed nothing lines.txt
expect_error 66 "nothing.txt" "$LLMCTL" embed bert nothing.txt
expect_error 2 "first token of a decoder" "$LLMCTL" embed gpt lines.txt --pool cls
expect_error 2 "context 64" "$LLMCTL" embed bert lines.txt --max-length 65
expect_error 2 "exclude each other" "$LLMCTL" embed bert lines.txt --json

# An encoder has nothing to continue; an encoder-decoder takes the prompt as its source.
expect_error 78 "stack encoder cannot generate" "$LLMCTL" generate bert "The fox"
"$LLMCTL" generate t5 "The quick brown" --greedy --max-length 8 --dtype f32 -q >a
"$LLMCTL" generate t5 "The quick brown" --greedy --max-length 8 --dtype f32 --threads 1 -q >b
cmp a b || fail "text of an encoder-decoder depends on threads"

# Pseudo-perplexity: each token hidden in turn.  It is that of the words before training, then far below.
head -n 4 text.txt >few.txt
"$LLMCTL" eval bert few.txt --dtype f32 --json -q >e1
"$LLMCTL" eval bert few.txt --dtype f32 --batch 3 --threads 1 --json -q >e2
python3 - <<'EOF' || fail "pseudo-perplexity: $(cat e1 e2)"
import json, math
a, b = json.load(open("e1")), json.load(open("e2"))
assert a["tokens"] == b["tokens"] > 50 and abs(a["loss"] / b["loss"] - 1) < 1e-5, (a, b)
assert abs(a["pseudo_perplexity"] - math.exp(a["loss"])) < 1e-6 * a["pseudo_perplexity"]
assert 1 < a["pseudo_perplexity"] < 120
EOF
for i in $(seq 30); do echo "{\"source\":\"$i fox\",\"target\":\"fox $((i % 10))\"}"; done >pairs.jsonl
"$LLMCTL" eval t5 pairs.jsonl --dtype f32 --json -q >e1
python3 -c "import json; a = json.load(open('e1')); assert a['tokens'] > 60 and a['loss'] > 0" || fail "$(cat e1)"

# Two texts of a record are read together; the second has token type 1.
"$LLMCTL" tokenize train text.txt --vocab-size 300 --special '[MASK]' --special '[SEP]' -q --out plain.json
python3 - <<'END'
import json
t = json.load(open("plain.json"))
sep = next(a["id"] for a in t["added_tokens"] if a["content"] == "[SEP]")
piece = lambda kind, type: {kind: {"id": "[SEP]" if kind == "SpecialToken" else "AB"[type], "type_id": type}}
single = [piece("Sequence", 0), piece("SpecialToken", 0)]
t["post_processor"] = {"type": "TemplateProcessing", "single": single, "pair": single + [piece("Sequence", 1), piece("SpecialToken", 1)],
                       "special_tokens": {"[SEP]": {"id": "[SEP]", "ids": [sep], "tokens": ["[SEP]"]}}}
json.dump(t, open("pair.json", "w"))
END
"$LLMCTL" pretrain text.txt --preset bert-nano --layers 1 --width 32 --heads 2 --context 64 --steps 5 ${common/tok.json/pair.json} --out pairs
printf '{"text":"a quick fox","other":"lazy"}\n{"text":"a quick fox"}\n{"text":"a quick fox","other":null}\n' >two.jsonl
"$LLMCTL" embed pairs two.jsonl --pair-field other --dtype f32 -q >two.out
"$LLMCTL" embed pairs two.jsonl --dtype f32 -q >one.out
python3 - <<'END' || fail "pairs"
import json
two, one = ([json.loads(l)["embedding"] for l in open(f)] for f in ("two.out", "one.out"))
near = lambda a, b: all(abs(x - y) < 1e-5 for x, y in zip(a, b))
assert near(two[1], one[1]) and near(two[2], one[1]) and near(one[0], one[1])
assert not near(two[0], one[0])
END
printf '{"text":"a fox","other":7}\n' >bad.jsonl
expect_error 65 "other must be a string" "$LLMCTL" embed pairs bad.jsonl --pair-field other

# A classifier, as transformers keeps it: bert's directory with another head.
"$LLMCTL" convert bert hf-bert -q
python3 - <<'END'
import json, os, random, shutil, struct
def read(path):
    b = open(path, "rb").read()
    n = struct.unpack("<Q", b[:8])[0]
    return json.loads(b[8:8 + n]), b[8 + n:]
def write(path, tensors):
    head, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    h = json.dumps(head).encode()
    open(path, "wb").write(struct.pack("<Q", len(h)) + h + data)
random.seed(5)
def floats(n):
    return struct.pack(f"<{n}f", *(random.gauss(0, 0.5) for _ in range(n)))
shutil.copytree("hf-bert", "hf-cls")
head, data = read("hf-bert/model.safetensors")
t = {k: (v["dtype"], v["shape"], data[slice(*v["data_offsets"])]) for k, v in head.items() if k.startswith("bert.")}
for name, shape in (("bert.pooler.dense.weight", [32, 32]), ("bert.pooler.dense.bias", [32]), ("classifier.weight", [3, 32]), ("classifier.bias", [3])):
    t[name] = ("F32", shape, floats(shape[0] * (shape[1] if len(shape) > 1 else 1)))
write("hf-cls/model.safetensors", t)
c = json.load(open("hf-cls/config.json"))
c["architectures"] = ["BertForSequenceClassification"]
c["id2label"] = {"0": "bad", "1": "fair", "2": "very \"good\""}
json.dump(c, open("hf-cls/config.json", "w"))
END
"$LLMCTL" convert hf-cls cls.llmz -q
"$LLMCTL" convert cls.llmz hf-again -q
cmp hf-again/model.safetensors <("$LLMCTL" convert hf-again again.llmz -q && "$LLMCTL" convert again.llmz hf-third -q && cat hf-third/model.safetensors) || fail "a classifier changes on the way"
"$LLMCTL" embed hf-cls lines.txt --documents line --head --dtype f32 -q >labels.jsonl
"$LLMCTL" embed cls.llmz lines.txt --documents line --head --dtype f32 --threads 1 -q >labels.1
cmp labels.jsonl labels.1 || fail "labels depend on threads, or on the file"
"$LLMCTL" embed cls.llmz lines.txt --documents line --head --dtype f32 --batch 64 --out labels.npy -q
python3 - <<'END' || fail "labels"
import json, math, struct
rows = [json.loads(l) for l in open("labels.jsonl")]
names = ["bad", "fair", 'very "good"']
z = struct.unpack("<120f", open("labels.npy", "rb").read()[128:])
assert len(rows) == 40 and rows[1]["id"] == "lines.txt:2"
for i, r in enumerate(rows):
    p = r["probabilities"]
    assert len(p) == 3 and abs(sum(p) - 1) < 1e-6 and r["label"] == names[p.index(max(p))]
    e = [math.exp(x) for x in z[3 * i:3 * i + 3]]
    assert all(abs(a - b / sum(e)) < 1e-4 for a, b in zip(p, e))
END
expect_error 78 "has no head that tells of whole texts" "$LLMCTL" embed bert lines.txt --head
expect_error 78 "predicts no tokens" "$LLMCTL" eval cls.llmz text.txt
expect_error 78 "head.type cls is not pretrained" "$LLMCTL" pretrain text.txt --preset bert-nano --set 'head={"type":"cls","norm":false}' $common --out never
expect_error 78 "cannot generate" "$LLMCTL" generate cls.llmz fox
