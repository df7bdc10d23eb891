#!/usr/bin/env python3
"""Makes directories in Hugging Face's layout without a tokenizer.json, one or more for each class
that llmctl takes, and compares what transformers makes of them (which must be installed, with
tokenizers, sentencepiece and protobuf) with what `llmctl tokenize convert` does: added tokens with
their flags, and of texts and pairs the ids, offsets, types and the text they come back to.  Classes
that are Python code have no tokenizer.json: `llmctl tokenize encode` and `decode` give their ids and texts,
and once more after a checkpoint was made with them and a directory of it.  sacremoses 0.2.0 must be
installed, too, and fugashi, ipadic and unidic_lite, for those that need them.

usage: scripts/check-classes.py LLMCTL TEXT.txt [CLASS ...]     (as Marian; all of them)
"""
import io
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
warnings.simplefilter("ignore")
import sentencepiece  # noqa: E402
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

llmctl, corpus, *only = sys.argv[1:]
random.seed(3)
extra = ["naïve café über straße 1,000 and 2,345", "日本語のテキスト", "привет мир ЭЮЯ", "don't can't it's", "foo(bar); if (x<=y) { }"]
lines = open(corpus, encoding="utf-8").read().split("\n")[:6000] + extra * 30
texts = ["Hello world!", " leading", "trailing  ", "a  b   c", "", "\n\n x\t y\r\n", "It's 1234567, we'll see... '' `` \"q\"",
         "Été naïve café Ångström ﬁ ½ ①", "日本語のテキスト、한국어 中文", "<s>a</s> <pad><unk>", "[CLS] x [SEP] [MASK]y", "x <mask> y",
         "<|endoftext|>a <|im_start|>", "▁a ▁▁b", "😀👍🏽 \u200b\u00a0x", "ЭЮЯ привет", "UPPER lower MiXeD", "don't  stop",
         "<extra_id_0> z <extra_id_99>", "e\u0301 ñ", "x" * 50, "\u3000x\u2028y", "a\u00adb", "1,000,000.50", "http://x.y/z?a=b&c=d",
         "foo(bar); // baz\n\tif (x<=y) { }", "<ent>a<ent2> [QUESTION].", "▁<PRE> a ▁<SUF>b"]
words = [w for t in texts for w in t.split(" ")]
texts += ["".join(random.choice([" ", "  ", "\n", "\t", ""]) + random.choice(words) for _ in range(random.randint(1, 7))) for _ in range(250)]

signs = list(" .,'\"`()[]{}<>!?:;%-_&|*+=/\\@#~^\n\t\x01\x1c\u00a0\u2028«»„“”‘’–—…。．，（）！？「」～０９²") + ["''", "...", ".'", "Mr.", "z.B.", "No. 5", "ABΣ", "İx", "日本", "か\uff9e", "゛", "ﾊ", "=\u0338", "가", "각\u11a8", "e\u0301", "Ʉ"]
marks = ["".join(random.choice(signs + words) for _ in range(random.randint(2, 20))) for _ in range(150)]
marks = [x for x in marks if x.strip()]


def pieces(**k):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, minloglevel=2, **k)
    return out.getvalue()


def wordpiece(lower):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=lower), pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=1500, special_tokens=special, show_progress=False))
    return "".join(w + "\n" for w, _ in sorted(t.get_vocab().items(), key=lambda x: x[1]))


def pairs(special, suffix=None):
    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix=suffix) if suffix else models.BPE())
    if suffix:
        t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    else:
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    more = {"end_of_word_suffix": suffix} if suffix else {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}
    t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=1500, special_tokens=special, show_progress=False, **more))
    model = json.loads(t.to_str())["model"]
    return {"vocab.json": json.dumps(model["vocab"]), "merges.txt": "#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in model["merges"])}


def names(model):
    p = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [p.id_to_piece(i) for i in range(len(p))]


def ids(*lists):
    """A vocab.json of these texts in their order."""
    return json.dumps({t: i for i, t in enumerate(dict.fromkeys(t for v in lists for t in v))})


def token(text, **more):
    return dict({"content": text, "special": True, "normalized": False, "lstrip": False, "rstrip": False, "single_word": False}, **more)


def cases():
    low, cased, g = wordpiece(True), wordpiece(False), pairs(["<|endoftext|>"])
    r, w = pairs(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]), pairs(["<unk>"], "</w>")
    raw = dict(normalization_rule_name="identity", remove_extra_whitespaces=False)
    uni, t5 = pieces(vocab_size=1500), pieces(vocab_size=1500, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    bpe, nllb = pieces(vocab_size=2000, model_type="bpe", byte_fallback=True, **raw), pieces(vocab_size=2000, model_type="bpe")
    albert = pieces(vocab_size=1500, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"])
    deberta = pieces(vocab_size=1500, pad_id=0, pad_piece="[PAD]", bos_id=1, bos_piece="[CLS]", eos_id=2, eos_piece="[SEP]", unk_id=3, unk_piece="[UNK]")
    xlnet = pieces(vocab_size=1500, unk_id=0, bos_id=1, eos_id=2, control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"])
    gemma = pieces(vocab_size=2000, model_type="bpe", byte_fallback=True, add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>",
                   eos_piece="<eos>", bos_piece="<bos>", user_defined_symbols=["<mask>", "\t", "  "], **raw)
    n = len(json.loads(g["vocab.json"]))
    speech = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|de|>", "<|es|>", "<|translate|>", "<|transcribe|>", "<|notimestamps|>"]
    listed = {"added_tokens_decoder": {str(n + i): token(t) for i, t in enumerate(speech)}}
    bare = dict(g, **{"vocab.json": g["vocab.json"].replace('"<|endoftext|>"', '""', 1)})
    mask = {"mask_token": token("<mask>", __type="AddedToken", lstrip=True, normalized=True)}
    yield from ((c, {"vocab.txt": low}, {}) for c in "Bert DistilBert Electra LayoutLM LayoutLMv2 Splinter".split())
    yield "Bert", {"vocab.txt": cased}, {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}
    yield "MPNet", {"vocab.txt": "<s>\n<pad>\n</s>\n" + low + "<mask>\n"}, {}
    yield "Funnel", {"vocab.txt": "<pad>\n<unk>\n<cls>\n<sep>\n<mask>\n" + low}, {}
    yield from ((c, g, k) for c in "GPT2 GPTNeoX Qwen2 CodeGen".split() for k in ({}, {"add_prefix_space": True, "add_bos_token": True, "pad_token": "<pad>"}))
    yield from ((c, r, k) for c in "Roberta Bart LayoutLMv3 Luke Blenderbot MarkupLM".split()
                for k in ({"tags_dict": {}}, dict(mask, tags_dict={}, add_prefix_space=True, additional_special_tokens=["<a>"])))
    yield "Deberta", pairs(["[CLS]", "[SEP]", "[UNK]", "[PAD]", "[MASK]"]), {}
    yield "CLIP", pairs(["<|startoftext|>", "<|endoftext|>"]), {}
    yield "OpenAIGPT", w, {}
    yield "Whisper", g, {}
    yield "Whisper", bare, dict(listed, language="Castilian", task="transcribe")
    yield "Whisper", bare, dict(listed, language="de", task="translate", predict_timestamps=True)
    yield from ((c, {"spiece.model": t5}, k) for c in ("T5", "Udop") for k in ({}, {"additional_special_tokens": ["<extra_id_%d>" % i for i in range(100)]}))
    yield "Pegasus", {"spiece.model": t5}, {}
    yield from ((c, {"sentencepiece.bpe.model": uni}, {}) for c in "XLMRoberta Camembert MBart MBart50 LayoutXLM".split())
    yield from ((c, {"sentencepiece.bpe.model": uni}, {"src_lang": "fr_XX", "tgt_lang": "ro_RO"}) for c in ("MBart", "MBart50"))
    yield "Nllb", {"sentencepiece.bpe.model": nllb}, {"additional_special_tokens": ["eng_Latn", "fra_Latn"], "tgt_lang": "fra_Latn", "legacy_behaviour": True}
    for k in ({}, {"src_lang": "fra", "extra_special_tokens": ["__eng__", "__fra__"]}):
        yield "SeamlessM4T", {"sentencepiece.bpe.model": nllb}, k
    yield from ((c, {"spiece.model": m}, {}) for c, m in (("Albert", albert), ("BigBird", uni), ("XLNet", xlnet), ("Reformer", nllb)))
    yield "RemBert", {"sentencepiece.model": albert}, {}
    yield "DebertaV2", {"spm.model": deberta}, {"do_lower_case": True, "split_by_punct": True}
    yield "Nllb", {"sentencepiece.bpe.model": nllb}, {"additional_special_tokens": ["eng_Latn", "fra_Latn"], "src_lang": "fra_Latn"}
    yield from (("ByT5", {}, k) for k in ({}, {"extra_ids": 3, "additional_special_tokens": ["<extra_id_%d>" % i for i in range(3)], "eos_token": token("</s>", __type="AddedToken"), "pad_token": "<pad>"}))
    yield from (("Perceiver", {}, k) for k in ({}, {"additional_special_tokens": ["<x>"], "cls_token": "[C]", "pad_token": token("[PAD]", __type="AddedToken")}))
    yield "XGLM", {"tokenizer.model": uni}, {}
    yield from ((c, {"tokenizer.model": bpe}, k) for c in ("Llama", "CodeLlama") for k in ({}, {"add_prefix_space": False}, {"legacy": True, "add_eos_token": True}))
    yield "Gemma", {"tokenizer.model": gemma}, {"add_bos_token": True}


def pythonic():
    """Classes that are Python code."""
    raw = dict(normalization_rule_name="identity", remove_extra_whitespaces=False)
    few = dict(vocab_size=1200, character_coverage=0.985)
    source, target, byte_pairs = pieces(**few), pieces(vocab_size=1500), pieces(vocab_size=1500, model_type="bpe", **raw)
    user = pieces(vocab_size=1500, user_defined_symbols=["<sep>", "foo", "<mask>"], byte_fallback=True)
    both = ids(["</s>", "<unk>"], names(source), names(target), [">>fra<<", ">>x y<<", "<pad>"])
    fair = ["<s>", "<pad>", "</s>", "<unk>"]
    files = {"source.spm": source, "target.spm": target, "vocab.json": both}
    yield "Marian", files, {"source_lang": "en", "target_lang": "fr"}
    yield "Marian", dict(files, **{"source.spm": byte_pairs}), {"additional_special_tokens": ["<extra>", ">>fra<<"]}
    yield "Marian", dict(files, **{"source.spm": user, "vocab.json": ids(["</s>", "<unk>"], names(user)[::2], ["<pad>"])}), {"pad_token": "<none>", "sep_token": "<sep>"}
    n = len(json.loads(both))
    yield "Marian", files, {"added_tokens_decoder": {"0": token("</s>"), "1": token("<unk>"), str(n - 1): token("<pad>"), str(n): token("café", lstrip=True, rstrip=True, special=False),
                                                     str(n + 5): token("<far>")}}
    m2m = {"sentencepiece.bpe.model": source, "vocab.json": ids(fair, names(source)[3:])}
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as codes
    yield "M2M100", m2m, {"tgt_lang": "ja"}
    yield "M2M100", dict(m2m, **{"special_tokens_map.json": json.dumps({"additional_special_tokens": [f"__{x}__" for x in codes["m2m100"]]})}), {"src_lang": "fr", "tgt_lang": "de"}
    yield "M2M100", dict(m2m, **{"vocab.json": ids(fair, names(source)[3:900])}), {"language_codes": "wmt21", "src_lang": "is", "tgt_lang": "ha"}
    yield "Speech2Text", {"sentencepiece.bpe.model": target, "vocab.json": ids(fair, names(target)[3:])}, {}
    char = pieces(vocab_size=150, model_type="char", pad_id=1, bos_id=0, eos_id=2, unk_id=3, hard_vocab_limit=False)
    yield "SpeechT5", {"spm_char.model": char}, {"additional_special_tokens": ["<mask>", "<ctc_blank>"]}
    yield "BertGeneration", {"spiece.model": target}, {}
    yield "BertGeneration", {"spiece.model": user}, {"bos_token": "<sep>", "sep_token": "<new>"}
    yield "Siglip", {"spiece.model": pieces(vocab_size=1500, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)}, {}
    yield "Siglip", {"spiece.model": target}, {"do_lower_case": False, "added_tokens_decoder": {str(i): token(x, lstrip=True, rstrip=True) for i, x in ((0, "<unk>"), (2, "</s>"))}, "additional_special_tokens": ["<new>"]}
    sw3 = pieces(vocab_size=1500, model_type="bpe", byte_fallback=True, user_defined_symbols=["<|endoftext|>", "<|javascript|>"], **raw)
    yield "GPTSw3", {"spiece.model": sw3}, {}
    yield from (("PLBart", {"sentencepiece.bpe.model": target}, k) for k in ({}, {"src_lang": "python", "tgt_lang": "en_XX"}))


    text = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    text.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    text.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=3000, special_tokens=["<unk>"], show_progress=False, limit_alphabet=90))
    model = json.loads(text.to_str())["model"]
    words = [w[:-4] if w.endswith("</w>") else w + "@@" for w in model["vocab"]][1:]
    some = list(dict.fromkeys(words[::3] + words[1::3] + ["日", "é@@", "▁", "<x>", "@@@", "new line"]))
    codes = "".join(f"{a} {b} {i}\n" for i, (a, b) in enumerate(model["merges"] + model["merges"][100:120]))
    counted = {"vocab.txt": "".join(f"{w} {i}\n" for i, w in enumerate(some)), "bpe.codes": codes}
    yield "Phobert", counted, {}
    yield "Phobert", dict(counted, **{"bpe.codes": codes[:-1]}), {"mask_token": "<x>", "additional_special_tokens": ["<mask>"]}
    yield "Bertweet", counted, {"normalization": False}
    yield "Bartpho", {"sentencepiece.bpe.model": target, "dict.txt": "".join(f"{w} {i}\n" for i, w in enumerate(dict.fromkeys(names(target)[3::2] + ["日", "語x"])))}, {}
    special = ["<s>", "</s>", "<pad>", "<unk>", *(f"<special{i}>" for i in range(10))]
    merges = "".join(f"{a} {b} {i}\n" for i, (a, b) in enumerate(model["merges"]))
    suffixed = {"vocab.json": ids(special, list(model["vocab"])[::2], list(model["vocab"])[1::4]), "merges.txt": merges}
    yield "XLM", suffixed, {}
    yield "XLM", dict(suffixed, **{"merges.txt": "#version: 0.2\n" + merges[:-1]}), {"do_lowercase_and_remove_accent": False, "additional_special_tokens": ["<special3>", "<new>"]}
    yield "Flaubert", suffixed, {}
    yield "Flaubert", suffixed, {"do_lowercase": True, "lang2id": {"fr": 0}, "id2lang": {"0": "fr"}}
    yield "FSMT", {"vocab-src.json": suffixed["vocab.json"], "merges.txt": merges, "vocab-tgt.json": suffixed["vocab.json"]}, {"langs": ["fr", "en"]}
    yield "BioGpt", dict(suffixed, **{"vocab.json": ids(special[:4], model["vocab"])}), {}
    fsmt = {"vocab-src.json": suffixed["vocab.json"], "merges.txt": merges}
    yield "FSMT", dict(fsmt, **{"vocab-tgt.json": suffixed["vocab.json"]}), {"langs": ["en", "de"]}
    yield "FSMT", dict(fsmt, **{"vocab-tgt.json": ids(special, list(model["vocab"])[::-3])}), {"langs": ["de", "en"], "do_lower_case": True}
    yield "FSMT", dict(fsmt, **{"vocab-tgt.json": ids(special, list(model["vocab"]), ["more</w>", "ru@"])}), {"langs": ["ru", "tr"]}
    small = ["__null__", "__start__", "__end__", "__unk__", "__newln__"]
    yield "BlenderbotSmall", {"vocab.json": ids(small, [w.lower() for w in words]), "merges.txt": "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in model["merges"])}, {}
    low, cased = wordpiece(True), wordpiece(False)
    yield "ProphetNet", {"prophetnet.tokenizer": low + "[X_SEP]\n"}, {}
    yield "ProphetNet", {"prophetnet.tokenizer": cased + "É\n"}, {"do_lower_case": False, "tokenize_chinese_chars": False, "strip_accents": True, "x_sep_token": None}
    yield "ProphetNet", {"prophetnet.tokenizer": cased}, {"do_basic_tokenize": False}
    beside = ids(["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"])
    for k in ({}, {"do_lower_case": False, "strip_accents": True}, {"do_basic_tokenize": False}):
        yield "RoCBert", {"vocab.txt": low, "word_shape.json": beside, "word_pronunciation.json": beside}, k
    yield "BertJapanese", {"vocab.txt": cased}, {}
    yield "BertJapanese", {"vocab.txt": low}, {"do_lower_case": True, "word_tokenizer_type": "basic"}
    kana = "".join(x + "\n" for x in dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"日本語テキスのト。、かがハッabcexoHmÉé ゙゛!≠=ΣΕ1½◌가각", "##a", "ab"]))
    for k in ({}, {"do_lower_case": True}, {"word_tokenizer_type": "mecab"}, {"word_tokenizer_type": "mecab", "mecab_kwargs": {"mecab_dic": "ipadic"}}):
        yield "BertJapanese", {"vocab.txt": kana}, dict(k, subword_tokenizer_type="character")
    yield "Mgpstr", {"vocab.json": ids(["[GO]", "[s]"], list("0123456789abcdefghijklmnopqrstuvwxyz #"))}, {}
    letters = list("|ABCDEFGHIJKLMNOPQRSTUVWXYZ'.é日")
    yield "Wav2Vec2CTC", {"vocab.json": ids(["<pad>", "<s>", "</s>", "<unk>"], letters)}, {}
    yield "Wav2Vec2CTC", {"vocab.json": ids(letters, ["[UNK]", "[PAD]"])}, {
        "unk_token": "[UNK]", "pad_token": "[PAD]", "do_lower_case": True, "replace_word_delimiter_char": "_", "added_tokens_decoder": {
            **{str(len(letters) + i): token(x, lstrip=True, rstrip=True, special=False) for i, x in enumerate(["[UNK]", "[PAD]"])},
            **{str(len(letters) + 2 + i): token(x) for i, x in enumerate(["<s>", "</s>"])}}}
    nested = {"eng": json.loads(ids(["<pad>", "<s>", "</s>", "<unk>"], [" ", "ch", "Hello", "</x>", "▁"], letters, ["a", "e", "Σ", "ς", "İ"])), "fra": {"x": 0}}
    yield "Wav2Vec2CTC", {"vocab.json": json.dumps(nested)}, {"target_lang": "eng", "do_lower_case": True, "extra_special_tokens": ["<x>", "e"]}
    yield "Wav2Vec2CTC", {"vocab.json": json.dumps(nested)}, {"target_lang": "eng", "pad_token": "ch"}
    yield "Wav2Vec2CTC", {"vocab.json": json.dumps(nested)}, {"target_lang": "eng", "pad_token": None, "sep_token": "a"}
    yield "CTRL", {"vocab.json": ids(some, ["<unk>"]), "merges.txt": "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in model["merges"])}, {}


def flags(t):
    return {i: (x.content, x.special, x.lstrip, x.rstrip, x.single_word) for i, x in t.get_added_tokens_decoder().items()}


def differences(theirs, ours):
    if flags(theirs) != flags(ours):
        yield "added tokens"
    for i, x in enumerate(texts):
        for y in (None, texts[i - 1]):
            a, b = theirs.encode(x, y), ours.encode(x, y)
            if (a.ids, a.offsets, a.type_ids) != (b.ids, b.offsets, b.type_ids) or theirs.decode(a.ids, False) != ours.decode(b.ids, False):
                yield f"{x[:60]!r}: {a.tokens[:12]} {b.tokens[:12]}"


def plain_differences(theirs, ours):
    """Of a class without the tokenizers library: ids, types, and the text of them."""
    for i, x in enumerate(texts):
        for y in (None, texts[i - 1]):
            if any(z and z.rstrip().endswith("</s>") for z in (x, y)):
                continue  # gets no second one there
            a, b = theirs(x, y), ours.encode(x, y)
            said = theirs.decode(a["input_ids"], skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if a["input_ids"] != b.ids or said != ours.decode(b.ids, True):
                yield f"{x[:60]!r}: {a['input_ids'][:12]} {b.ids[:12]} {said[:40]!r} {ours.decode(b.ids, True)[:40]!r}"


def lines_of(folder, command, rows):
    """What a command gives for these rows, which are objects, as they are."""
    text = "".join(json.dumps(r) + "\n" for r in rows)
    out = subprocess.run([llmctl, "tokenize", *command, "-t", folder, "--jsonl", "-q", "--threads", "1"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(x) for x in out.decode().split("\n")[:-1]]


def once(ids, token):
    """Runs of a token made one."""
    return [x for i, x in enumerate(ids) if x != token or ids[i - 1 : i] != [token]]


def spoken_differences(theirs, folder, target):
    """Of a class that has no tokenizer.json.  target: it treats translations in another way."""
    some = [x for x in texts if x] + marks + [">>fra<< x", ">>x y<<y", ">>no<<", "a >>fra<<", "<extra> <none>café <far>foo <sep>b", "<ctc_blank>a<mask> b", "__en__ a __java__ b", ">><<a<mask>"]
    for flags in ([], ["--target"] if target else []):
        for pair in (False, True):
            rows = [{"text": x, "pair": some[i - 1]} for i, x in enumerate(some)]
            ours = lines_of(folder, ["encode", "--template", "--allow-special", *flags, *(["--pair-field", "pair"] if pair else [])], rows)
            if flags:
                wants = [theirs(text_target=r["text"])["input_ids"] for r in rows] if not pair else []
            else:
                wants = [theirs(r["text"], r["pair"] if pair else None)["input_ids"] for r in rows]
            siglip = type(theirs).__name__ == "SiglipTokenizer"
            for r, want, have in zip(rows, wants, ours):
                if siglip:  # where the text's last token is one there comes no second one
                    want, have["ids"] = once(want, theirs.eos_token_id), once(have["ids"], theirs.eos_token_id)
                if want != have["ids"]:
                    yield f"{flags} {pair} {r['text'][:60]!r}: {theirs.convert_ids_to_tokens(want)[:14]} {have['tokens'][:14]}"
            if type(theirs).__name__ == "Wav2Vec2CTCTokenizer":  # and what a speech model says
                rows, wants = rows * 2, wants + [random.choices(random.sample(range(len(theirs)), 4), k=30) for _ in wants]
            for skip in (False, True):
                said = lines_of(folder, ["decode"] + ["--skip-special"] * skip, [{"ids": x} for x in wants])
                for r, want, have in zip(rows, wants, said):
                    t = super(type(theirs), theirs).decode if type(theirs).__name__ == "PLBartTokenizer" else theirs.decode
                    if t(want, skip_special_tokens=skip, clean_up_tokenization_spaces=False) != have["text"]:
                        yield f"{flags} {pair} {skip} {r['text'][:60]!r}: {t(want, skip_special_tokens=skip)[:60]!r} {have['text'][:60]!r}"


def target_differences(theirs, folder):
    """Of translations, for a class that has a tokenizer.json."""
    some = [x for x in texts if x]
    ours = lines_of(folder, ["encode", "--template", "--allow-special", "--target"], [{"text": x} for x in some])
    for x, have in zip(some, ours):
        want = theirs(text_target=x)["input_ids"]
        if want != have["ids"]:
            yield f"--target {x[:60]!r}: {want[:12]} {have['ids'][:12]}"


def again_differences(folder, work):
    """Whether a directory that a checkpoint came back to is the same tokenizer."""
    text, run, back = (os.path.join(work, x) for x in ("some.txt", "run", "back"))
    with open(text, "w", encoding="utf-8") as f:
        f.write("".join(x.replace("\n", " ") + "\n" for x in texts))
    for x in (run, back):
        shutil.rmtree(x, ignore_errors=True)
    subprocess.run([llmctl, "pretrain", text, "-t", folder, "--preset", "gpt2-nano", "--steps", "1", "--batch", "1", "--max-length", "16", "--sample-every", "0",
                    "--out", run, "-q"], check=True)
    subprocess.run([llmctl, "convert", run, back, "-q"], check=True)
    rows = [{"text": x} for x in texts if x]
    a, b = (lines_of(x, ["encode", "--template", "--allow-special"], rows) for x in (folder, back))
    if a != b:
        yield "another tokenizer comes back from a checkpoint"
    a, b = (lines_of(x, ["decode"], [{"ids": y["ids"]} for y in a]) for x in (folder, back))
    if a != b:
        yield "another decoder comes back from a checkpoint"


def made_differences(theirs, folder):
    written = os.path.join(folder, "written.json")
    subprocess.run([llmctl, "tokenize", "convert", folder, "-o", written, "-q"], check=True)
    ours = Tokenizer.from_file(written)
    seamless = type(theirs).__name__ == "SeamlessM4TTokenizer"
    if seamless:
        theirs("x")  # which makes its template that of what is translated
    found = list(differences(theirs.backend_tokenizer, ours) if theirs.is_fast else plain_differences(theirs, ours))
    return found + (list(target_differences(theirs, folder)) if hasattr(theirs, "tgt_lang") and not seamless else [])


def main():
    bad = count = 0
    with tempfile.TemporaryDirectory() as work:
        plain = list(x for x in pythonic() if not only or x[0] in only)
        rest = (x for x in cases() if not only or x[0] in only)
        for count, (name, files, config) in enumerate(itertools.chain(plain, rest), 1):
            folder = os.path.join(work, f"{count}-{name}")
            os.mkdir(folder)
            for file, content in dict(files, **{"tokenizer_config.json": json.dumps(dict(config, tokenizer_class=name + "Tokenizer"))}).items():
                with open(os.path.join(folder, file), "wb") as f:
                    f.write(content if isinstance(content, bytes) else content.encode())
            theirs = AutoTokenizer.from_pretrained(folder)
            target = name in ("Marian", "M2M100") or (name == "PLBart" and "tgt_lang" in config)
            if count <= len(plain):
                found = list(spoken_differences(theirs, folder, target)) + list(again_differences(folder, work))
            else:
                found = made_differences(theirs, folder)
            if found:
                bad += 1
                print(f"{name} {config}: {len(found)} differ", *found[:3], sep="\n    ")
    print(f"{count} directories, {2 * len(texts)} texts and pairs each, {bad} differ")
    return 1 if bad else 0


sys.exit(main())
