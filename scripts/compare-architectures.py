#!/usr/bin/env python3
"""Small models of every kind on one text: see compare-architectures.sh.

Every run is an `llmctl pretrain` with a model description made here; its result
is what --json printed.  As many runs as there are cores go on at a time, each on
one thread: small models do not share their work well, and no result depends on
it.  Only the standard library is used.
"""
import argparse
import concurrent.futures
import json
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import threading
import time

SEEDS = (1, 2, 3)
STOPPED = 75  # llmctl's status when a signal stopped it and all is saved


class Failure(Exception):
    def __init__(self, what, status=1):
        super().__init__(what)
        self.status = status


def in_turn(fn, items):
    """[fn(x) for x in items], side by side; what limits them are the slots of Bench."""
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(fn, items))


class Bench:
    def __init__(self, llmctl, text, out):
        self.llmctl, self.out = os.path.abspath(llmctl), os.path.abspath(out)
        self.slots = threading.Semaphore(len(os.sched_getaffinity(0)))  # one a core
        self.tokenizers = threading.Lock()
        self.failed = threading.Event()  # somewhere; nothing new is begun
        os.makedirs(self.out, exist_ok=True)
        data = open(text, encoding="utf-8").read()
        cut = data.rfind("\n\n", 0, len(data) * 9 // 10) + 2
        if cut < 10000:
            raise Failure(f"{text}: too short")
        self.train, self.val = self.path("train.txt"), self.path("val.txt")
        for path, part in ((self.train, data[:cut]), (self.val, data[cut:])):
            with open(path, "w", encoding="utf-8") as f:
                f.write(part)
        self.val_text = data[cut:]

    def path(self, name):
        return os.path.join(self.out, name)

    def call(self, *args, stdin=None):
        with self.slots:
            if self.failed.is_set():
                raise Failure("stopped: run the same command again to go on", STOPPED)
            p = subprocess.run([self.llmctl, *map(str, args), "--threads", "1"], input=stdin, capture_output=True, text=True)
        if p.returncode:
            self.failed.set()
            raise Failure(p.stderr.strip() or f"llmctl {args[0]}: status {p.returncode}", p.returncode)
        return p.stdout

    def compute(self, fn, *args):
        """Work of our own, which takes a core as a run does."""
        with self.slots:
            return fn(*args)

    def tokenizer(self, name, *args):
        path = self.path(name)
        with self.tokenizers:
            if not os.path.exists(path):
                self.call("tokenize", "train", self.train, "-q", "--out", path, *args)
        return path

    def model(self, name, description):
        path = self.path(name + ".json")
        with open(path, "w") as f:
            json.dump(description, f)
        return path

    def pretrain(self, name, seed, data, model, tok, *args):
        """Trains unless done; what --json printed, and the run's directory."""
        run = self.path(f"{name}-{seed}")
        out = self.call("pretrain", data, "-t", tok, "-m", model, "--seed", seed, "--out", run, "-q", "--json",
                        "--eval-every", 0, "--sample-every", 0, "--save-every", 500, "--keep-last", 1, *args)
        got = json.loads(out)
        print(f"{name} seed {seed}: " + ("done before" if got["was_done"] else f"{got['seconds']:.0f} s"), flush=True)
        return got, run

    def evaluate(self, run, length):
        return json.loads(self.call("eval", run, self.val, "--max-length", length, "-q", "--json"))["loss"]


def spread(values, digits=3):
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] +
                     ["| " + " | ".join(map(str, r)) + " |" for r in rows]) + "\n"


COLORS = ("#2a6fbb", "#d1495b", "#3a9a5b", "#b8860b", "#7b4fa3", "#4a4a4a")


def plot(path, title, xlabel, ylabel, lines):
    """lines: {name: [(x, y), ...]}, x on a log scale when it spans more than 3 times."""
    w, h, left, top, right, bottom = 640, 380, 60, 40, 130, 50
    xs = [x for v in lines.values() for x, _ in v]
    ys = [y for v in lines.values() for _, y in v]
    lo, hi = min(ys), max(ys)
    pad = (hi - lo or 1) * 0.08
    lo, hi = lo - pad, hi + pad
    log = max(xs) > 3 * max(min(xs), 1e-9)
    f = math.log if log else float
    x0, x1 = f(min(xs)), f(max(xs))
    px = lambda x: left + (f(x) - x0) / ((x1 - x0) or 1) * (w - left - right)
    py = lambda y: h - bottom - (y - lo) / (hi - lo) * (h - top - bottom)
    s = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" font-family="sans-serif" font-size="12">',
         f'<rect width="{w}" height="{h}" fill="white"/>', f'<text x="{left}" y="22" font-size="15">{title}</text>']
    for i in range(5):
        y = lo + (hi - lo) * i / 4
        s.append(f'<line x1="{left}" y1="{py(y):.1f}" x2="{w - right}" y2="{py(y):.1f}" stroke="#ddd"/>'
                 f'<text x="{left - 8}" y="{py(y) + 4:.1f}" text-anchor="end">{y:.2f}</text>')
    for x in sorted(set(xs)) if len(set(xs)) <= 6 else [min(xs), (min(xs) + max(xs)) / 2, max(xs)]:
        s.append(f'<text x="{px(x):.1f}" y="{h - bottom + 18}" text-anchor="middle">{x:g}</text>')
    s.append(f'<text x="{(left + w - right) / 2}" y="{h - 12}" text-anchor="middle">{xlabel}</text>'
             f'<text x="16" y="{h / 2}" transform="rotate(-90 16 {h / 2})" text-anchor="middle">{ylabel}</text>')
    ends = sorted((py(v[-1][1]), n) for n, v in lines.items())
    at = {}
    for y, n in ends:  # labels that do not cover one another
        at[n] = max([y] + [v + 15 for v in list(at.values())[-1:]])
    for i, (n, v) in enumerate(lines.items()):
        c = COLORS[i % len(COLORS)]
        pts = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in v)
        s.append(f'<polyline points="{pts}" fill="none" stroke="{c}" stroke-width="2"/>'
                 f'<text x="{w - right + 8}" y="{at[n] + 4:.1f}" fill="{c}">{n}</text>')
    with open(path, "w") as out:
        out.write("\n".join(s) + "\n</svg>\n")


def curve(run, key, every):
    """Points (step, value) of metrics.jsonl, the mean over `every` steps."""
    points, part = [], []
    for line in open(os.path.join(run, "metrics.jsonl")):
        m = json.loads(line)
        if key in m:
            part.append(m[key])
            if m["step"] % every == 0:
                points.append((m["step"], statistics.mean(part)))
                part = []
    return points


def decoder(vocab, pos, d=128, layers=4, heads=4, max_pos=512):
    mixer = {"type": "attn", "heads": heads, "bias": "all"}
    embed = {"pos": "none", "max_pos": max_pos}
    if pos in ("learned", "sinusoidal"):
        embed["pos"] = pos
        if pos == "sinusoidal":
            embed["scale"] = "sqrt_d"
    elif pos == "shaw":
        mixer["pos"] = {"type": "shaw", "clip": 16}
    elif pos == "t5":  # half the window: the last bucket, which stands for all beyond, is trained too
        mixer["pos"] = {"type": "t5", "max_distance": 64}
    else:
        mixer["pos"] = {"type": pos}
    return {"family": "gpt2", "d_model": d, "vocab": vocab, "tie_embed": True, "embed": embed,
            "blocks": [{"repeat": layers, "mixer": mixer, "ffn": {"type": "mlp", "act": "gelu_tanh", "d_ff": 4 * d, "bias": True},
                        "norm": {"type": "ln"}}]}


def positions(b):
    tok = b.tokenizer("chars.json", "--type", "char")
    lengths, kinds = (128, 256, 512), ("learned", "sinusoidal", "rope", "alibi", "t5", "shaw")

    def of(pos):
        model = b.model("pos-" + pos, decoder(256, pos))

        def one(seed):
            _, run = b.pretrain("pos-" + pos, seed, b.train, model, tok, "--max-length", 128, "--batch", 16, "--steps", 2400)
            return [b.evaluate(run, n) for n in lengths]
        losses = list(zip(*in_turn(one, SEEDS)))
        return [pos] + [spread(v) for v in losses], [(n, statistics.mean(v)) for n, v in zip(lengths, losses)]
    found = in_turn(of, kinds)
    rows, lines = [r for r, _ in found], {k: v for k, (_, v) in zip(kinds, found)}
    plot(b.path("positions.svg"), "Trained on 128 characters, read at other lengths", "characters in a window", "loss (nats)", lines)
    return ("Positions", "Four layers of width 128, trained for 2400 steps on windows of 128 characters, then asked about windows "
            "of other lengths: loss in nats a character, mean and deviation of three seeds.\n\n" +
            table(["position"] + [f"{n} characters" for n in lengths], rows) + "\n![positions](positions.svg)\n")


def toy_pairs(rng, n):
    """Copy, reverse and sort of four to twelve letters."""
    for _ in range(n):
        letters = [rng.choice("abcdefghij") for _ in range(rng.randint(4, 12))]
        task = rng.choice(("copy", "reverse", "sort"))
        target = {"copy": letters, "reverse": letters[::-1], "sort": sorted(letters)}[task]
        yield {"source": task[0] + ":" + "".join(letters), "target": "".join(target), "task": task}


def transformer(b):
    data, rng = b.path("toy.jsonl"), random.Random(1)
    with open(data, "w") as f:
        for p in toy_pairs(rng, 120000):
            f.write(json.dumps(p) + "\n")
    test = list(toy_pairs(random.Random(2), 3000))
    letters = b.path("toy.txt")
    with open(letters, "w") as f:
        f.write("abcdefghij:crs\n")
    tok = b.path("toy-tok.json")
    b.call("tokenize", "train", letters, "--type", "char", "--special", "<|endoftext|>", "-q", "--out", tok)
    mixer = {"type": "attn", "heads": 4, "bias": "all"}
    ffn, norm = {"type": "mlp", "act": "relu", "d_ff": 512, "bias": True}, {"type": "ln", "place": "post"}
    model = b.model("transformer", {
        "family": "marian", "stack": "encdec", "d_model": 128, "vocab": 32, "tie_embed": True,
        "embed": {"pos": "sinusoidal", "max_pos": 64, "scale": "sqrt_d"},
        "encoder": {"blocks": [{"repeat": 6, "mixer": dict(mixer, causal=False), "ffn": ffn, "norm": norm}]},
        "blocks": [{"repeat": 6, "cross": True, "mixer": mixer, "ffn": ffn, "norm": norm}],
        "head": {"norm": False, "bias": True}})
    tasks = ("copy", "reverse", "sort")

    def one(seed):
        _, run = b.pretrain("transformer", seed, data, model, tok, "--objective", "seq2seq", "--source-length", 64, "--max-length", 64,
                            "--batch", 32, "--steps", 4000, "--schedule", "linear", "--warmup", 400, "--lr", 1e-3, "--min-lr", 1e-5, "--label-smoothing", 0.1)
        said = b.call("generate", run, "--jsonl", "-", "--greedy", "-q", stdin="".join(json.dumps({"prompt": p["source"]}) + "\n" for p in test))
        texts = [json.loads(line)["text"] for line in said.splitlines()]
        hits = {t: [texts[i] == p["target"] for i, p in enumerate(test) if p["task"] == t] for t in tasks}
        return {t: 100 * sum(h) / len(h) for t, h in hits.items()}
    right = in_turn(one, SEEDS)
    return ("The original Transformer", "Six layers of encoder and decoder, post-norm, sinusoidal positions, label smoothing 0.1 "
            "(arXiv:1706.03762), width 128; 4000 steps on letters, the rate falling in a line (the paper's falls with the root of the steps and "
            "averages the last checkpoints: without that, two models of three still double a letter now and then); asked about 3000 new ones; "
            "share of answers right to the last letter.\n\n" +
            table(["task"] + [f"seed {s}" for s in SEEDS] + ["mean and deviation"],
                  [[t] + [f"{r[t]:.1f} %" for r in right] + [spread([r[t] for r in right], 2) + " %"] for t in tasks]))


def llama(mixer, ffn):
    return {"family": "llama" if ffn["type"] != "moe" else "mixtral", "d_model": 128, "vocab": 256, "tie_embed": True, "embed": {"max_pos": 128},
            "blocks": [{"repeat": 4, "mixer": mixer, "ffn": ffn, "norm": {"type": "rms", "eps": 1e-5}}]}


ROPE = {"type": "attn", "heads": 4, "pos": {"type": "rope", "theta": 10000}}
GLU = {"type": "glu", "act": "silu", "d_ff": 352}


def compare(b, name, title, text, models, args):
    """One row a model, its validation loss; and the curves of the first seed."""
    tok = b.tokenizer("chars.json", "--type", "char")

    def of(label):
        description, extra = models[label]
        slug = f"{name}-" + "".join(c if c.isalnum() else "-" for c in label.lower())
        model = b.model(slug, description)
        got = in_turn(lambda seed: b.pretrain(slug, seed, b.train, model, tok, "--val", b.val, "--max-length", 128, *args, *extra), SEEDS)
        return spread([r["val_loss"] for r, _ in got]), [p for p in curve(got[0][1], "loss", 50) if p[0] >= 100]
    found = in_turn(of, list(models))
    rows, lines = [[k, v] for k, (v, _) in zip(models, found)], {k: v for k, (_, v) in zip(models, found)}
    plot(b.path(name + ".svg"), title, "steps", "training loss (nats)", lines)
    return (title, text + "\n\n" + table(["model", "validation loss"], rows) + f"\n![{name}]({name}.svg)\n")


def experts(b):
    moe = {"type": "moe", "act": "silu", "d_ff": 176,
           "moe": {"experts": 8, "top_k": 2, "renorm": True, "aux_coef": 0.01, "z_coef": 0.001}}
    return compare(b, "experts", "Dense against sparse", "The same arithmetic for each token: one feed-forward part of width 352, or "
                   "two of eight experts of width 176 (four times the parameters).",
                   {"dense": (llama(ROPE, GLU), ()), "8 experts, 2 at work": (llama(ROPE, moe), ())}, ("--batch", 32, "--steps", 800))


def rwkv(version):
    return {"family": "rwkv" if version == 4 else f"rwkv{version}", "d_model": 128, "vocab": 256, "embed": {"max_pos": 128, "ln": True},
            "blocks": [{"repeat": 4, "mixer": {"type": f"rwkv{version}"}, "ffn": {"type": "rwkv_cmix", "d_ff": 448}, "norm": {"type": "ln", "eps": 1e-5}}]}


def recurrent(b):
    models = {"attention": (llama(ROPE, GLU), ())}
    for v in (4, 6, 7):
        models[f"RWKV-{v}"] = (rwkv(v), ())
    return compare(b, "recurrent", "Attention against RWKV", "Four layers of width 128. RWKV carries a state of fixed size from token to "
                   "token instead of looking back.", models, ("--batch", 16, "--steps", 800))


def optimizers(b):
    m = llama(ROPE, GLU)
    return compare(b, "optimizers", "Muon against AdamW", "One model, two optimizers.",
                   {"AdamW": (m, ()), "Muon": (m, ("--optimizer", "muon"))}, ("--batch", 16, "--steps", 800))


PARTS = 8


def passages(text, n, length):
    """(eighth of the text, passage): where in it each passage stands; as many of each eighth."""
    rng = random.Random(3)
    size = len(text) // PARTS
    return [(i % PARTS, text[at:at + length]) for i in range(n) for at in [i % PARTS * size + rng.randrange(size - length)]]


def probe(vectors, labels, seed):
    """Accuracy of a logistic regression on frozen vectors: half to learn, half to ask."""
    dim, classes = len(vectors[0]), max(labels) + 1
    mean = [statistics.fmean(v[k] for v in vectors) for k in range(dim)]
    dev = [statistics.pstdev([v[k] for v in vectors]) or 1 for k in range(dim)]
    data = [([(x - m) / s for x, m, s in zip(v, mean, dev)], y) for v, y in zip(vectors, labels)]
    rng = random.Random(seed)
    rng.shuffle(data)
    train, test = data[: len(data) // 2], data[len(data) // 2:]
    w = [[0.0] * (dim + 1) for _ in range(classes)]
    for epoch in range(20):
        rng.shuffle(train)
        lr = 0.02 / (1 + epoch / 4)
        for x, y in train:
            z = [sum(a * b for a, b in zip(row, x)) + row[dim] for row in w]
            top = max(z)
            p = [math.exp(v - top) for v in z]
            total = sum(p)
            for c, row in enumerate(w):
                g = p[c] / total - (c == y)
                for k in range(dim):
                    row[k] -= lr * (g * x[k] + 1e-3 * row[k])
                row[dim] -= lr * g
    hits = 0
    for x, y in test:
        z = [sum(a * b for a, b in zip(row, x)) + row[dim] for row in w]
        hits += z.index(max(z)) == y
    return 100 * hits / len(test)


def objectives(b):
    special = ["<|endoftext|>", "[MASK]"] + [f"<extra_id_{i}>" for i in range(32)]
    tok = b.tokenizer("chars-special.json", "--type", "char", *[x for s in special for x in ("--special", s)])
    layers = 4
    ffn, norm = {"type": "mlp", "act": "gelu_erf", "d_ff": 512, "bias": True}, {"type": "ln", "place": "pre"}
    attn = {"type": "attn", "heads": 4, "bias": "all", "pos": {"type": "rope"}}
    seen = {"mixer": dict(attn, causal=False), "ffn": ffn, "norm": norm}  # from both sides
    base = {"d_model": 128, "vocab": 256, "embed": {"pos": "none", "max_pos": 128, "ln": True}}
    lm = dict(base, family="gpt2", tie_embed=True, blocks=[{"repeat": layers, "mixer": attn, "ffn": ffn, "norm": norm}])
    mlm = dict(base, family="bert", stack="encoder", blocks=[dict(seen, repeat=layers)], head={"type": "mlm", "bias": True})
    rtd = dict(mlm, family="electra", head={"type": "rtd"})
    span = dict(base, family="t5", stack="encdec", tie_embed=True, decoder_start=0, encoder={"blocks": [dict(seen, repeat=layers)]},
                blocks=[{"repeat": layers // 2, "cross": True, "mixer": attn, "ffn": ffn, "norm": norm}], head={"type": "lm", "norm": True})
    # The same number of multiplications, near enough: ELECTRA has a generator
    # beside it, T5 a decoder of half the depth over a fifth of the tokens.
    tasks = {"next token (decoder)": (lm, 3000, ("--max-length", 128)),
             "masked tokens (encoder)": (mlm, 3000, ("--max-length", 128)),
             "replaced tokens (ELECTRA)": (rtd, 2600, ("--max-length", 128)),
             "corrupted spans (T5)": (span, 2650, ("--source-length", 112))}
    found = passages(open(b.train, encoding="utf-8").read() + b.val_text, 1600, 120)
    words = "".join(json.dumps({"text": w}) + "\n" for _, w in found)
    labels = [y for y, _ in found]

    def of(label):
        description, steps, extra = tasks[label]
        slug = "objective-" + "".join(c if c.isalnum() else "-" for c in label.lower())
        model = b.model(slug, description)

        def one(seed):
            _, run = b.pretrain(slug, seed, b.train, model, tok, "--batch", 16, "--steps", steps, "--lr", 1e-3, *extra)
            out = b.call("embed", run, "--format", "jsonl", "-q", stdin=words)
            vectors = [json.loads(line)["embedding"] for line in out.splitlines()]
            return b.compute(probe, vectors, labels, seed)
        return [label, spread(in_turn(one, SEEDS), 1) + " %"]
    rows = in_turn(of, list(tasks))
    return ("Objectives", "Models of width 128 on characters, trained with about the same arithmetic on different tasks; then, with the weights "
            f"frozen, a linear probe tells from the mean of the hidden states of {len(found[0][1])} characters from which eighth of the text they "
            f"are (800 passages to learn, 800 to ask; guessing is right in {100 / PARTS:.1f} %).\n\n" + table(["learned by", "probe"], rows))


EXPERIMENTS = {"positions": positions, "objectives": objectives, "transformer": transformer, "experts": experts,
               "recurrent": recurrent, "optimizers": optimizers}


def run(a):
    b, start = Bench(a.llmctl, a.text, a.out), time.monotonic()
    parts = in_turn(lambda x: EXPERIMENTS[x](b), a.experiment or list(EXPERIMENTS))
    with open(b.path("architectures.md"), "w") as f:
        f.write("# Architectures side by side\n\nMade by `scripts/compare-architectures.sh`; small models, one text "
                f"({len(b.val_text) * 10 // 1000} kB), three seeds. The differences, not the numbers, carry over.\n")
        for title, body in parts:
            f.write(f"\n## {title}\n\n{body}")
    used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    print(f"{b.path('architectures.md')}: {(time.monotonic() - start) / 60:.1f} minutes, "
          f"{sum(u.ru_utime + u.ru_stime for u in used) / 60:.1f} of processor time")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--llmctl", default="./llmctl")
    p.add_argument("text")
    p.add_argument("out")
    p.add_argument("experiment", nargs="*")
    a = p.parse_args()
    try:
        for x in a.experiment:
            if x not in EXPERIMENTS:
                raise Failure(f"no experiment '{x}'; there are {', '.join(EXPERIMENTS)}", 2)
        run(a)
    except Failure as problem:
        print(f"compare-architectures: {problem}", file=sys.stderr)
        sys.exit(problem.status)
    except KeyboardInterrupt:
        print("compare-architectures: stopped: run the same command again to go on", file=sys.stderr)
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
