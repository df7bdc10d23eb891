# generate on a tiny model: same text for the same seed, batching and threads;
# stop strings, prompts from everywhere, bad input.
set -eu
. "$SRC/tests/cli/lib.bash"
for i in $(seq 300); do echo "line $i: the quick brown fox jumps over the lazy dog, naïvely — ça va, 日本"; done >text.txt
"$LLMCTL" tokenize train text.txt --vocab-size 300 --out tok.json -q
"$LLMCTL" pretrain text.txt --tokenizer tok.json --preset gpt2-nano --layers 2 --width 32 --heads 2 --context 64 \
    --batch 8 --steps 60 --lr 1e-2 --warmup 5 --eval-every 0 --dtype f32 --out run -q

gen() { "$LLMCTL" generate run "line 7: the" --dtype f32 --max-length 40 -q "$@"; }
gen --seed 5 --temperature 1.5 >a
gen --seed 5 --temperature 1.5 >b
cmp a b || fail "the same seed gave another text"
gen --seed 6 --temperature 1.5 >b
cmp -s a b && fail "another seed gave the same text"
gen --seed 5 --temperature 1.5 --threads 1 >b
cmp a b || fail "the text depends on threads"
gen --greedy >a
gen --top-k 1 >b
cmp a b || fail "top-k 1 is not greedy"
grep -q "fox" a || fail "the model learned nothing: $(cat a)"

# Sample i of n is the sample that n = 1 gives at its place: batching does not show.
gen -n 3 --seed 5 --temperature 1.5 --json >three
gen -n 1 --seed 5 --temperature 1.5 --json >one
python3 - <<'EOF' || fail "json"
import json
three, one = json.load(open("three")), json.load(open("one"))
assert len(three["samples"]) == 3
assert three["samples"][0]["text"] == one["samples"][0]["text"]
assert len({s["text"] for s in three["samples"]}) > 1
assert three["new_tokens"] == sum(s["tokens"] for s in three["samples"])
EOF

# Output is whole characters, and equal streamed or not.
gen --seed 1 --temperature 2 >a
iconv -f utf-8 -t utf-8 a >/dev/null || fail "torn character"
gen --seed 1 --temperature 2 --out f
cmp a f || fail "--out differs from stdout"

# A stop string ends the text and is not part of it.
gen --greedy --stop "fox" --json >s
python3 -c 'import json; s = json.load(open("s"))["samples"][0]; assert s["end"] == "stop" and "fox" not in s["text"], s' || fail stop

# Prompts from stdin, a file and JSON lines.
printf 'line 7: the' | "$LLMCTL" generate run - --dtype f32 --max-length 40 -q --greedy >b
gen --greedy >a
cmp a b || fail "prompt from stdin"
printf 'line 7: the' >p
"$LLMCTL" generate run -f p --dtype f32 --max-length 40 -q --greedy >b
cmp a b || fail "prompt from a file"
printf '{"prompt":"line 7: the"}\n\n{"id":"b \\"7","prompt":"fox"}\n{"prompt":"a","id":7}\n' | "$LLMCTL" generate run --jsonl - --greedy --max-length 5 --logprobs 2 -q >j
python3 - <<'EOF' || fail "jsonl"
import json, math
rows = [json.loads(l) for l in open("j")]
assert [r["prompt"] for r in rows] == ["line 7: the", "fox", "a"]
assert [r.get("id") for r in rows] == [None, 'b "7', 7]
for t in rows[0]["logprobs"]:
    assert t["logprob"] == t["top"][0]["logprob"] and t["id"] == t["top"][0]["id"]
    assert t["top"][1]["logprob"] <= t["logprob"] <= 0
EOF

expect_error 2 "name a model" "$LLMCTL" generate
expect_error 66 "No such file" "$LLMCTL" generate absent "x"
expect_error 2 "one prompt" "$LLMCTL" generate run a b
expect_error 2 "needs --json" "$LLMCTL" generate run a --logprobs 3
expect_error 2 "--stop: the text is empty" "$LLMCTL" generate run a --stop ""
expect_error 2 "64 learned positions" "$LLMCTL" generate run a --context 65
expect_error 65 "more than the context" "$LLMCTL" generate run "$(printf 'fox %.0s' $(seq 100))"
expect_error 65 "p2:2:" sh -c 'printf "{\"prompt\":\"a\"}\n{\"prompt\":1}\n" >p2; exec "$0" generate run --jsonl p2' "$LLMCTL"
expect_error 65 "p3:1: \"id\"" sh -c 'printf "{\"prompt\":\"a\",\"id\":1e300}\n" >p3; exec "$0" generate run --jsonl p3' "$LLMCTL"
head -c 1000 run/model.llmz >cut.llmz
expect_error 65 "cut.llmz" "$LLMCTL" generate cut.llmz a
printf 'PK\003\004xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' >zip.pt
expect_error 65 "zip" "$LLMCTL" generate zip.pt a

# --session: in parts, the text of one go, bit for bit; with keys and values, and with the state of RWKV.
printf '{"family":"rwkv7","d_model":16,"vocab":300,"embed":{"max_pos":64},"blocks":[{"repeat":2,"mixer":{"type":"rwkv7","head_dim":8},"ffn":{"type":"rwkv_cmix","d_ff":32},"norm":{"type":"ln"}}]}' >rwkv.json
printf '{"family":"llama","d_model":16,"vocab":300,"embed":{"max_pos":64},"blocks":[{"mixer":{"heads":2,"window":9,"pos":{"type":"rope"}},"ffn":{"type":"glu","d_ff":32}},{"mixer":{"type":"mla","heads":2,"kv_rank":8,"nope_dim":4,"rope_dim":4,"v_dim":8},"ffn":{"type":"glu","d_ff":32}}]}' >mla.json
for m in rwkv mla; do
    "$LLMCTL" pretrain text.txt --tokenizer tok.json --model $m.json --batch 2 --steps 2 --sample-every 0 --dtype f32 --out $m -q
done
for m in run rwkv mla; do
    go() { "$LLMCTL" generate $m "$@" --seed 3 --temperature 1 --repeat-penalty 1.2 --ignore-eos -q --json; }
    ids() { python3 -c 'import json, sys; print(*[t["id"] for s in sys.argv[1:] for t in json.load(open(s))["samples"][0]["logprobs"]])' "$@"; }
    go "line 7" --max-length 24 --logprobs 1 >whole
    rm -f s.llmz
    go "line 7" --session s.llmz --max-length 5 --logprobs 1 >s1
    for i in 2 3; do go --session s.llmz --max-length $((8 * i - 13)) --logprobs 1 --threads $i >s$i; done
    go --session s.llmz --max-length 5 --logprobs 1 >s4
    [ "$(ids whole)" = "$(ids s1 s2 s3 s4)" ] || fail "$m: in parts another text: $(ids whole) and $(ids s1 s2 s3 s4)"
    cp s.llmz before
    go " and" --session s.llmz --max-length 4 >added
    cmp -s s.llmz before && fail "$m: what was added is not in the session"
    "$LLMCTL" verify s.llmz -q >out || fail "$m: the session is damaged"
done
expect_error 65 "belongs to another model" "$LLMCTL" generate run --session s.llmz
"$LLMCTL" generate mla "line 7" --session wide.llmz --dtype bf16 --max-length 2 -q >out || fail "bf16: no session"
expect_error 65 "belongs to another model" "$LLMCTL" generate mla --session wide.llmz --dtype f32
expect_error 65 "is not a session" "$LLMCTL" generate run --session run/model.llmz
head -c 500 s.llmz >bad
expect_error 65 "bad" "$LLMCTL" generate run --session bad
expect_error 2 "--session holds one text" "$LLMCTL" generate run --session s.llmz -n 2
expect_error 2 "--session holds one text" "$LLMCTL" generate run --session s.llmz --jsonl p
