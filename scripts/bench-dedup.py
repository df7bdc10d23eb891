#!/usr/bin/env python3
"""Deduplication: MB of JSONL a CPU second, one thread, beside datatrove's MinHash
where this Python has it; then one thread against two by the clock, which needs an
idle machine.  Runs take turns, the best of each counts.

usage: bench-dedup.py LLMCTL CORPUS.jsonl WORKDIR [ROUNDS]"""
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import time

PEER = """
import os, sys
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.dedup import (MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster,
                                      MinhashDedupFilter, MinhashDedupSignature)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig
d = sys.argv[1]
cfg = MinhashConfig(hash_config=HashConfig(hash_fc="sha1"), num_buckets=14, hashes_per_bucket=8, n_grams=5)
read = JsonlReader(d + "/in")
for i, stage in enumerate([
    [read, MinhashDedupSignature(d + "/sig", config=cfg)],
    [MinhashDedupBuckets(d + "/sig", d + "/buckets", config=cfg)],
    [MinhashDedupCluster(d + "/buckets", d + "/ids", config=cfg)],
    [read, MinhashDedupFilter(d + "/ids"), JsonlWriter(d + "/kept", "k.jsonl", compression=None)],
]):
    LocalPipelineExecutor(stage, tasks=14 if i == 1 else 1, workers=1, logging_dir=d + "/log%d" % i).run()
"""


def cost(command):
    """CPU seconds and seconds by the clock.  An output that exists is not written
    over: to give its pages back would count."""
    if "--out" in command and os.path.exists(command[command.index("--out") + 1]):
        os.remove(command[command.index("--out") + 1])
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def cpu(command):
    return cost(command)[0]


def compare_threads(llmctl, big, work, rounds):
    """One thread and two, in turn."""
    packed = f"{work}/big.jsonl.zst"
    subprocess.run([llmctl, "dedup", "-q", big, "--out", packed], check=True, stderr=subprocess.DEVNULL)
    runs = {"exact": [big], "exact, of frames of zstd": [packed], "near": [big, "--near"]}
    size = os.path.getsize(big) / 1e6
    best = {(name, t): 1e9 for name in runs for t in (1, 2)}
    for _ in range(rounds):
        for name, t in best:
            command = [llmctl, "dedup", "-q", "--threads", str(t), "--out", f"{work}/kept.jsonl"] + runs[name]
            best[name, t] = min(best[name, t], cost(command)[1])
    for name in runs:
        one, two = best[name, 1], best[name, 2]
        print(f"{name:24} {size / one:8.0f} MB/s by the clock, two threads {size / two:.0f}: {one / two:.2f} x")


def enlarge(corpus, path, copies):
    """The corpus several times over, in each copy with the words in another order."""
    with open(corpus, "rb") as f:
        lines = f.read().splitlines()
    with open(path, "wb") as f:
        for line in lines:
            f.write(line + b"\n")
        for run in range(2, copies + 1):
            for line in lines:
                at = line.find(b'"text": "')
                at = at + 9 if at >= 0 else line.index(b'"text":"') + 8
                end = line.find(b'", "', at) if b'", "' in line[at:] else len(line) - 2
                words = line[at:end].split(b" ")
                words = [w for i in range(0, len(words), run) for w in reversed(words[i : i + run])]
                made = line[:at] + b" ".join(words) + line[end:]
                if made.count(b'\\" ') == line.count(b'\\" '):
                    f.write(made + b"\n")


def main():
    llmctl, corpus, work = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    os.makedirs(f"{work}/in", exist_ok=True)
    big, small = f"{work}/big.jsonl", f"{work}/in/small.jsonl"
    enlarge(corpus, big, 16)
    with open(corpus, "rb") as f, open(small, "wb") as to:
        shutil.copyfileobj(f, to)
    base = [llmctl, "dedup", "--threads", "1", "-q", big]
    out = ["--out", f"{work}/kept.jsonl"]
    runs = {
        "exact": base + out,
        "exact, counted only": base + ["--dry-run"],
        "exact, by words": base + out + ["--exact", "norm"],
        "near 5x14x8": base + out + ["--near", "--minhash", "datatrove"],
        "near 5x24x6 (default)": base + out + ["--near"],
        "lines": base + out + ["--parts", "line"],
        "n-grams 13:0.8": base + out + ["--ngram", "13:0.8"],
    }
    best = {name: 1e9 for name in runs}
    for _ in range(rounds):
        for name, command in runs.items():
            best[name] = min(best[name], cpu(command))
    size = os.path.getsize(big) / 1e6
    for name, seconds in best.items():
        print(f"{name:24} {size / seconds:8.0f} MB/s a core")
    compare_threads(llmctl, big, work, rounds)
    if importlib.util.find_spec("datatrove") is None:
        print("no datatrove in this Python (PYTHON=... to compare)")
        return
    # It is slow: a part of the corpus, and ours on the same part in turn.
    with open(small, "rb") as f:
        part = f.read(3 << 20).rsplit(b"\n", 1)[0] + b"\n"
    with open(small, "wb") as f:
        f.write(part)
    ours = min(cpu([llmctl, "dedup", "--threads", "1", "-q", small, "--near", "--minhash", "datatrove"] + out) for _ in range(rounds))
    for name in os.listdir(work):  # its records of stages done, by which a second run would skip them
        if name.startswith("log"):
            shutil.rmtree(os.path.join(work, name))
    theirs = cpu([sys.executable, "-c", PEER, work])
    print(f"{'near 5x14x8, 3 MB':24} {len(part) / 1e6 / ours:8.0f} MB/s, datatrove {len(part) / 1e6 / theirs:.2f} "
          f"({theirs / ours:.0f} times)")


start = time.time()
main()
print(f"({time.time() - start:.0f} s)", file=sys.stderr)
