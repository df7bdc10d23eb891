#!/usr/bin/env python3
"""Speed of `llmctl clean` beside datatrove, in turn, in CPU seconds.

usage: bench-data.py BUILD_DIR WORK_DIR [CORPUS.jsonl]

The corpus (default ../shared/corpus/mixed10.jsonl) is repeated to 100 MB for
llmctl; datatrove, where this Python has it, takes its first 2 MB: the FineWeb
chain (Gopher repetition and quality, C4, FineWeb), one worker.
"""
import os
import resource
import subprocess
import sys
import time

ROUNDS = 3


def cpu_of(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - start


DATATROVE = """
import json, sys
from datatrove.data import Document
from datatrove.pipeline.filters import (C4QualityFilter, FineWebQualityFilter,
                                        GopherQualityFilter, GopherRepetitionFilter)
chain = [GopherRepetitionFilter(), GopherQualityFilter(),
         C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]
docs = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
if len(sys.argv) > 2:
    docs = docs[:1]
kept = 0
for d in docs:
    doc = Document(text=d["text"], id=str(d.get("id", "")))
    for f in chain:
        r = f.filter(doc)
        if r is not True:
            break
    else:
        kept += 1
"""


def main():
    build, work = sys.argv[1], sys.argv[2]
    source = sys.argv[3] if len(sys.argv) > 3 else "../shared/corpus/mixed10.jsonl"
    if not os.path.exists(source):
        print(f"no {source}: skipped")
        return
    data = open(source, "rb").read()
    big, small = f"{work}/big.jsonl", f"{work}/small.jsonl"
    with open(big, "wb") as f:
        for _ in range(max(1, 100_000_000 // len(data))):
            f.write(data)
    head = data[:2_000_000]
    with open(small, "wb") as f:
        f.write(head[:head.rfind(b"\n") + 1])
    mb, small_mb = os.path.getsize(big) / 1e6, os.path.getsize(small) / 1e6
    clean = [f"{build}/llmctl", "clean", big, "--preset", "fineweb", "-q", "--out", f"{work}/out.jsonl"]
    runs = {"clean fineweb": clean + ["--threads", "1"],
            "clean fineweb --measure-all": clean + ["--threads", "1", "--measure-all"],
            "clean fineweb --words spacy-en": clean + ["--threads", "1", "--words", "spacy-en"],
            "clean fineweb, 2 threads": clean + ["--threads", "2"]}
    best = {name: (1e9, 1e9) for name in runs}
    try:
        import datatrove  # noqa: F401
        peer = [sys.executable, "-c", DATATROVE, small]
        idle = min(cpu_of(peer + ["start"])[0] for _ in range(2))  # what it takes to start
    except ImportError:
        peer, idle = None, 0.0
    peer_cpu = 1e9
    for _ in range(ROUNDS):
        for name, command in runs.items():
            best[name] = tuple(map(min, best[name], cpu_of(command)))
        if peer:
            peer_cpu = min(peer_cpu, cpu_of(peer)[0] - idle)
    for name, (cpu, wall) in best.items():
        print(f"{name:32} {mb / cpu:8.1f} MB/s of one core, {mb / wall:8.1f} MB/s wall")
    one, two = best["clean fineweb"][1], best["clean fineweb, 2 threads"][1]
    print(f"{'two threads against one':32} {one / two:8.2f} x")
    if peer:
        print(f"{'datatrove, the same chain':32} {small_mb / peer_cpu:8.3f} MB/s of one core; llmctl "
              f"{mb / best['clean fineweb'][0] / (small_mb / peer_cpu):.0f} x")
    else:
        print(f"no datatrove in {sys.executable}: ours alone (PYTHON=... to compare)")


main()
