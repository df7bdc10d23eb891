#!/bin/bash
# Experts, latent attention and RWKV through the command line: killed at any moment and resumed with other threads
# and accumulation, the model has the same bits; what cannot be is refused at plan time by the key's name.
set -eu
. "$SRC/tests/cli/lib.bash"

for i in $(seq 400); do echo "The quick brown fox number $((i * 7 % 83)) jumps over the lazy dog and $((i % 9)) cats."; done >text.txt
"$LLMCTL" tokenize train text.txt --type char -q --out tok.json
head='"d_model":16,"vocab":64,"embed":{"max_pos":32}'
cat >experts.json <<END
{"family":"deepseek_v3",$head,"blocks":[{"mixer":{"type":"mla","heads":2,"kv_rank":8,"nope_dim":4,"rope_dim":4,"v_dim":8},
  "ffn":{"type":"glu","d_ff":32}},{"repeat":2,"mixer":{"type":"mla","heads":2,"kv_rank":8,"nope_dim":4,"rope_dim":4,"v_dim":8},
  "ffn":{"type":"moe","d_ff":16,"moe":{"experts":6,"top_k":2,"shared":1,"score":"sigmoid","bias_gamma":0.01,"aux_coef":0.01}}}]}
END
cat >rwkv.json <<END
{"family":"rwkv7",$head,"blocks":[{"repeat":2,"mixer":{"type":"rwkv7","head_dim":8},"ffn":{"type":"rwkv_cmix","d_ff":32},
  "norm":{"type":"ln"}}]}
END
common="-t tok.json --steps 24 --batch 8 --leaves 4 --max-length 32 --save-every 4 --sample-every 0 --dtype f32 -q"
for m in experts rwkv; do
    "$LLMCTL" pretrain text.txt --model $m.json $common --threads 1 --out $m-a
    for wait in 0.05 0.12 0.2; do
        # exec, so that the signal meets llmctl and not a shell around it
        (exec "$LLMCTL" pretrain text.txt --model $m.json $common --threads 2 --accum 2 --out $m-b) 2>/dev/null &
        pid=$!
        sleep $wait
        kill -KILL $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    "$LLMCTL" pretrain text.txt --model $m.json $common --threads 2 --accum 4 --out $m-b
    cmp $m-a/model.llmz $m-b/model.llmz || fail "$m: killed and resumed, the model is another"
    # From a checkpoint in the middle, whatever the moments above were.
    rm -rf $m-a/model.llmz $m-a/ckpt/step-24 $m-a/ckpt/step-20
    "$LLMCTL" pretrain text.txt --model $m.json $common --threads 2 --out $m-a
    cmp $m-a/model.llmz $m-b/model.llmz || fail "$m: resumed, the model is another"
done

refused() { # text assignments...
    local text=$1 args=()
    shift
    for a in "$@"; do args+=(--set "$a"); done
    expect_error 78 "$text" "$LLMCTL" pretrain text.txt -t tok.json --preset llama-nano "${args[@]}" --plan --out no
}
refused "blocks[0].mixer.kv_heads 4 does not divide heads 5" blocks.mixer.heads=5
refused "blocks[0].ffn.moe.top_k 5 is above experts 4" 'blocks.ffn={"type":"moe","d_ff":8,"moe":{"experts":4,"top_k":5}}'
refused "blocks[0].mixer.head_dim 7 is odd" blocks.mixer.head_dim=7
refused "blocks[0].mixer.pos.buckets is 0" 'blocks.mixer.pos={"type":"t5","buckets":0}'
refused "blocks[0].mixer.pos.buckets 3: must be even" 'blocks.mixer.pos={"type":"t5","buckets":3}'
refused "blocks[0].mixer.pos.clip is 0" 'blocks.mixer.pos={"type":"shaw","clip":0}'
refused "blocks[0].mixer.causal false needs stack encoder" blocks.mixer.causal=false
refused "blocks[0].mixer.rope_dim 3 is odd" 'blocks.mixer={"type":"mla","heads":4,"kv_rank":8,"nope_dim":8,"rope_dim":3,"v_dim":8}'
refused "blocks[0].mixer.head_dim 24 does not divide the width" 'blocks.mixer={"type":"rwkv7","head_dim":24}'
refused "blocks[0].norm.type must be ln" 'blocks.mixer={"type":"rwkv4"}'
refused "blocks[0].norm.bias: norm.weight false has no parameters" 'blocks.norm={"type":"ln","weight":false,"bias":true}'
refused "blocks[0].residual_scale is 0" blocks.residual_scale=0
refused "blocks[0].ffn.moe.shared_gate needs shared" 'blocks.ffn={"type":"moe","d_ff":8,"moe":{"experts":4,"top_k":2,"shared_gate":true}}'
refused "head.type mlm does not go with stack decoder" head=mlm
