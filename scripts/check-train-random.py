#!/usr/bin/env python3
"""Compares what `llmctl tokenize train` learns with what others learn from the
same random texts and with the same random options: Hugging Face's tokenizers
(byte pairs of bytes and of characters, whole words), sentencepiece (unigram, byte pairs), rustbpe (byte pairs by value).
Each is needed for its own kinds only, for nothing else.  Vocabularies, merges and
the order of both must be equal, scores as single-precision numbers.

WordPiece, and characters with a prefix or a suffix, are compared with a plain
trainer in this file: Hugging Face's numbers such characters in the order of a hash
table, anew in every run.  Where its byte pairs differ from run to run the case is
left out, and counted.

usage: scripts/check-train-random.py LLMCTL [COUNT [SEED [KIND...]]]
"""
import collections
import contextlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

llmctl = os.path.abspath(sys.argv[1])
count, seed = int(sys.argv[2]) if len(sys.argv) > 2 else 100, int(sys.argv[3]) if len(sys.argv) > 3 else 1
kinds = sys.argv[4:] or ["hf", "splits", "affixes", "rustbpe", "unigram", "sp-bpe", "wordpiece", "word", "like", "like-sp"]

ATOMS = [
    "a b c d e ab ba the The THE of and er ing tion un re ness house houses housing is it's don't".split(),
    "日 本 語 日本 東京 中国 的 是 了 我 你 カ タ カナ ひ ら がな ー 。 、".split(),
    "ก ข ไทย ภาษา สวัสดี ที่ นี้ ครับ ه م سلام שלום привет мир не на γεια नमस्ते हिन्दी".split(),
    "0 1 2 7 12 123 2024 3.14 1,000 0x1F ١٢ １２ ² ½ -5 10:30:59".split(),
    "= == ==== - -- ---- _ ( ) { } [] // /* */ ; : :: -> => += foo_bar camelCase <x> </s> # ## ### \\ ' \"".split(),
    ["\u00e9", "e\u0301", "\ufb01", "\u00a0", "\u3000", "\u200b", "\u00ad", "\ufeff", "\U0001F600", "👨\u200d👩", "\u2581", "\u0130", "\u1e9e", "Å", "\uac00", "각", "ㄱ", "\ufffd", "\x00", "\x7f"],
]
REGEX = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[a-z]+|\d|\s+|[^a-z\d\s]{1,4}": r"[a-z]+|\d|\s+|[^a-z\d\s]{1,4}",
    "none": None,
}


def r(*choices):
    return random.choice(choices)


def flag(p=0.5):
    return random.random() < p


def lines():
    """Texts of one line each, of words that are seen again and again."""
    atoms = [a for group in random.sample(ATOMS, random.randrange(1, 4)) for a in group]
    if flag(0.15):
        atoms = ["a", "b"]  # many ways to the same text
    glue = r("", "", " ", " ", "-")
    words = [glue.join(r(*atoms) for _ in range(random.randrange(1, 5))) for _ in range(random.randrange(3, 120))]
    between = r(" ", " ", " ", "", "  ", "\t", ". ")
    out = []
    for _ in range(random.randrange(3, 80)):
        line = between.join(words[int(len(words) * random.random() ** 2)] for _ in range(random.randrange(1, 25)))
        if flag(0.1):
            line = r(" ", "   ", "") + line + r(" ", "  ", "\t", "")
        if flag(0.05):
            line += r("a", " ", "=", "日", "ab", "1") * random.randrange(1, 60)
        out.append(line)
    out[0] = out[0].lstrip("\ufeff")  # llmctl takes a byte order mark from the front of a file
    return out


class Work:
    """A folder with the text in it, as lines and as documents."""

    def __init__(self, docs):
        self.dir = tempfile.TemporaryDirectory()
        self.docs = docs
        with open(self.path("t.txt"), "w", encoding="utf-8", newline="") as f:
            f.write("".join(d + "\n" for d in docs))
        with open(self.path("t.jsonl"), "w", encoding="utf-8") as f:
            f.write("".join(json.dumps({"text": d}) + "\n" for d in docs))

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def train(self, text, out, *args):
        """The file that is learned, or None and why."""
        p = subprocess.run([llmctl, "tokenize", "train", self.path(text), "-q", "-o", self.path(out), *args],
                           capture_output=True, text=True)
        if p.returncode:
            return None, p.stderr.strip()
        with open(self.path(out), "rb") as f:
            return f.read(), ""


def merges_of(model):
    return [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]


def first_difference(a, b):
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return f"at {i}: {x!r}, wanted {y!r}"
    return f"{len(a)} of them, wanted {len(b)}"


# ---- Hugging Face: bytes ----

def hf_tokenizer(split, norm):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    t = Tokenizer(models.BPE())
    if norm != "identity":
        t.normalizer = getattr(normalizers, norm.upper())()
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    pattern = REGEX[split]
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), level]) if pattern else level
    return t


def hf_learn(work, o):
    from tokenizers import pre_tokenizers, trainers
    t = hf_tokenizer(o["split"], o["norm"])
    more = {"max_token_length": o["max_len"] + 1} if o["max_len"] else {}  # it takes shorter ones only
    t.train_from_iterator(work.docs, trainers.BpeTrainer(vocab_size=o["size"], min_frequency=o["min"], special_tokens=o["special"], show_progress=False,
                                                         initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **more))
    m = json.loads(t.to_str())["model"]
    return sorted(m["vocab"].items(), key=lambda x: x[1]), merges_of(m)


def check_hf():
    work = Work(lines())
    o = dict(split=r(*REGEX), norm=r("identity", "identity", "nfc", "nfkc", "nfd"), size=256 + random.randrange(5, 500), min=r(0, 1, 2, 2, 5),
             special=random.sample(["<|endoftext|>", "<s>", "the"], random.randrange(3)), max_len=r(0, 0, 0, 2, 3, 6))
    want = hf_learn(work, o)
    args = ["--split", o["split"], "--norm", o["norm"], "--vocab-size", str(o["size"]), "--min-freq", str(max(o["min"], 1)), "--max-token-len", str(o["max_len"])]
    for s in o["special"]:
        args += ["--special", s]
    data, why = work.train("t.jsonl", "o.json", *args, *([] if o["special"] else ["--no-special-tokens"]))
    if not data:
        return o, why
    m = json.loads(data)["model"]
    got = sorted(m["vocab"].items(), key=lambda x: x[1]), merges_of(m)
    if got == want:
        return None
    if any(hf_learn(work, o) != want for _ in range(3)):
        return "differs from run to run"
    return o, ("tokens " + first_difference(got[0], want[0])) if got[0] != want[0] else "merges " + first_difference(got[1], want[1])


NAMES = ("cl100k o200k tekken qwen35 deepseek deepseek-coder deepseek-llm falcon kimi-k2 starcoder bloom viking llama-bpe gpt-4o command-r "
         "bailingmoe seed-coder exaone-moe tiny_aya minicpm5 qwen2 llama3").split()


def check_splits():
    """The other names: the steps that the file names are what its words were cut by."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    work = Work(lines())
    name, norm, size = r(*NAMES), r("identity", "identity", "nfc", "nfkd"), 256 + random.randrange(5, 500)
    show = dict(split=name, norm=norm, size=size)
    data, why = work.train("t.jsonl", "o.json", "--split", name, "--norm", norm, "--vocab-size", str(size), "--no-special-tokens")
    if not data:
        return show, why
    learned = json.loads(data)
    got = sorted(learned["model"]["vocab"].items(), key=lambda x: x[1]), merges_of(learned["model"])
    empty = dict(learned, model={"type": "BPE", "vocab": {}, "merges": []})
    def learn():
        t = Tokenizer.from_str(json.dumps(empty))
        t.train_from_iterator(work.docs, trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        m = json.loads(t.to_str())["model"]
        return sorted(m["vocab"].items(), key=lambda x: x[1]), merges_of(m)
    want = learn()
    if got == want:
        return None
    if any(learn() != want for _ in range(3)):
        return "differs from run to run"
    return show, ("tokens " + first_difference(got[0], want[0])) if got[0] != want[0] else "merges " + first_difference(got[1], want[1])


# ---- rustbpe ----

def check_rustbpe():
    import rustbpe
    work = Work(lines())
    split = r("gpt2", "llama3", "qwen2")
    size = 256 + random.randrange(5, 500)
    t = rustbpe.Tokenizer()
    t.train_from_iterator(iter(work.docs), size, pattern=REGEX[split])
    want = sorted((rank, bytes(b)) for b, rank in t.get_mergeable_ranks())
    data, why = work.train("t.jsonl", "o.tiktoken", "--split", split, "--vocab-size", str(size), "--ties", "tiktoken")
    if not data:
        return dict(split=split, size=size), why
    import base64
    got = [(int(rank), base64.b64decode(b)) for b, rank in (line.split() for line in data.decode().splitlines())]
    return None if got == want else (dict(split=split, size=size), first_difference(got, want))


# ---- sentencepiece ----

def spm_pieces(data):
    import sentencepiece
    p = sentencepiece.SentencePieceProcessor(model_proto=data)
    kind = lambda i: "unk" if p.is_unknown(i) else "control" if p.is_control(i) else "byte" if p.is_byte(i) else "user" if not p.get_score(i) and p.IsUserDefined(i) else "piece"
    try:
        return [(p.id_to_piece(i), struct.pack("<f", p.get_score(i) + 0.0), kind(i)) for i in range(p.get_piece_size())]
    except AttributeError:
        return [(p.id_to_piece(i), struct.pack("<f", p.get_score(i) + 0.0), "") for i in range(p.get_piece_size())]


@contextlib.contextmanager
def silent():
    """Also for what libraries print."""
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


def sp_options():
    """Options of spm_train and the same of llmctl."""
    theirs, ours = {}, []

    def both(key, value, *args):
        theirs[key] = value
        ours.extend(args)
    norm = r("identity", "identity", "nmt_nfkc", "nfkc", "nfkc_cf", "nmt_nfkc_cf")
    both("normalization_rule_name", norm, "--norm", norm)
    coverage = r(1.0, 0.9995, 0.9995, 0.99, 0.98)
    both("character_coverage", coverage, "--coverage", str(coverage))
    if flag(0.3):
        n = random.randrange(1, 30)
        both("max_sentencepiece_length", n, "--max-token-len", str(n))
    for key, option, value in (("byte_fallback", "byte-fallback", True), ("split_digits", "digits", True), ("allow_whitespace_only_pieces", "space-pieces", True),
                               ("split_by_unicode_script", "cross-scripts", False), ("split_by_whitespace", "cross-spaces", False),
                               ("remove_extra_whitespaces", "keep-spaces", False), ("split_by_number", "cross-numbers", False),
                               ("add_dummy_prefix", "no-space-first", False)):
        if flag(0.25):
            both(key, value, "--" + option)
    if flag(0.2):
        n = r(20, 60, 4192)
        both("max_sentence_length", n, "--max-sentence", str(n))
    else:
        theirs["max_sentence_length"] = 1 << 30
    if flag(0.3):
        symbols = random.sample(["<a>", "the", "日本", "<|x|>", "ab"], random.randrange(1, 3))
        both("control_symbols", symbols, *[x for s in symbols for x in ("--special", s)])
    if flag(0.3):
        symbols = random.sample(["<u>", "ing", "中", "==", "  ", "▁a"], random.randrange(1, 3))
        both("user_defined_symbols", symbols, *[x for s in symbols for x in ("--user", s)])
    if flag(0.2):
        name, text = r(("unk", "[UNK]"), ("bos", "[CLS]"), ("eos", "[SEP]"), ("bos", "▁the"))
        both(name + "_piece", text, f"--{name}-piece", text)
    if flag(0.3):
        chars = r("xyzé日", "Q", "ab▁")
        both("required_chars", chars, "--required-chars", chars)
    return theirs, ours


def check_sp(kind):
    import sentencepiece
    work = Work(lines())
    theirs, ours = sp_options()
    size = random.randrange(40, 700) + 256 * theirs.get("byte_fallback", False)
    theirs.update(model_type="bpe" if kind == "sp-bpe" else kind, vocab_size=size, hard_vocab_limit=False, num_threads=1, minloglevel=2)
    ours += ["--type", kind, "--vocab-size", str(size)]
    if kind == "unigram":
        if flag(0.3):
            shrink = r(0.5, 0.6, 0.9, 0.95)
            theirs["shrinking_factor"] = shrink
            ours += ["--shrink", str(shrink)]
        if flag(0.3):
            n = r(1000, 1500, 3000)
            theirs["seed_sentencepiece_size"] = n
            ours += ["--seeds", str(n)]
        if flag(0.3):
            n = r(1, 3, 5)
            theirs["num_sub_iterations"] = n
            ours += ["--rounds", str(n)]
        if flag(0.3):
            n = r(2, 3, 5)
            theirs["num_threads"] = n
            ours += ["--lanes", str(n)]
    show = {k: v for k, v in theirs.items() if k != "minloglevel"}
    model = io.BytesIO()
    try:
        with silent():
            sentencepiece.SentencePieceTrainer.train(input=work.path("t.txt"), model_writer=model, **theirs)
        want = spm_pieces(model.getvalue())
    except (RuntimeError, OSError) as e:
        want = str(e)
    data, why = work.train("t.txt", "o.model", *ours)
    if isinstance(want, str):
        return None if not data and "too small" in why or "Vocabulary size is smaller" not in want else (show, f"not refused; {want}")
    if not data:
        return show, why
    got = spm_pieces(data)
    if got == want:
        return None
    if kind == "unigram" and close(got, want):
        return "scores differ in the last digits"
    keep = os.environ.get("KEEP")
    if keep:
        os.makedirs(keep, exist_ok=True)
        for name, content in (("t.txt", "".join(d + "\n" for d in work.docs).encode()), ("want.model", model.getvalue()), ("got.model", data), ("args", " ".join(ours).encode())):
            open(os.path.join(keep, name), "wb").write(content)
    return show, first_difference([g[:1] + struct.unpack("<f", g[1]) + g[2:] for g in got], [g[:1] + struct.unpack("<f", g[1]) + g[2:] for g in want])


def check_like_sp():
    """With the settings that a model of other text says it was trained with."""
    import sentencepiece
    base, work = Work(lines() + [chr(c) for c in range(97, 123)] * 3), Work(lines())
    theirs, _ = sp_options()
    theirs.update(model_type=r("bpe", "unigram"), hard_vocab_limit=False, num_threads=r(1, 1, 3), minloglevel=2)
    if flag(0.3):
        theirs.update(shrinking_factor=r(0.5, 0.9), seed_sentencepiece_size=r(1000, 3000), num_sub_iterations=r(1, 3))
    if flag(0.3):
        theirs.update(unk_surface=" ?? ", pad_id=3)
    size = random.randrange(40, 700) + 256 * theirs.get("byte_fallback", False)
    def learn(w, n):
        model = io.BytesIO()
        with silent():
            sentencepiece.SentencePieceTrainer.train(input=w.path("t.txt"), model_writer=model, vocab_size=n, **theirs)
        return model.getvalue()
    show = dict(theirs, size=size)
    try:
        with open(work.path("like.model"), "wb") as f:
            f.write(learn(base, 700))
        want = learn(work, size)
    except (RuntimeError, OSError):
        return "refused there"
    data, why = work.train("t.txt", "o.model", "--like", work.path("like.model"), "--vocab-size", str(size))
    if not data:
        return show, why
    got, want = spm_pieces(data), spm_pieces(want)
    if got == want:
        again, why = work.train("t.txt", "p.model", "--like", work.path("o.model"), "--vocab-size", str(size))
        return None if again == data else (show, "like what was learned like it: " + (why or "another model"))
    if theirs["model_type"] == "unigram" and close(got, want):
        return "scores differ in the last digits"
    return show, first_difference([g[:1] + struct.unpack("<f", g[1]) + g[2:] for g in got], [g[:1] + struct.unpack("<f", g[1]) + g[2:] for g in want])


def close(got, want):
    """The same pieces, with scores that would be printed alike."""
    if sorted(g[0] for g in got) != sorted(w[0] for w in want):
        return False
    score = {w[0]: struct.unpack("<f", w[1])[0] for w in want}
    return all(abs(struct.unpack("<f", g[1])[0] - score[g[0]]) <= 1e-4 * abs(score[g[0]]) for g in got)


# ---- characters: WordPiece, byte pairs with affixes ----

def merge_characters(counts, special, size, least, prefix, suffix, limit, wanted, max_len=0):
    """Tokens in order, merges: the rules of Hugging Face's trainer, but characters with
    affixes follow the others: with the prefix, the suffix, both, each by code point."""
    def placed(word):
        return [(c, (prefix if i else "") + c + (suffix if i == len(word) - 1 else ""), bool(i and prefix) + 2 * bool(i == len(word) - 1 and suffix))
                for i, c in enumerate(word)]
    total, seen = collections.Counter(), [set(), set(), set(), set()]
    for word, n in counts.items():
        for c, text, way in placed(word):
            total[c] += n
            seen[way].add((c, text))
    for c in wanted:
        total[c] = 1 << 62
    kept = set(sorted(total, key=lambda c: (-total[c], ord(c)))[:limit or None])
    vocab = {}
    for s in special + sorted(kept) + [text for way in seen for c, text in sorted(way) if c in kept]:
        vocab.setdefault(s, len(vocab))
    texts, merges = list(vocab), []
    length = {vocab[text]: 1 for way in seen for c, text in way if c in kept}  # in characters; of a special token once merges make it
    length.update((vocab[c], 1) for c in kept)
    words = [([vocab[text] for c, text, _ in placed(w) if c in kept], n) for w, n in counts.items()]
    while len(vocab) < size:
        pairs = collections.Counter()
        for w, n in words:
            for pair in zip(w, w[1:]):
                if not max_len or length[pair[0]] + length[pair[1]] <= max_len:
                    pairs[pair] += n
        if not pairs:
            break
        (a, b), n = min(pairs.items(), key=lambda x: (-x[1], x[0]))
        if n < max(least, 1):
            break
        text = texts[a] + texts[b].removeprefix(prefix)
        merges.append((texts[a], texts[b]))
        if text not in vocab:
            vocab[text] = len(texts)
            texts.append(text)
        length.setdefault(vocab[text], length[a] + length[b])
        for w, _ in words:
            i = 0
            while i + 1 < len(w):
                if w[i] == a and w[i + 1] == b:
                    w[i:i + 2] = [vocab[text]]
                i += 1
    return texts, merges


def check_wordpiece():
    from tokenizers import normalizers, pre_tokenizers
    work = Work(lines())
    norm = r("bert", "bert-cased", "nfc", "identity")
    n = {"bert": normalizers.BertNormalizer(), "bert-cased": normalizers.BertNormalizer(lowercase=False), "nfc": normalizers.NFC()}.get(norm)
    counts = collections.Counter()
    for d in work.docs:
        counts.update(w for w, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(n.normalize_str(d) if n else d))
    size, least, limit, wanted = random.randrange(60, 500), r(1, 2, 3), r(0, 0, 10, 30), r("", "", "xyz", "日é0")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    show = dict(norm=norm, size=size, min=least, limit=limit, wanted=wanted)
    want = merge_characters(counts, special, size, least, "##", "", limit, wanted)[0]
    data, why = work.train("t.jsonl", "o.json", "--type", "wordpiece", "--norm", norm, "--vocab-size", str(size), "--min-freq", str(least), "--alphabet", str(limit),
                           *(["--required-chars", wanted] if wanted else []))
    if not data:
        return None if "too small" in why and len(want) > size or not counts else (show, why)
    vocab = json.loads(data)["model"]["vocab"]
    got = sorted(vocab, key=vocab.get)
    return None if got == want else (show, first_difference(got, want))


# ---- whole words ----

def check_word():
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
    work = Work(lines())
    norm, split, size, least = r("identity", "nfc", "nfkd", "bert"), r("bert", "whitespace", r"\w+|[^\w\s]+"), random.randrange(3, 300), r(1, 1, 2, 5)
    special = random.sample(["[UNK]", "<unk>"], random.randrange(1, 3)) + r([], ["[PAD]", "<s>"])
    t = Tokenizer(models.WordLevel(unk_token="[UNK]" if "[UNK]" in special else "<unk>"))
    if norm != "identity":
        t.normalizer = normalizers.BertNormalizer() if norm == "bert" else getattr(normalizers, norm.upper())()
    t.pre_tokenizer = {"bert": pre_tokenizers.BertPreTokenizer, "whitespace": pre_tokenizers.WhitespaceSplit}.get(split, lambda: pre_tokenizers.Split(Regex(split), "isolated"))()
    t.train_from_iterator(work.docs, trainers.WordLevelTrainer(vocab_size=size, min_frequency=least, special_tokens=special, show_progress=False))
    want = json.loads(t.to_str())
    show = dict(norm=norm, split=split, size=size, min=least, special=special)
    data, why = work.train("t.jsonl", "o.json", "--type", "word", "--norm", norm, "--split", split, "--vocab-size", str(size), "--min-freq", str(least),
                           *[x for s in special for x in ("--special", s)])
    if not data:
        return None if "too small" in why and size <= len(special) else (show, why)
    got = json.loads(data)
    if got["model"]["unk_token"] != want["model"]["unk_token"]:
        return show, "another unk_token"
    got, want = (sorted(x["model"]["vocab"].items(), key=lambda x: x[1]) for x in (got, want))
    return None if got == want else (show, first_difference(got, want))


# ---- like another tokenizer ----

def base_tokenizer():
    """A small one of any kind, with special tokens in its template and others; and whether two runs of the trainer agree."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    kind, docs = r("bytes", "bytes", "clip", "bert", "words", "metaspace"), lines()
    special = r(["<s>", "</s>", "<pad>", "<unk>"], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    unk, first, last, pad = (special[3], special[0], special[1], special[2]) if len(special) == 4 else (special[1], special[2], special[3], special[0])
    t = Tokenizer({"bert": lambda: models.WordPiece(unk_token=unk), "words": lambda: models.WordLevel(unk_token=unk),
                   "clip": lambda: models.BPE(unk_token=last, end_of_word_suffix="</w>")}.get(kind, lambda: models.BPE(unk_token=r(None, unk)))())
    if flag():
        t.normalizer = r(normalizers.NFC(), normalizers.NFKC(), normalizers.Lowercase(), normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]))
    t.pre_tokenizer = {"bytes": lambda: r(pre_tokenizers.ByteLevel(add_prefix_space=flag()), pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])),
                       "clip": lambda: pre_tokenizers.ByteLevel(add_prefix_space=False), "metaspace": lambda: pre_tokenizers.Metaspace()}.get(
                           kind, lambda: r(pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Whitespace(), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])))()
    t.decoder = {"bert": decoders.WordPiece, "metaspace": decoders.Metaspace}.get(kind, decoders.ByteLevel)()
    trainer = {"bert": trainers.WordPieceTrainer, "words": trainers.WordLevelTrainer}.get(kind, trainers.BpeTrainer)
    t.train_from_iterator(docs, trainer(vocab_size=400, special_tokens=special, show_progress=False))
    if flag(0.3):
        t.add_special_tokens([AddedToken("<|x|>", lstrip=flag(), rstrip=flag(), normalized=flag())])
    if flag(0.3):
        t.add_tokens(["added", AddedToken("<y>", single_word=True)])
    ids = {x: t.token_to_id(x) for x in special}
    t.post_processor = r(processors.BertProcessing((last, ids[last]), (first, ids[first])), processors.RobertaProcessing((last, ids[last]), (first, ids[first])),
                         processors.TemplateProcessing(single=f"{first} $A {last}", pair=f"{first} $A {last} $B:1 {last}:1", special_tokens=[(first, ids[first]), (last, ids[last])]))
    if flag(0.3):
        t.enable_padding(pad_id=ids[pad], pad_token=pad)
    return kind, t


def check_like():
    from transformers import PreTrainedTokenizerFast
    kind, t = base_tokenizer()
    work = Work(lines())
    t.save(work.path("like.json"))
    size, new = random.randrange(5, 500) + (256 if kind in ("bytes", "clip") else 60), r([], [], ["<|new|>"])
    show = dict(kind=kind, size=size, new=new)
    def learn():
        f = PreTrainedTokenizerFast(tokenizer_file=work.path("like.json"))
        return json.loads(f.train_new_from_iterator([[d] for d in work.docs], size, new_special_tokens=new or None).backend_tokenizer.to_str())
    want = learn()
    data, why = work.train("t.jsonl", "o.json", "--like", work.path("like.json"), "--vocab-size", str(size), *[x for s in new for x in ("--special", s)])
    if not data:
        return None if "too small" in why and len(want["model"]["vocab"]) >= size else (show, why)
    got = json.loads(data)
    if want["padding"] and got["padding"]:  # the id is left as it was there
        want["padding"]["pad_id"] = got["padding"]["pad_id"]
    if kind == "clip" or kind == "bert":  # characters inside words are numbered anew in every run there
        for x in (got, want):
            x["model"].pop("merges", None)
            x["model"]["vocab"] = sorted(list(x["model"]["vocab"])[:5])
    if got["model"].get("merges") and got["model"]["merges"] != want["model"]["merges"]:
        for m in (got["model"], want["model"]):
            m["merges"] = merges_of(m)
    bad = [key for key in want if want[key] != got.get(key)]
    if not bad:
        return None
    if bad == ["model"] and any(learn()["model"] != want["model"] for _ in range(3)):
        return "differs from run to run"
    if bad == ["model"]:
        bad = [key for key in want["model"] if want["model"][key] != got["model"].get(key)]
        return show, "model: " + ", ".join(f"{k}: {str(got['model'].get(k))[:200]}, wanted {str(want['model'][k])[:200]}" for k in bad)
    return show, ", ".join(f"{k}: {str(got.get(k))[:300]}, wanted {str(want[k])[:300]}" for k in bad)


def hf_affixes(work, o):
    """The words, and what a run gives: merges, the set of tokens; its tokens in order."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
    t = Tokenizer(models.BPE())
    if o["norm"] != "identity":
        t.normalizer = {"bert": normalizers.BertNormalizer, "nfc": normalizers.NFC}[o["norm"]]()
    splits = {"bert": pre_tokenizers.BertPreTokenizer, "whitespace": pre_tokenizers.WhitespaceSplit, "gpt2": lambda: pre_tokenizers.ByteLevel(add_prefix_space=False),
              r"[a-z]+|\d|\s+|[^a-z\d\s]{1,4}": lambda: pre_tokenizers.Split(Regex(o["split"]), "isolated")}
    t.pre_tokenizer = splits[o["split"]]()
    counts = collections.Counter()
    for d in work.docs:
        counts.update(w for w, _ in t.pre_tokenizer.pre_tokenize_str(t.normalizer.normalize_str(d) if t.normalizer else d))
    more = {key: value for key, value in (("continuing_subword_prefix", o["prefix"]), ("end_of_word_suffix", o["suffix"]), ("limit_alphabet", o["limit"])) if value}
    if o["max_len"]:
        more["max_token_length"] = o["max_len"] + 1
    def learn():
        t.train_from_iterator(work.docs, trainers.BpeTrainer(vocab_size=o["size"], min_frequency=o["min"], special_tokens=o["special"], show_progress=False,
                                                             initial_alphabet=list(o["wanted"]), **more))
        m = json.loads(t.to_str())["model"]
        return (merges_of(m), set(m["vocab"])), sorted(m["vocab"], key=m["vocab"].get)
    return counts, learn


def check_affixes():
    from tokenizers import pre_tokenizers
    work = Work(lines())
    o = dict(prefix=r("", "", "@", "@@"), suffix=r("", "</w>", "</w>", "$"), norm=r("identity", "identity", "nfc", "bert"), split=r("bert", "whitespace", r"[a-z]+|\d|\s+|[^a-z\d\s]{1,4}", "gpt2", "gpt2"),
             size=random.randrange(40, 500), min=r(0, 1, 2, 3), max_len=r(0, 0, 0, 2, 4), special=random.sample(["<unk>", "<s>", "the"], random.randrange(3)), limit=0, wanted="")
    args = []
    if o["split"] == "gpt2":  # bytes
        o.update(wanted="".join(pre_tokenizers.ByteLevel.alphabet()), size=o["size"] + 300, norm=r("identity", "nfc"), prefix=o["prefix"] or (not o["suffix"]) * "@@")
    else:
        o.update(limit=r(0, 0, 10, 30), wanted=r("", "", "xyz", "日é0"))
        args = ["--type", "char-bpe", "--alphabet", str(o["limit"])] + (["--required-chars", o["wanted"]] if o["wanted"] else [])
    counts, learn = hf_affixes(work, o)
    texts, merges = merge_characters(counts, o["special"], o["size"], o["min"], o["prefix"], o["suffix"], o["limit"], o["wanted"], o["max_len"])
    for key, option in (("split", "split"), ("norm", "norm"), ("size", "vocab-size"), ("max_len", "max-token-len"), ("prefix", "prefix"), ("suffix", "suffix")):
        args += ["--" + option, str(o[key])]
    for s in o["special"]:
        args += ["--special", s]
    data, why = work.train("t.jsonl", "o.json", "--min-freq", str(max(o["min"], 1)), *args, *([] if o["special"] else ["--no-special-tokens"]))
    show = {k: v for k, v in o.items() if k != "wanted" or len(v) < 9}
    if not data:
        return None if "too small" in why and len(texts) > o["size"] or not counts else (show, why)
    m = json.loads(data)["model"]
    got, got_merges = sorted(m["vocab"], key=m["vocab"].get), merges_of(m)
    if got != texts or got_merges != merges:
        return show, "tokens " + first_difference(got, texts) + ", merges " + first_difference(got_merges, merges)
    theirs, order = learn()
    if (got_merges, set(got)) == theirs:
        return None
    if order[:len(got) - len(merges)] != got[:len(got) - len(merges)] or any(learn()[0] != theirs for _ in range(9)):
        return "as the plain trainer; HF's number characters otherwise, or differ from run to run"
    return show, "HF: merges " + first_difference(got_merges, theirs[0]) + f", tokens {set(got) ^ theirs[1]}"


checks = {"hf": check_hf, "splits": check_splits, "affixes": check_affixes, "rustbpe": check_rustbpe, "unigram": lambda: check_sp("unigram"), "sp-bpe": lambda: check_sp("sp-bpe"), "wordpiece": check_wordpiece, "word": check_word, "like": check_like, "like-sp": check_like_sp}
bad = 0
for kind in kinds:
    good, notes = 0, collections.Counter()
    for i in range(count):
        random.seed(f"{seed}:{kind}:{i}")
        result = checks[kind]()
        if result is None:
            good += 1
        elif isinstance(result, str):
            notes[result] += 1
        else:
            bad += 1
            print(f"{kind} {seed}:{i} {result[0]}: {result[1]}", flush=True)
    print(f"{kind}: {good} of {count} equal" + "".join(f", {n} {what}" for what, n in notes.items()), flush=True)
sys.exit(bad > 0)
