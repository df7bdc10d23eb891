#!/usr/bin/env python3
"""Tokenizers of others beside ours, in turn, on the same texts with the same vocabularies.

usage: bench-tokenizers.py BUILD_DIR WORK_DIR [--more DIR[:DIR...]] [--mb N] [--kinds bpe,...] [--rounds N]
                           [--large MB] [--only-shards]

llmctl learns a vocabulary of each kind: byte pairs (GPT-2 split; o200k's with 64,000), WordPiece, SentencePiece's
unigram (also as a tokenizer.json with NFKC, which needs sentencepiece) and byte pairs.  Then every program that is
installed and can read it encodes English, other languages and code in documents of up to 64 KiB, each text in a
process of its own, on one thread by processor time: the first pass of that process, the best of later ones,
decoding; on two threads by the clock.  The programs take turns; of the rounds the median counts, since memory that
a machine has not handed out for a while can cost a process as much as its first pass.  --more: directories with
other versions of the Python programs (pip install --target), tokenizers 1.0 beside 0.2x for example.  The last
lines are ratios to the fastest other.
The command `tokenize encode` writes token shards of these texts and of so many MB of other text files of the machine
(--large), beside the encoder alone.
Texts: ../shared/corpus/mixed10.jsonl where it is, C headers and Python's library, this repository's own sources.
"""
import argparse
import collections
import glob
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time

WHAT = "first", "warm", "decode", "two"
DOC = 1 << 16
THREADS = 2
TEXT_FILES = (".py", ".pyi", ".c", ".h", ".hpp", ".js", ".ts", ".css", ".go", ".rs", ".pl", ".pm", ".el", ".sh", ".md", ".rst", ".txt",
              ".html", ".xml", ".json", ".yaml", ".po", ".tex")
GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
KINDS = {"bpe": ("tokenizer.json", ["--type", "bpe", "--split", "gpt2", "--vocab-size", "32000", "--no-special-tokens"]),
         "bpe-o200k": ("o200k.json", ["--type", "bpe", "--split", "o200k", "--vocab-size", "64000", "--no-special-tokens"]),
         "wordpiece": ("wordpiece.json", ["--type", "wordpiece", "--vocab-size", "16000"]),
         "unigram": ("unigram.model", ["--type", "unigram", "--vocab-size", "8000"]),
         "unigram-json": ("unigram.json", []), # that one's pieces in a tokenizer.json, as HF writes it
         "sp-bpe": ("sp-bpe.model", ["--type", "sp-bpe", "--byte-fallback", "--norm", "identity", "--vocab-size", "8000"])}


def write_texts(work, most):
    texts = collections.defaultdict(list)
    corpus = "../shared/corpus/mixed10.jsonl"
    if os.path.exists(corpus):
        for line in open(corpus, encoding="utf-8"):
            d = json.loads(line)
            texts["english" if d.get("lang") == "en" else "languages"].append(d["text"].encode())
    for pattern in ("*/*.[ch]", "core/*/*.[ch]", "/usr/lib/python3*/**/*.py", "/usr/include/*.h", "/usr/include/linux/*.h"):
        for name in sorted(glob.glob(pattern, recursive=True)):
            texts["code"].append(open(name, "rb").read().decode("utf-8", "ignore").encode())
    paths = []
    for name, parts in texts.items():
        path = os.path.join(work, name + ".txt")
        data = b"\n".join(parts)[:most * 1000000]
        open(path, "wb").write(data.decode("utf-8", "ignore").encode())
        paths.append(path)
    return paths


def documents(path):
    data, out, at = open(path, "rb").read(), [], 0
    while at < len(data):
        end = min(len(data), at + DOC)
        cut = data.rfind(b"\n", at, end) + 1 if end < len(data) else end
        end = cut if cut > at else end
        out.append(data[at:end].decode("utf-8", "replace"))
        at = end
    return out


# ---- the others: (encode, decode, encode a list on THREADS, most MB worth waiting for) or None ----

def hf(path):
    from tokenizers import Tokenizer, __version__
    if not path.endswith(".json"):
        return None
    t = Tokenizer.from_file(path)
    slow = __version__.startswith("0.")
    return (lambda d: t.encode(d).ids), (lambda ids: t.decode(ids, skip_special_tokens=False)), \
        t.encode_batch, 2 if slow else 20


def gigatoken(path):
    import gigatoken
    t = gigatoken.Tokenizer(path)
    return t.encode, t.decode, t.encode_batch, 100


def tokie(path):
    import tokie
    t = tokie.Tokenizer.from_json(path) if path.endswith(".json") else tokie.Tokenizer.from_file(path)
    return (lambda d: t.encode(d)), (lambda ids: t.decode(ids)), getattr(t, "encode_batch", None), 20


def tiktoken(path):
    import tiktoken
    if os.path.basename(path) not in ("tokenizer.json", "o200k.json"):
        return None
    from_spelling = {spelling: byte for byte, spelling in enumerate(byte_spellings())}
    whole = json.load(open(path, encoding="utf-8"))
    ranks = {bytes(from_spelling[c] for c in token): rank for token, rank in whole["model"]["vocab"].items()}
    steps = whole["pre_tokenizer"].get("pretokenizers", [])
    regex = steps[0]["pattern"]["Regex"] if steps else GPT2
    t = tiktoken.Encoding("bench", pat_str=regex, mergeable_ranks=ranks, special_tokens={})
    return t.encode_ordinary, t.decode, (lambda docs: t.encode_ordinary_batch(docs, num_threads=THREADS)), 10


def byte_spellings():
    plain = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b]
    rest = [b for b in range(256) if b not in plain]
    return [chr(b) if b in plain else chr(256 + rest.index(b)) for b in range(256)]


def sentencepiece(path):
    import sentencepiece as sp
    if not path.endswith(".model"):
        return None
    t = sp.SentencePieceProcessor(model_file=path)
    return t.encode, t.decode, (lambda docs: t.encode(docs, num_threads=THREADS)), 10


OTHERS = {f.__name__: f for f in (gigatoken, hf, tokie, tiktoken, sentencepiece)}


def measure(name, path, text, threads):
    """In a process of its own, on that many cores: prints a row as JSON."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if not (made := OTHERS[name](path)):
        return
    encode, decode, batch, most = made
    docs, size = [], 0
    for d in documents(text):
        if size < most * 1e6:
            docs.append(d)
            size += len(d.encode())
    if threads > 1:
        print(json.dumps({"two": two_threads(batch, docs, size)}))
        return
    took = []
    for _ in range(4):
        start = time.process_time()
        for d in docs:
            encode(d)
        took.append(time.process_time() - start)
    ids = [encode(d) for d in docs]
    start = time.process_time()
    try:
        for x in ids:
            decode(x)
        back = size / 1e6 / (time.process_time() - start)
    except Exception:
        back = 0
    print(json.dumps({"first": size / 1e6 / took[0], "warm": size / 1e6 / min(took[1:]), "decode": back}))


def two_threads(batch, docs, size):
    """MB/s of the best of later passes, by the clock; 0 where there is no such call."""
    if not batch:
        return 0
    best = 1e9
    for i in range(4):
        start = time.monotonic()
        batch(docs)
        if i:
            best = min(best, time.monotonic() - start)
    return size / 1e6 / best


def run_other(name, more, path, text):
    """A row, or None: one process with one thread, and one with two."""
    row = {}
    for threads, parallel in ((1, "false"), (THREADS, "true")):
        env = dict(os.environ, RAYON_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM=parallel)
        if more:
            env["PYTHONPATH"] = more
        r = subprocess.run([sys.executable, __file__, "--measure", name, path, text, str(threads)], env=env,
                           capture_output=True, text=True)
        for line in r.stdout.splitlines():
            if line.startswith("{"):
                row.update(json.loads(line))
    return row if len(row) == len(WHAT) else None


def run_ours(build, path, text, first):
    """A row; the first time also what the program says of loading and of long words."""
    out = subprocess.run([build + "/tests/bench/bench_tokenizers", path, text], check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        if "first pass" in line:
            words = line.split(": ", 1)[1].replace("MB/s", "").split()
            n = [float(w.strip(",;")) for w in words if w.strip(",;").replace(".", "").isdigit()]
            row = dict(zip(WHAT, (n[2], n[3], n[4], n[6])))
        elif first:
            print("  llmctl: " + line, flush=True)
    return row


def compare(build, path, texts, more, rounds):
    """Prints the medians of all programs; returns ours by the text's name, and lines of ratios to the best other."""
    programs = [("llmctl", None, None)]
    for other in OTHERS:
        for m in [""] + [m for m in more.split(":") if m]:
            if not m or os.path.isdir(os.path.join(m, {"hf": "tokenizers"}.get(other, other))):
                programs.append((other + (" (" + os.path.basename(m.rstrip("/")) + ")" if m else ""), other, m))
    mine, results = {}, []
    for text in texts:
        name, rows = os.path.basename(text), collections.defaultdict(list)
        for k in range(rounds):
            for label, other, m in list(programs):
                row = run_other(other, m, path, text) if other else run_ours(build, path, text, not k and text == texts[0])
                if row:
                    rows[label].append(row)
                else:
                    programs.remove((label, other, m)) # not installed, or it cannot read this kind
        middle = {label: {w: statistics.median(row[w] for row in r) for w in WHAT} for label, r in rows.items()}
        for label, r in middle.items():
            print(f"  {label:13} {name}: first pass {r['first']:.1f}, warm {r['warm']:.1f}, decode {r['decode']:.0f} MB/s; "
                  f"{THREADS} threads {r['two']:.0f} MB/s", flush=True)
        mine[name] = middle.pop("llmctl")
        best = {w: max((r[w] for r in middle.values()), default=0) for w in WHAT}
        if any(best.values()):
            results.append(f"{name}: " + ", ".join(f"{w} {mine[name][w] / best[w]:.2f}x" for w in WHAT if best[w]))
    return mine, results


def learn(build, work, kind, texts):
    """The path of the kind's vocabulary, or None if it cannot be made here."""
    name, options = KINDS[kind]
    path = os.path.join(work, name)
    if os.path.exists(path):
        return path
    if kind != "unigram-json":
        subprocess.run([build + "/llmctl", "tokenize", "train"] + texts + options + ["--threads", "1", "-q", "--out", path],
                       check=True)
        return path
    try:
        import sentencepiece as sp
    except ImportError:
        return None
    m = sp.SentencePieceProcessor(model_file=learn(build, work, "unigram", texts))
    marks = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    quotes = {"type": "Replace", "pattern": {"String": "``"}, "content": '"'}
    json.dump({"version": "1.0", "truncation": None, "padding": None,
               "added_tokens": [{"id": i, "content": m.id_to_piece(i), "single_word": False, "lstrip": False, "rstrip": False,
                                 "normalized": False, "special": True} for i in range(3)],
               "normalizer": {"type": "Sequence", "normalizers": [quotes, {"type": "NFKC"}]}, "pre_tokenizer": marks,
               "post_processor": None, "decoder": marks,
               "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
                         "vocab": [[m.id_to_piece(i), m.get_score(i)] for i in range(m.get_piece_size())]}},
              open(path, "w", encoding="utf-8"))
    return path


def seconds(command):
    start = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - start


def write_documents(path, texts):
    with open(path, "w", encoding="utf-8", buffering=1 << 20) as f:
        for text in texts:
            for d in documents(text):
                f.write(json.dumps({"text": d}, ensure_ascii=False) + "\n")


def write_large(path, texts, most):
    """A line for each text file of this machine, no two the same, behind the texts: words of a corpus, most of which are
    new for long.  True when there were enough for `most` MB."""
    write_documents(path, texts)
    seen = set()
    with open(path, "ab", buffering=1 << 20) as f:
        f.seek(0, os.SEEK_END)
        for root in dict.fromkeys(("/usr/share", "/usr/lib", "/usr/include", sys.prefix)):
            for folder, folders, names in os.walk(root):
                folders.sort()
                for name in sorted(names):
                    if f.tell() >= most * 1000000:
                        return True
                    p = os.path.join(folder, name)
                    if not name.endswith(TEXT_FILES) or os.path.islink(p) or not 50 < os.path.getsize(p) < 3000000:
                        continue
                    data = open(p, "rb").read()
                    if (key := hashlib.sha256(data).digest()) in seen:
                        continue
                    seen.add(key)
                    try:
                        f.write((json.dumps({"id": p, "text": data.decode()}, ensure_ascii=False) + "\n").encode())
                    except UnicodeError:
                        continue
    return False


def first_pass(build, tokenizer, path, threads, *keep):
    """Seconds of the encoder alone, and MB."""
    r = subprocess.run([build + "/tests/bench/bench_shards", tokenizer, path, str(threads), *keep], check=True, capture_output=True,
                       text=True)
    w = r.stdout.replace(":", "").split()
    return float(w[2]), float(w[4])


def shards(build, work, kind, tokenizer, path, rounds):
    """The command from JSONL to a token shard, from start to end, beside the encoder's first pass over the same documents
    in memory on as many threads, by the clock, in turn; beside the same where all ids stay in memory; and what a file of one
    document takes: starting, loading the tokenizer and writing it, which the encoder's time is without."""
    out, one = os.path.join(work, "out.tok"), os.path.join(work, "one.jsonl")
    with open(one, "w", encoding="utf-8") as f:
        f.write('{"text": "one"}\n')
    for threads in range(1, THREADS + 1):
        times = collections.defaultdict(list)
        for _ in range(rounds):
            took, size = first_pass(build, tokenizer, path, threads)
            times["encoder"].append(took)
            times["kept"].append(first_pass(build, tokenizer, path, threads, "keep")[0])
            for name, text in ("fixed", one), ("whole", path):
                if os.path.exists(out):
                    os.unlink(out)
                times[name].append(seconds([build + "/llmctl", "tokenize", "encode", text, "-t", tokenizer,
                                            "--threads", str(threads), "-q", "--out", out]))
        m = {name: statistics.median(t) for name, t in times.items()}
        print(f"{kind}: tokenize encode, {size:.0f} MB of text from JSONL to a shard, {threads} thread(s): {size / m['whole']:.0f} MB/s, "
              f"{m['encoder'] / m['whole']:.2f} of the encoder's first pass (least: {min(times['encoder']) / min(times['whole']):.2f}), "
              f"{m['kept'] / m['whole']:.2f} where that keeps its ids; {m['encoder'] / (m['whole'] - m['fixed']):.2f} without the "
              f"{m['fixed'] * 1000:.1f} ms whatever the size; {(m['whole'] - m['fixed'] - m['encoder']) * 1000 / size:.3f} ms a MB "
              f"beside the encoder", flush=True)
    os.unlink(out)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("work")
    p.add_argument("--more", default=os.environ.get("MORE_TOKENIZERS", ""))
    p.add_argument("--mb", type=int, default=30)
    p.add_argument("--kinds", default=",".join(KINDS))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--large", type=int, default=1000, help="MB of text for token shards, besides the texts; 0: none")
    p.add_argument("--only-shards", action="store_true", help="no comparison with others")
    a = p.parse_args()
    os.makedirs(a.work, exist_ok=True)
    texts = write_texts(a.work, a.mb)
    small, large = (os.path.join(a.work, n) for n in ("shards.jsonl", "large.jsonl"))
    write_documents(small, texts)
    corpora = {small: 7}
    if a.large:
        if not write_large(large, texts, a.large):
            print(f"there is less than {a.large} MB of text on this machine", flush=True)
        corpora[large] = 3
    for kind in a.kinds.split(","):
        path = learn(a.build, a.work, kind, texts)
        if not path:
            continue
        print(f"== {kind}", flush=True)
        results = [] if a.only_shards else compare(a.build, path, texts, a.more, a.rounds)[1]
        for r in results:
            print(f"RESULT {kind} {r} the best other", flush=True)
        if kind in ("bpe", "wordpiece", "unigram"):
            for corpus, rounds in corpora.items():
                shards(a.build, a.work, kind, path, corpus, rounds)
    if a.large:
        os.unlink(large)


if len(sys.argv) == 6 and sys.argv[1] == "--measure":
    measure(*sys.argv[2:5], int(sys.argv[5]))
else:
    main()
