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
    ("bloom", tf.BloomConfig(vocab_size=131, hidden_size=48, n_layer=3, n_head=6)),
    ("gemma", tf.GemmaConfig(**grouped, head_dim=16)),
    ("gemma2", tf.Gemma2Config(**grouped, head_dim=16, query_pre_attn_scalar=24, sliding_window=8)),
    ("gemma3", tf.Gemma3TextConfig(**grouped, head_dim=16, query_pre_attn_scalar=16, sliding_window=8,
                                   layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    ("bert", tf.BertConfig(**small), tf.BertForMaskedLM),
    ("bert without head", tf.BertConfig(**small), tf.BertModel),
    ("electra", tf.ElectraConfig(**small, embedding_size=24), tf.ElectraForPreTraining),
    ("electra generator", tf.ElectraConfig(**small, embedding_size=24), tf.ElectraForMaskedLM),
    ("t5", tf.T5Config(vocab_size=131, d_model=48, d_kv=8, d_ff=80, num_layers=2, num_decoder_layers=3, num_heads=6,
                       decoder_start_token_id=0), tf.T5ForConditionalGeneration),
    ("t5 v1.1", tf.T5Config(vocab_size=131, d_model=48, d_kv=8, d_ff=80, num_layers=2, num_heads=6,
                            feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0),
     tf.T5ForConditionalGeneration),
    ("bart", tf.BartConfig(vocab_size=131, d_model=48, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4,
                           decoder_attention_heads=6, encoder_ffn_dim=80, decoder_ffn_dim=96,
                           max_position_embeddings=64), tf.BartForConditionalGeneration),
    ("marian", tf.MarianConfig(vocab_size=131, d_model=48, encoder_layers=2, decoder_layers=1,
                               encoder_attention_heads=4, decoder_attention_heads=6, encoder_ffn_dim=80,
                               decoder_ffn_dim=96, max_position_embeddings=64, pad_token_id=130,
                               decoder_start_token_id=130, scale_embedding=True), tf.MarianMTModel),
]


def randomize(model):
    """Biases and norms that are not all 0 and 1 show transpositions."""
    with torch.no_grad():
        for p in (p for p in model.parameters() if p.requires_grad):
            p.add_(torch.randn_like(p) * 0.05)


def check(name, config, cls, dtype, work):
    torch.manual_seed(1)
    model = (cls(config) if cls else tf.AutoModelForCausalLM.from_config(config)).to(dtype).eval()
    load = (cls or tf.AutoModelForCausalLM).from_pretrained
    randomize(model)
    a, z, b = (os.path.join(work, x) for x in ("a", "m.llmz", "b"))
    model.save_pretrained(a, max_shard_size="20KB")
    # As loaded: .to(bfloat16) above also rounded the rotary frequencies, loading does not.
    model = load(a, dtype="auto").eval()
    for src, dst in ((a, z), (z, b)):
        subprocess.run([llmctl, "convert", "-q", src, dst, "--max-shard-size", "30K"], check=True)
    back = load(b, dtype="auto").eval()
    want, got = model.state_dict(), back.state_dict()
    differ = [k for k in want if k not in got or not torch.equal(want[k], got[k])]
    ids = torch.arange(60).reshape(2, 30) * 7 % 131
    more = {"decoder_input_ids": ids[:, :17]} if config.is_encoder_decoder else {}
    if cls is tf.BertModel:  # its pooler is of no use here and is not kept
        differ = [k for k in differ if not k.startswith("pooler.")]
    def output(m):
        out = m(ids, **more)
        return out.logits if "logits" in out else out.last_hidden_state
    with torch.no_grad():
        err = (output(model) - output(back)).abs().max().item()
    ok = not differ and err == 0 and back.dtype == dtype
    print(f"{'ok  ' if ok else 'FAIL'} {name:18} {dtype}: largest difference of logits {err:.1e} {differ}")
    return ok


good = True
for name, config, *cls in cases:
    for dtype in (torch.float32, torch.bfloat16):
        with tempfile.TemporaryDirectory() as work:
            good &= check(name, config, cls[0] if cls else None, dtype, work)
sys.exit(0 if good else 1)
