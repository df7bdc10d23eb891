#!/usr/bin/env python3
"""Compares `llmctl convert` with transformers, which must be installed (it is
needed for nothing else): tiny random models of every family, in f32 and bf16,
sharded and not, go HF -> .llmz -> HF; tensors must be equal bit by bit and
logits the same.

usage: scripts/check-hf-roundtrip.py [path of llmctl]
"""
import os
import subprocess
import sys
import tempfile

import torch
import transformers as tf

tf.logging.set_verbosity_error()
tf.utils.logging.disable_progress_bar()
llmctl = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "./llmctl")
small = dict(vocab_size=131, hidden_size=48, num_hidden_layers=3, num_attention_heads=4,
             intermediate_size=80, max_position_embeddings=64)
grouped = dict(small, num_key_value_heads=2)
cases = [
    ("gpt2", tf.GPT2Config(vocab_size=131, n_embd=48, n_layer=3, n_head=4, n_positions=64)),
    ("llama", tf.LlamaConfig(**grouped, tie_word_embeddings=False)),
    ("llama tied", tf.LlamaConfig(**grouped, tie_word_embeddings=True, attention_bias=True)),
    ("qwen2", tf.Qwen2Config(**grouped, tie_word_embeddings=True)),
    ("qwen3", tf.Qwen3Config(**grouped, head_dim=16)),
    ("gpt_neox", tf.GPTNeoXConfig(**small)),
    ("gpt_neox serial", tf.GPTNeoXConfig(**small, use_parallel_residual=False)),
]


def randomize(model):
    """Biases and norms that are not all 0 and 1 show transpositions."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.05)


def check(name, config, dtype, work):
    torch.manual_seed(1)
    model = tf.AutoModelForCausalLM.from_config(config).to(dtype).eval()
    randomize(model)
    a, z, b = (os.path.join(work, x) for x in ("a", "m.llmz", "b"))
    model.save_pretrained(a, max_shard_size="20KB")
    # As loaded: .to(bfloat16) above also rounded the rotary frequencies, loading does not.
    model = tf.AutoModelForCausalLM.from_pretrained(a, torch_dtype="auto").eval()
    for src, dst in ((a, z), (z, b)):
        subprocess.run([llmctl, "convert", "-q", src, dst, "--max-shard-size", "30K"], check=True)
    back = tf.AutoModelForCausalLM.from_pretrained(b, torch_dtype="auto").eval()
    want, got = model.state_dict(), back.state_dict()
    differ = [k for k in want if k not in got or not torch.equal(want[k], got[k])]
    ids = torch.arange(60).reshape(2, 30) * 7 % 131
    with torch.no_grad():
        err = (model(ids).logits - back(ids).logits).abs().max().item()
    ok = not differ and err == 0 and back.dtype == dtype
    print(f"{'ok  ' if ok else 'FAIL'} {name:16} {dtype}: largest difference of logits {err:.1e} {differ}")
    return ok


good = True
for name, config in cases:
    for dtype in (torch.float32, torch.bfloat16):
        with tempfile.TemporaryDirectory() as work:
            good &= check(name, config, dtype, work)
sys.exit(0 if good else 1)
