#!/usr/bin/env python3
"""Compares llmctl with transformers, which must be installed (it is needed for
nothing else), on tiny random models of every family and of every option that
changes the arithmetic.  For each, in f32 and bf16: transformers' directory ->
.llmz -> directory gives the same tensors bit by bit and the same logits; in
f32 also the logits, the loss, every gradient and ten steps of AdamW of our
graph, and the logits of our decoder, by the golden test (make golden builds it).  What cannot be
said in our description must be refused by the name of its key.

usage: scripts/check-hf-roundtrip.py [--only REGEX] [path of llmctl [path of the golden test]]
"""
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import torch
import transformers as tf
from safetensors.torch import save_file

torch.set_num_threads(1)  # the models are tiny
tf.logging.set_verbosity_error()
tf.utils.logging.disable_progress_bar()
args = sys.argv[1:]
only = ""
if args[:1] == ["--only"]:
    only, args = args[1], args[2:]
llmctl = os.path.abspath(args[0] if args else "./llmctl")
golden = os.path.abspath(args[1] if len(args) > 1 else "build/release/tests/golden/golden")

# Odd sizes on purpose: 5 heads of 12, a vocabulary of 131.
small = dict(vocab_size=131, hidden_size=60, num_hidden_layers=3, num_attention_heads=5,
             intermediate_size=76, max_position_embeddings=64)
even = dict(small, hidden_size=48, num_attention_heads=4)
grouped = dict(even, num_key_value_heads=2)
three = dict(id2label={0: "bad", 1: "fair", 2: 'very "good"'}, label2id={"bad": 0, "fair": 1, 'very "good"': 2})
modern = dict(local_attention=12, pad_token_id=None, bos_token_id=None, eos_token_id=None, cls_token_id=None, sep_token_id=None)
no_special = dict(pad_token_id=None, bos_token_id=None, eos_token_id=None)
bart = dict(vocab_size=131, d_model=48, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=6,
            encoder_ffn_dim=80, decoder_ffn_dim=96, max_position_embeddings=64)
t5 = dict(vocab_size=131, d_model=48, d_kv=8, d_ff=80, num_layers=2, num_heads=6, decoder_start_token_id=0)
moe = dict(grouped, num_experts=5, num_experts_per_tok=2, intermediate_size=72)  # torch wants eights of experts in bf16
mla = dict(even, num_key_value_heads=4, q_lora_rank=20, kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=6,
           moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=2, first_k_dense_replace=1,
           **no_special)


def rope(kind, **more):
    return dict(rope_type=kind, rope_theta=5000.0, **more)


cases = [
    ("gpt2", tf.GPT2Config(vocab_size=131, n_embd=60, n_layer=3, n_head=5, n_positions=64)),
    ("gpt2 options", tf.GPT2Config(vocab_size=131, n_embd=60, n_layer=3, n_head=5, n_positions=64, n_inner=77, tie_word_embeddings=False,
                                   activation_function="relu", scale_attn_by_inverse_layer_idx=True)),
    ("gpt_neo", tf.GPTNeoConfig(vocab_size=131, hidden_size=60, num_layers=4, num_heads=5, max_position_embeddings=64, window_size=7,
                                attention_types=[[["global", "local"], 2]])),
    ("gpt_neox", tf.GPTNeoXConfig(**small, rope_parameters=rope("default", partial_rotary_factor=0.25))),
    ("gpt_neox serial", tf.GPTNeoXConfig(**even, use_parallel_residual=False, tie_word_embeddings=True)),
    ("gpt_neox no bias", tf.GPTNeoXConfig(**even, attention_bias=False, hidden_act="gelu_new")),
    ("llama", tf.LlamaConfig(**grouped, tie_word_embeddings=False)),
    ("llama tied, biases", tf.LlamaConfig(**grouped, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)),
    ("llama wide heads", tf.LlamaConfig(**grouped, head_dim=20, rms_norm_eps=1e-3, hidden_act="gelu")),
    ("llama rope linear", tf.LlamaConfig(**grouped, rope_parameters=rope("linear", factor=3.0))),
    ("llama rope dynamic", tf.LlamaConfig(**dict(grouped, max_position_embeddings=16), rope_parameters=rope("dynamic", factor=3.0))),
    ("llama rope llama3", tf.LlamaConfig(**grouped, rope_parameters=rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                                         original_max_position_embeddings=32))),
    ("llama rope yarn", tf.LlamaConfig(**grouped, rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=16))),
    ("llama rope yarn more", tf.LlamaConfig(**grouped, rope_parameters=rope(
        "yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=16.0, beta_slow=2.0, attention_factor=1.3, truncate=False))),
    ("llama rope longrope", tf.LlamaConfig(**grouped, rope_parameters=rope("longrope", factor=2.0, original_max_position_embeddings=32,
                                                                           short_factor=[1.0, 1.25, 1.5, 2.0, 2.0, 3.0], long_factor=[2.0] * 6))),
    ("mistral", tf.MistralConfig(**grouped, sliding_window=7)),
    ("mistral no window", tf.MistralConfig(**grouped, sliding_window=None)),
    ("qwen2", tf.Qwen2Config(**grouped, tie_word_embeddings=True)),
    ("qwen2 window", tf.Qwen2Config(**grouped, use_sliding_window=True, sliding_window=6, max_window_layers=1)),
    ("qwen3", tf.Qwen3Config(**grouped, head_dim=16, attention_bias=True)),
    ("mixtral", tf.MixtralConfig(**dict(grouped, intermediate_size=72), num_local_experts=5, num_experts_per_tok=2, output_router_logits=True)),
    ("qwen2_moe", tf.Qwen2MoeConfig(**moe, moe_intermediate_size=24, shared_expert_intermediate_size=44)),
    ("qwen2_moe options", tf.Qwen2MoeConfig(**moe, moe_intermediate_size=24, shared_expert_intermediate_size=48, norm_topk_prob=True,
                                            decoder_sparse_step=2, qkv_bias=False)),
    ("qwen3_moe", tf.Qwen3MoeConfig(**moe, moe_intermediate_size=24, mlp_only_layers=[1], norm_topk_prob=True, head_dim=16)),
    ("olmo", tf.OlmoConfig(**grouped, **no_special)),
    ("olmo clip", tf.OlmoConfig(**grouped, **no_special, clip_qkv=0.1)),
    ("olmo2", tf.Olmo2Config(**grouped, **no_special)),
    ("olmo3", tf.Olmo3Config(**dict(grouped, num_hidden_layers=4), **no_special, sliding_window=7, layer_types=[
        "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"])),
    ("olmo3 yarn", tf.Olmo3Config(**dict(grouped, num_hidden_layers=4), **no_special, sliding_window=7, attention_bias=True, rope_parameters=dict(
        sliding_attention=rope("default"), full_attention=rope("yarn", factor=4.0, original_max_position_embeddings=16)))),
    ("smollm3", tf.SmolLM3Config(**dict(grouped, num_hidden_layers=5), **no_special)),
    ("smollm3 options", tf.SmolLM3Config(**grouped, **no_special, no_rope_layers=[0, 1, 0], use_sliding_window=True, sliding_window=7,
                                         attention_bias=True, mlp_bias=True, tie_word_embeddings=False)),
    ("gptj", tf.GPTJConfig(vocab_size=131, n_embd=60, n_layer=3, n_head=5, n_positions=64, rotary_dim=6, **no_special)),
    ("gptj whole head", tf.GPTJConfig(vocab_size=131, n_embd=60, n_layer=3, n_head=5, n_positions=64, rotary_dim=12, n_inner=77, **no_special)),
    ("olmoe", tf.OlmoeConfig(**moe, **no_special)),
    ("olmoe clip", tf.OlmoeConfig(**moe, **no_special, clip_qkv=0.9)),
    ("olmoe options", tf.OlmoeConfig(**moe, **no_special, norm_topk_prob=True, output_router_logits=True, attention_bias=True)),
    ("gpt_oss", tf.GptOssConfig(**dict(grouped, intermediate_size=72), num_local_experts=5, num_experts_per_tok=2, head_dim=16, sliding_window=6, **no_special)),
    ("gpt_oss losses", tf.GptOssConfig(**dict(grouped, intermediate_size=72), num_local_experts=5, num_experts_per_tok=2, head_dim=16,
                                       output_router_logits=True, tie_word_embeddings=True, **no_special)),
    ("qwen3_moe losses", tf.Qwen3MoeConfig(**moe, moe_intermediate_size=24, output_router_logits=True, router_aux_loss_coef=0.02)),
    ("deepseek_v2", tf.DeepseekV2Config(**mla, routed_scaling_factor=1.5, topk_method="greedy")),
    ("deepseek_v2 groups", tf.DeepseekV2Config(**dict(mla, q_lora_rank=None), attention_bias=True, topk_method="group_limited_greedy",
                                               n_group=4, topk_group=2, rms_norm_eps=1e-4)),
    ("deepseek_v3", tf.DeepseekV3Config(**mla, n_group=4, topk_group=2)),
    ("deepseek_v3 options", tf.DeepseekV3Config(
        **dict(mla, q_lora_rank=None), n_group=1, topk_group=1, attention_bias=True, rope_interleave=False, norm_topk_prob=False,
        rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=16, mscale=1.0, mscale_all_dim=1.0))),
    ("granitemoe", tf.GraniteMoeConfig(**dict(grouped, intermediate_size=24), **no_special, num_local_experts=8, num_experts_per_tok=3,
                                       embedding_multiplier=3.0, logits_scaling=4.0, residual_multiplier=0.3, attention_multiplier=0.2)),
    ("granitemoe losses", tf.GraniteMoeConfig(**dict(grouped, intermediate_size=24), **no_special, num_local_experts=8,
                                              num_experts_per_tok=2, attention_bias=True, output_router_logits=True, tie_word_embeddings=True)),
    ("granitemoeshared", tf.GraniteMoeSharedConfig(**dict(grouped, intermediate_size=24), **no_special, num_local_experts=8,
                                                   num_experts_per_tok=3, shared_intermediate_size=40, residual_multiplier=0.3)),
    ("glm4_moe", tf.Glm4MoeConfig(**dict(grouped, num_hidden_layers=4), moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=3,
                                  n_shared_experts=2, use_qk_norm=True, attention_bias=True)),
    ("glm4_moe groups", tf.Glm4MoeConfig(**grouped, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=3, n_group=4,
                                         topk_group=2, norm_topk_prob=False, routed_scaling_factor=2.0, first_k_dense_replace=2)),
    ("dots1", tf.Dots1Config(**dict(grouped, num_hidden_layers=4), **no_special, moe_intermediate_size=24, n_routed_experts=8,
                             num_experts_per_tok=3, n_shared_experts=1, first_k_dense_replace=1, sliding_window=7, max_window_layers=2)),
    ("gemma", tf.GemmaConfig(**grouped, head_dim=16)),
    ("gemma2", tf.Gemma2Config(**grouped, head_dim=16, query_pre_attn_scalar=24, sliding_window=8)),
    ("gemma3", tf.Gemma3TextConfig(**grouped, head_dim=16, query_pre_attn_scalar=16, sliding_window=8,
                                   layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    ("arcee", tf.ArceeConfig(**grouped, **no_special)),
    ("arcee biases", tf.ArceeConfig(**grouped, **no_special, attention_bias=True, mlp_bias=True, head_dim=16)),
    ("seed_oss", tf.SeedOssConfig(**grouped, **no_special, head_dim=16)),
    ("seed_oss biases", tf.SeedOssConfig(**grouped, **no_special, head_dim=16, attention_bias=False, attention_out_bias=True, mlp_bias=True)),
    ("helium", tf.HeliumConfig(**grouped, **no_special, head_dim=12)),
    ("helium biases", tf.HeliumConfig(**grouped, **no_special, head_dim=12, attention_bias=True, mlp_bias=True)),
    ("ernie4_5", tf.Ernie4_5Config(**grouped, **no_special, head_dim=16)),
    ("ernie4_5 biases", tf.Ernie4_5Config(**grouped, **no_special, head_dim=16, use_bias=True, tie_word_embeddings=False)),
    ("glm", tf.GlmConfig(**grouped, **no_special, head_dim=16)),
    ("glm4", tf.Glm4Config(**grouped, **no_special, head_dim=16)),
    ("glm4 no bias", tf.Glm4Config(**grouped, **no_special, head_dim=16, attention_bias=False, tie_word_embeddings=True)),
    ("exaone4", tf.Exaone4Config(**dict(grouped, num_hidden_layers=5), **no_special, sliding_window=7)),
    ("exaone4 no window", tf.Exaone4Config(**grouped, **no_special, sliding_window=None, layer_types=["full_attention"] * 3)),
    ("nemotron", tf.NemotronConfig(**grouped, **no_special)),
    ("nemotron options", tf.NemotronConfig(**grouped, **no_special, head_dim=16, attention_bias=True, mlp_bias=True, tie_word_embeddings=True,
                                           hidden_act="gelu", rope_parameters=rope("default", partial_rotary_factor=0.25))),
    ("xglm", tf.XGLMConfig(vocab_size=131, d_model=48, num_layers=3, attention_heads=4, ffn_dim=76, max_position_embeddings=64)),
    ("phi", tf.PhiConfig(**dict(grouped, hidden_size=64))),
    ("phi3", tf.Phi3Config(**grouped, **no_special)),
    ("phi3 longrope", tf.Phi3Config(**grouped, **no_special, original_max_position_embeddings=32, tie_word_embeddings=True, rope_parameters=rope(
        "longrope", original_max_position_embeddings=32, short_factor=[1.0, 1.25, 1.5, 2.0], long_factor=[2.0] * 4, partial_rotary_factor=0.7))),
    ("phi3 longrope long", tf.Phi3Config(**grouped, **no_special, original_max_position_embeddings=16, rope_parameters=rope(
        "longrope", original_max_position_embeddings=16, short_factor=[1.0] * 6, long_factor=[1.0, 1.5, 2.25, 3.0, 4.0, 8.0], attention_factor=1.2))),
    ("phi3 window", tf.Phi3Config(**grouped, **no_special, sliding_window=7, tie_word_embeddings=True,
                                  rope_parameters=rope("default", partial_rotary_factor=0.5))),
    ("bloom", tf.BloomConfig(vocab_size=131, hidden_size=60, n_layer=3, n_head=5)),
    ("mpt", tf.MptConfig(vocab_size=131, d_model=60, n_layers=3, n_heads=5, max_seq_len=64)),
    ("opt", tf.OPTConfig(**{k: v for k, v in small.items() if k != "intermediate_size"}, ffn_dim=76, word_embed_proj_dim=60)),
    ("opt no bias", tf.OPTConfig(**{k: v for k, v in small.items() if k != "intermediate_size"}, ffn_dim=76, enable_bias=False,
                                 word_embed_proj_dim=60, activation_function="gelu", tie_word_embeddings=False)),
    ("starcoder2", tf.Starcoder2Config(**grouped, **no_special, sliding_window=7)),
    ("starcoder2 no bias", tf.Starcoder2Config(**grouped, **no_special, use_bias=False, tie_word_embeddings=False)),
    ("granite", tf.GraniteConfig(**grouped, **no_special, embedding_multiplier=3.0, logits_scaling=4.0, residual_multiplier=0.3,
                                 attention_multiplier=0.2, attention_bias=True, mlp_bias=True)),
    ("cohere", tf.CohereConfig(**grouped, bos_token_id=None, eos_token_id=None)),
    ("cohere bias", tf.CohereConfig(**grouped, bos_token_id=None, eos_token_id=None, attention_bias=True, logit_scale=0.5)),
    ("cohere head norms", tf.CohereConfig(**grouped, bos_token_id=None, eos_token_id=None, use_qk_norm=True)),
    ("cohere2", tf.Cohere2Config(**dict(grouped, num_hidden_layers=5), bos_token_id=None, eos_token_id=None, sliding_window=7)),
    ("cohere2 options", tf.Cohere2Config(**grouped, **no_special, sliding_window=7, attention_bias=True, logit_scale=0.5, layer_types=[
        "full_attention", "sliding_attention", "full_attention"])),
    ("stablelm", tf.StableLmConfig(**dict(grouped, hidden_size=64), use_qkv_bias=True)),
    ("stablelm parallel", tf.StableLmConfig(**dict(grouped, hidden_size=64), use_parallel_residual=True)),
    ("stablelm head norms", tf.StableLmConfig(**dict(grouped, hidden_size=64), qk_layernorm=True)),
    ("mpt clip", tf.MptConfig(vocab_size=131, d_model=60, n_layers=3, n_heads=5, max_seq_len=64, attn_config=dict(clip_qkv=0.2))),
    ("falcon", tf.FalconConfig(vocab_size=131, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=64,
                               **no_special)),
    ("falcon new", tf.FalconConfig(vocab_size=131, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, num_kv_heads=2,
                                   new_decoder_architecture=True, max_position_embeddings=64, bias=True, **no_special)),
    ("falcon serial", tf.FalconConfig(vocab_size=131, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, multi_query=False,
                                      parallel_attn=False, bias=True, max_position_embeddings=64, **no_special)),
    ("gpt2 classifier", tf.GPT2Config(vocab_size=131, n_embd=60, n_layer=3, n_head=5, n_positions=64, pad_token_id=129, **three),
     tf.GPT2ForSequenceClassification),
    ("gpt_neo classifier", tf.GPTNeoConfig(vocab_size=131, hidden_size=60, num_layers=2, num_heads=5, max_position_embeddings=64, window_size=7,
                                           attention_types=[[["global", "local"], 1]], pad_token_id=129, **three), tf.GPTNeoForSequenceClassification),
    ("gpt_neox classifier", tf.GPTNeoXConfig(**even, pad_token_id=129, **three), tf.GPTNeoXForSequenceClassification),
    ("llama classifier", tf.LlamaConfig(**grouped, pad_token_id=129), tf.LlamaForSequenceClassification),
    ("llama regression", tf.LlamaConfig(**grouped, pad_token_id=129, problem_type="regression", num_labels=3), tf.LlamaForSequenceClassification),
    ("qwen2 reward", tf.Qwen2Config(**grouped, pad_token_id=129, num_labels=1), tf.Qwen2ForSequenceClassification),
    ("qwen3 classifier", tf.Qwen3Config(**grouped, head_dim=16, pad_token_id=129, **three), tf.Qwen3ForSequenceClassification),
    ("mistral classifier", tf.MistralConfig(**grouped, sliding_window=7, pad_token_id=129, **three), tf.MistralForSequenceClassification),
    ("mixtral classifier", tf.MixtralConfig(**dict(grouped, intermediate_size=72), num_local_experts=5, num_experts_per_tok=2,
                                            pad_token_id=129, **three), tf.MixtralForSequenceClassification),
    ("gemma classifier", tf.GemmaConfig(**grouped, head_dim=16, pad_token_id=129, **three), tf.GemmaForSequenceClassification),
    ("phi classifier", tf.PhiConfig(**dict(grouped, hidden_size=64), pad_token_id=129, **three), tf.PhiForSequenceClassification),
    ("phi3 classifier", tf.Phi3Config(**grouped, pad_token_id=129, bos_token_id=None, eos_token_id=None, **three), tf.Phi3ForSequenceClassification),
    ("starcoder2 classifier", tf.Starcoder2Config(**grouped, pad_token_id=129, bos_token_id=None, eos_token_id=None, **three),
     tf.Starcoder2ForSequenceClassification),
    ("stablelm classifier", tf.StableLmConfig(**dict(grouped, hidden_size=64), pad_token_id=129, **three), tf.StableLmForSequenceClassification),
    ("bloom classifier", tf.BloomConfig(vocab_size=131, hidden_size=60, n_layer=3, n_head=5, pad_token_id=129, **three),
     tf.BloomForSequenceClassification),
    ("mpt classifier", tf.MptConfig(vocab_size=131, d_model=60, n_layers=3, n_heads=5, max_seq_len=64, pad_token_id=129, **three),
     tf.MptForSequenceClassification),
    ("opt classifier", tf.OPTConfig(**{k: v for k, v in small.items() if k != "intermediate_size"}, ffn_dim=76, word_embed_proj_dim=60,
                                    pad_token_id=129, **three), tf.OPTForSequenceClassification),
    ("bert classifier", tf.BertConfig(**small, **three), tf.BertForSequenceClassification),
    ("bert regression", tf.BertConfig(**small, num_labels=1), tf.BertForSequenceClassification),
    ("smollm3 classifier", tf.SmolLM3Config(**dict(grouped, num_hidden_layers=5), pad_token_id=129, **three), tf.SmolLM3ForSequenceClassification),
    ("gptj classifier", tf.GPTJConfig(vocab_size=131, n_embd=60, n_layer=3, n_head=5, n_positions=64, rotary_dim=6, pad_token_id=129, **three),
     tf.GPTJForSequenceClassification),
    ("seed_oss classifier", tf.SeedOssConfig(**grouped, head_dim=16, pad_token_id=129, **three), tf.SeedOssForSequenceClassification),
    ("glm4 classifier", tf.Glm4Config(**grouped, head_dim=16, pad_token_id=129, **three), tf.Glm4ForSequenceClassification),
    ("xlm_roberta classifier", tf.XLMRobertaConfig(**small, **three), tf.XLMRobertaForSequenceClassification),
    ("roberta classifier", tf.RobertaConfig(**small, **three), tf.RobertaForSequenceClassification),
    ("distilbert classifier", tf.DistilBertConfig(vocab_size=131, dim=60, n_layers=3, n_heads=5, hidden_dim=76, max_position_embeddings=64),
     tf.DistilBertForSequenceClassification),
    ("electra classifier", tf.ElectraConfig(**small, embedding_size=24, **three), tf.ElectraForSequenceClassification),
    ("rwkv", tf.RwkvConfig(vocab_size=131, hidden_size=48, num_hidden_layers=3, attention_hidden_size=48, intermediate_size=100,
                           context_length=64)),
    ("bert", tf.BertConfig(**small), tf.BertForMaskedLM),
    ("bert untied", tf.BertConfig(**small, tie_word_embeddings=False, hidden_act="relu", type_vocab_size=3), tf.BertForMaskedLM),
    ("bert without head", tf.BertConfig(**small), tf.BertModel),
    ("roberta untied", tf.RobertaConfig(**small, tie_word_embeddings=False), tf.RobertaForMaskedLM),
    ("roberta", tf.RobertaConfig(**small, type_vocab_size=1), tf.RobertaForMaskedLM),
    ("xlm_roberta", tf.XLMRobertaConfig(**small, type_vocab_size=1), tf.XLMRobertaForMaskedLM),
    ("camembert", tf.CamembertConfig(**small, type_vocab_size=1), tf.CamembertForMaskedLM),
    ("modernbert", tf.ModernBertConfig(**dict(even, num_hidden_layers=5), **modern), tf.ModernBertForMaskedLM),
    ("modernbert biases", tf.ModernBertConfig(**even, **modern, norm_bias=True, classifier_bias=True, attention_bias=True, decoder_bias=False,
                                              tie_word_embeddings=False, layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
     tf.ModernBertForMaskedLM),
    ("modernbert without head", tf.ModernBertConfig(**even, **modern), tf.ModernBertModel),
    ("modernbert classifier", tf.ModernBertConfig(**dict(even, num_hidden_layers=4), **modern, **three), tf.ModernBertForSequenceClassification),
    ("modernbert reranker", tf.ModernBertConfig(**dict(even, num_hidden_layers=4), **modern, num_labels=1, classifier_pooling="mean"),
     tf.ModernBertForSequenceClassification),
    ("data2vec_text", tf.Data2VecTextConfig(**small, type_vocab_size=1), tf.Data2VecTextForMaskedLM),
    ("roberta prelayernorm", tf.RobertaPreLayerNormConfig(**small, type_vocab_size=1), tf.RobertaPreLayerNormForMaskedLM),
    ("mpnet", tf.MPNetConfig(**small), tf.MPNetForMaskedLM),
    ("sentence mpnet without head", tf.MPNetConfig(**small), tf.MPNetModel),
    ("sentence bert without head", tf.BertConfig(**small), tf.BertModel),
    ("mpnet without head", tf.MPNetConfig(**small), tf.MPNetModel),
    ("mpnet classifier", tf.MPNetConfig(**small, **three), tf.MPNetForSequenceClassification),
    ("megatron bert", tf.MegatronBertConfig(**small), tf.MegatronBertForMaskedLM),
    ("megatron bert classifier", tf.MegatronBertConfig(**small, **three), tf.MegatronBertForSequenceClassification),
    ("albert", tf.AlbertConfig(**small, embedding_size=24), tf.AlbertForMaskedLM),
    ("albert options", tf.AlbertConfig(**small, embedding_size=72, hidden_act="gelu", tie_word_embeddings=True), tf.AlbertForMaskedLM),
    ("albert without head", tf.AlbertConfig(**small, embedding_size=24), tf.AlbertModel),
    ("albert classifier", tf.AlbertConfig(**small, embedding_size=24, **three), tf.AlbertForSequenceClassification),
    ("distilbert", tf.DistilBertConfig(vocab_size=131, dim=60, n_layers=3, n_heads=5, hidden_dim=76, max_position_embeddings=64),
     tf.DistilBertForMaskedLM),
    ("electra", tf.ElectraConfig(**small, embedding_size=24), tf.ElectraForPreTraining),
    ("electra generator", tf.ElectraConfig(**small, embedding_size=24), tf.ElectraForMaskedLM),
    ("t5", tf.T5Config(**t5, num_decoder_layers=3), tf.T5ForConditionalGeneration),
    ("t5 v1.1", tf.T5Config(**t5, feed_forward_proj="gated-gelu", tie_word_embeddings=False, relative_attention_num_buckets=8,
                            relative_attention_max_distance=20), tf.T5ForConditionalGeneration),
    ("mt5", tf.MT5Config(**t5, feed_forward_proj="gated-gelu"), tf.MT5ForConditionalGeneration),
    ("umt5", tf.UMT5Config(**t5, num_decoder_layers=3, feed_forward_proj="gated-gelu"), tf.UMT5ForConditionalGeneration),
    ("bart", tf.BartConfig(**bart), tf.BartForConditionalGeneration),
    ("bart scaled", tf.BartConfig(**bart, scale_embedding=True, activation_function="relu"), tf.BartForConditionalGeneration),
    ("mbart", tf.MBartConfig(**bart, decoder_start_token_id=3), tf.MBartForConditionalGeneration),
    ("pegasus", tf.PegasusConfig(**bart), tf.PegasusForConditionalGeneration),
    ("m2m_100", tf.M2M100Config(**bart), tf.M2M100ForConditionalGeneration),
    ("m2m_100 unscaled", tf.M2M100Config(**bart, scale_embedding=False, activation_function="gelu"), tf.M2M100ForConditionalGeneration),
    ("blenderbot", tf.BlenderbotConfig(**bart), tf.BlenderbotForConditionalGeneration),
    ("plbart", tf.PLBartConfig(**bart, decoder_start_token_id=3), tf.PLBartForConditionalGeneration),
    ("marian", tf.MarianConfig(**bart, pad_token_id=130, decoder_start_token_id=130, scale_embedding=True), tf.MarianMTModel),
    ("marian two tables", tf.MarianConfig(**bart, pad_token_id=100, decoder_start_token_id=100, decoder_vocab_size=113,
                                          share_encoder_decoder_embeddings=False), tf.MarianMTModel),
]
# (config, model, what the one line must name)
refusals = [
    ("blenderbot small", tf.BlenderbotSmallConfig(**bart), tf.BlenderbotSmallForConditionalGeneration, "blenderbot-small"),
    ("deberta", tf.DebertaV2Config(**small), tf.DebertaV2ForMaskedLM, "deberta"),
    ("albert groups", tf.AlbertConfig(**small, embedding_size=24, num_hidden_groups=3), tf.AlbertForMaskedLM, "num_hidden_groups"),
    ("bert tags", tf.BertConfig(**small), tf.BertForTokenClassification, "BertForTokenClassification"),
    ("bert many labels", tf.BertConfig(**small, problem_type="multi_label_classification"), tf.BertForSequenceClassification,
     "multi_label_classification"),
    ("t5 classifier", tf.T5Config(**t5, num_decoder_layers=1), tf.T5ForSequenceClassification, "T5ForSequenceClassification"),
    ("llama rope partial", tf.LlamaConfig(**grouped, rope_parameters=rope("default", partial_rotary_factor=0.5)), None,
     "partial_rotary_factor"),
    ("phi qk", tf.PhiConfig(**dict(grouped, hidden_size=64), qk_layernorm=True), None, "qk_layernorm"),
    ("modernbert wide biases", tf.ModernBertConfig(**even, **modern, mlp_bias=True), tf.ModernBertForMaskedLM, "mlp_bias"),
    ("opt projected", tf.OPTConfig(**{k: v for k, v in small.items() if k != "intermediate_size"}, ffn_dim=76, word_embed_proj_dim=30),
     None, "word_embed_proj_dim"),
    ("falcon alibi", tf.FalconConfig(vocab_size=131, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, alibi=True, **no_special),
     None, "alibi"),
    ("bloom post", tf.BloomConfig(vocab_size=131, hidden_size=60, n_layer=3, n_head=5, apply_residual_connection_post_layernorm=True), None,
     "apply_residual_connection_post_layernorm"),
    ("deepseek_v2 sparse", tf.DeepseekV2Config(**mla, moe_layer_freq=2), None, "moe_layer_freq"),
    ("gpt2 cross", tf.GPT2Config(vocab_size=131, n_embd=60, n_layer=3, n_head=5, add_cross_attention=True), None, "add_cross_attention"),
]


def randomize(model):
    """Biases and norms that are not all 0 and 1 show transpositions."""
    with torch.no_grad():
        for p in (p for p in model.parameters() if p.requires_grad):
            p.add_(torch.randn_like(p) * 0.05)


def make(config, cls, dtype, dir):
    torch.manual_seed(1)
    model = (cls(config) if cls else tf.AutoModelForCausalLM.from_config(config)).to(dtype).eval()
    randomize(model)
    model.save_pretrained(dir, max_shard_size="20KB")
    # As loaded: .to(bfloat16) above also rounded the rotary frequencies, loading does not.
    return (cls or tf.AutoModelForCausalLM).from_pretrained(dir, dtype="auto").eval()


def inputs(config, cls):
    # Neither padding (1 or 0 in some families, the last ids in others) nor the ids above a small second vocabulary.
    ids = torch.arange(60).reshape(2, 30) * 7 % 97 + 2
    return ids, {"decoder_input_ids": ids[:, :17]} if config.is_encoder_decoder else {}


def older(a, to):
    """The same directory with config.json as transformers 4 wrote it; None where nothing differs."""
    config = json.load(open(a + "/config.json"))
    rp = config.pop("rope_parameters", None)
    if not rp or "rope_type" not in rp:  # by kind of layer: only since 5
        return None
    neox = config["model_type"] == "gpt_neox"
    config["rotary_emb_base" if neox else "rope_theta"] = rp.pop("rope_theta")
    if "partial_rotary_factor" in rp:
        config["rotary_pct" if neox else "partial_rotary_factor"] = rp.pop("partial_rotary_factor")
    rp["type"] = rp.pop("rope_type")
    if rp["type"] != "default":
        config["rope_scaling"] = rp
    shutil.copytree(a, to)
    json.dump(config, open(to + "/config.json", "w"))
    return to


def same_directory(a, b):
    return all(open(os.path.join(a, x), "rb").read() == open(os.path.join(b, x), "rb").read() for x in os.listdir(a))


def train(model, batch):
    """[loss, gradient norm] of ten steps of AdamW."""
    params = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    steps = []
    for _ in range(10):
        opt.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        steps.append([loss.item(), norm.item()])
    return steps


def record(name, config, cls, model, root):
    """A golden case: what transformers makes of the model."""
    if name.endswith("without head"):
        return
    at = os.path.join(root, "models", name.replace(" ", "_").replace(",", ""))
    model.config.architectures = [type(model).__name__]
    model.save_pretrained(at)
    ids, _ = inputs(config, cls)
    labels = ids[:, :17].contiguous() if config.is_encoder_decoder else ids * 5 % 97 + 2 if cls else ids
    if cls is tf.ElectraForPreTraining:
        labels = labels % 2
    scores = cls and "SequenceClassification" in cls.__name__
    if scores:
        regression = config.num_labels == 1 or config.problem_type == "regression"
        labels = torch.tensor([[0.7, -1.1, 0.2], [1.5, 0.4, -0.3]])[:, :config.num_labels] if regression else torch.tensor([2, 0]) % config.num_labels
    more = {}
    if "token_type_ids" in model.forward.__code__.co_varnames and getattr(config, "type_vocab_size", 0) > 1 and cls:
        more["token_type_ids"] = (torch.arange(60).reshape(2, 30) // 7) % 2
    for k, p in model.named_parameters():  # constants, which transformers lets train once they were loaded
        if config.model_type in ("marian", "pegasus") and "embed_positions" in k:
            p.requires_grad_(False)
    shifted = {}
    if config.is_encoder_decoder:  # as most families do it; mBART moves the last token to the front instead
        start = torch.full((2, 1), config.decoder_start_token_id)
        shifted["decoder_input_ids"] = torch.cat([start, labels[:, :-1]], 1)
    out = model(ids, labels=labels, **more, **shifted)
    reward = name.endswith(" reward")  # learns from pairs, of which transformers knows nothing
    train_too = config.model_type != "rwkv" and not reward  # rwkv's training in transformers needs a GPU
    if train_too:
        out.loss.backward()
    save = {"in.input_ids": ids, "in.labels": labels, "logits": out.logits.detach().clone(), "loss": out.loss.detach().clone()}
    if reward:
        save.update({"in.labels": torch.tensor([1, 1])})
        del save["loss"]
    save.update({"in." + k: v for k, v in more.items()})
    # Some call the tied table by its copy's name.
    table = {"lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight", "decoder.weight": "model.embeddings.tok_embeddings.weight"} if config.tie_word_embeddings else {}
    def on_disk(k):  # transformers calls the experts of these by other names than their files
        if config.model_type.startswith("granitemoe"):
            for a, b in (("experts.gate_up_proj", "input_linear.weight"), ("experts.down_proj", "output_linear.weight"),
                         ("router.weight", "router.layer.weight")):
                k = k.replace("block_sparse_moe." + a, "block_sparse_moe." + b)
        return table.get(k, k)
    save.update({"grad." + on_disk(k): p.grad.clone() for k, p in model.named_parameters() if p.grad is not None})
    if train_too:
        json.dump({"adamw_lr1e3_b9_95_wd01_clip1": train(copy.deepcopy(model), dict(input_ids=ids, labels=labels, **more, **shifted))},
                  open(at + "/traj.json", "w"))
    save_file({k: v.clone().contiguous() for k, v in save.items()}, os.path.join(at, "golden.safetensors"))


def check(name, config, cls, dtype, root):
    with tempfile.TemporaryDirectory() as work:
        a, z, b = (os.path.join(work, x) for x in ("a", "m.llmz", "b"))
        model = make(config, cls, dtype, a)
        if name.startswith("sentence"):  # config.json names a head that the file has not
            text = open(a + "/config.json").read()
            open(a + "/config.json", "w").write(text.replace(cls.__name__, cls.__name__.replace("Model", "ForMaskedLM")))
        for src, dst in ((a, z), (z, b)):
            r = subprocess.run([llmctl, "convert", "-q", src, dst, "--max-shard-size", "30K"], capture_output=True, text=True)
            if r.returncode:
                return False, r.stderr.strip()
        old = older(a, os.path.join(work, "old"))
        if old and dtype == torch.float32:
            for src, dst in ((old, work + "/old.llmz"), (work + "/old.llmz", work + "/old_b")):
                r = subprocess.run([llmctl, "convert", "-q", src, dst, "--max-shard-size", "30K"], capture_output=True, text=True)
                if r.returncode:
                    return False, "as transformers 4 wrote it: " + r.stderr.strip()
            if not same_directory(b, work + "/old_b"):
                return False, "config.json of transformers 4 is read as another model"
        back = (cls or tf.AutoModelForCausalLM).from_pretrained(b, dtype="auto").eval()
        if dtype == torch.float32:
            record(name, config, cls, model, root)
    want, got = model.state_dict(), back.state_dict()
    differ = [k for k in want if k not in got or not torch.equal(want[k], got[k])]
    if not config.tie_word_embeddings:  # of an untied head transformers reads the bias beside its weight
        differ = [k for k in differ if k not in ("cls.predictions.bias", "lm_head.bias", "predictions.bias")]
    if name.endswith("without head"):  # its pooler is of no use here and is not kept
        differ = [k for k in differ if not k.startswith("pooler.")]
    ids, more = inputs(config, cls)

    def output(m):
        out = m(ids, **more)
        return out.logits if "logits" in out else out.last_hidden_state
    with torch.no_grad():
        err = (output(model) - output(back)).abs().max().item()
    # The same tensors lie elsewhere in memory, which torch's products of one row show in the last bit.
    return not differ and err <= (1e-6 if dtype == torch.float32 else 0) and back.dtype == dtype, f"{str(dtype)[6:]} back {err:.0e}" + (f" differ {differ[:4]}" if differ else "")


good = True
with tempfile.TemporaryDirectory() as root:
    told = {}
    for name, config, *cls in cases:
        if not re.search(only, name):
            continue
        results = []
        for dtype in (torch.float32, torch.bfloat16):
            try:
                results.append(check(name, config, cls[0] if cls else None, dtype, root))
            except Exception as problem:  # transformers' refusal to load what was written
                results.append((False, f"{type(problem).__name__}: {str(problem)[:200]}"))
        told[name] = [all(ok for ok, _ in results), ", ".join(text for _, text in results)]
    lines = subprocess.run([golden, root], capture_output=True, text=True).stdout.splitlines() if os.path.exists(golden) else []
    ours = {m[2]: (m[1], m[3]) for m in (re.match(r"(\w+) +models/(\S+): (.*)", x) for x in lines) if m}
    for name, (ok, text) in told.items():
        verdict, more = ours.get(name.replace(" ", "_").replace(",", ""), ("none", "not compared with our graph"))
        if verdict == "FAIL" or verdict == "skip" or (verdict == "none" and ok and not name.endswith("without head")):
            ok = False
        good &= ok
        print(f"{'ok  ' if ok else 'FAIL'} {name:21} {text}; {more}")
for name, config, cls, key in refusals:
    if not re.search(only, name):
        continue
    with tempfile.TemporaryDirectory() as work:
        make(config, cls, torch.float32, work + "/a")
        r = subprocess.run([llmctl, "convert", "-q", work + "/a", work + "/m.llmz"], capture_output=True, text=True)
    ok = r.returncode not in (0, 70) and key in r.stderr and r.stderr.count("\n") == 1
    good &= ok
    print(f"{'ok  ' if ok else 'FAIL'} {name:21} refused: {r.stderr.strip()}")
sys.exit(0 if good else 1)
