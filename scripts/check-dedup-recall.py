#!/usr/bin/env python3
"""What llmctl dedup --near finds of injected duplicates, by true similarity and
by kind, beside datatrove's MinHash where this Python has it.  Fails when fewer
are found than by datatrove in any range of similarity, or when a document was
removed that is not as similar as was said to the one it is named after.

usage: check-dedup-recall.py LLMCTL CORPUS.jsonl WORKDIR [PER_KIND] [-- OPTION...]"""
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict

import importlib.util

here = os.path.dirname(os.path.abspath(__file__))


def load(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def ours(llmctl, corpus, work, options):
    run = [llmctl, "dedup", corpus, "--near", "-q", "--out", f"{work}/kept.jsonl"]
    subprocess.run(run + ["--removed", f"{work}/gone.jsonl"] + options, check=True)
    return load(f"{work}/gone.jsonl")


def datatrove(corpus, work):
    if importlib.util.find_spec("datatrove") is None:
        return None
    import logging

    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster,
                                          MinhashDedupFilter, MinhashDedupSignature)
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashing import HashConfig
    from loguru import logger

    logger.remove()
    logging.disable(logging.WARNING)
    sys.stderr.flush()
    talk = os.open(f"{work}/datatrove.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    normal = os.dup(2)
    os.dup2(talk, 2)  # it talks a lot
    base = f"{work}/datatrove"
    shutil.rmtree(base, ignore_errors=True)
    os.makedirs(f"{base}/in")
    shutil.copy(corpus, f"{base}/in/in.jsonl")
    cfg = MinhashConfig(hash_config=HashConfig(hash_fc="sha1"), num_buckets=14, hashes_per_bucket=8, n_grams=5)
    read = JsonlReader(f"{base}/in")
    stages = [
        [read, MinhashDedupSignature(f"{base}/sig", config=cfg)],
        [MinhashDedupBuckets(f"{base}/sig", f"{base}/buckets", config=cfg)],
        [MinhashDedupCluster(f"{base}/buckets", f"{base}/ids", config=cfg)],
        [read, MinhashDedupFilter(f"{base}/ids"), JsonlWriter(f"{base}/kept", "k.jsonl", compression=None)],
    ]
    for i, stage in enumerate(stages):
        tasks = 14 if i == 1 else 1
        LocalPipelineExecutor(stage, tasks=tasks, workers=1, logging_dir=f"{base}/log{i}").run()
    os.dup2(normal, 2)
    return {d["id"] for d in load(f"{base}/kept/k.jsonl")}


def share(pairs, gone):
    return sum(p["copy"] in gone or p["of"] in gone for p in pairs)


def main():
    args, options = sys.argv[1:], []
    if "--" in args:
        at = args.index("--")
        args, options = args[:at], args[at + 1 :]
    if len(args) < 3:
        sys.exit(__doc__[__doc__.index("usage:") :])
    llmctl, source, work = args[:3]
    os.makedirs(work, exist_ok=True)
    base, corpus, truth = (f"{work}/{n}.jsonl" for n in ("base", "corpus", "truth"))
    # Natural duplicates would blur the picture.
    subprocess.run([llmctl, "dedup", source, "--near", "--minhash", "5x128x3", "--verify", "0.2", "-q", "--out", base], check=True)
    subprocess.run([sys.executable, f"{here}/make-duplicates.py", base, corpus, truth] + args[3:4], check=True)
    pairs = load(truth)
    gone_rows = ours(llmctl, corpus, work, options)
    gone = {d["id"] for d in gone_rows}
    kept_by_datatrove = datatrove(corpus, work)
    everyone = {d["id"] for d in load(corpus)}
    theirs = everyone - kept_by_datatrove if kept_by_datatrove is not None else None

    groups = defaultdict(list)
    for p in pairs:
        groups[f"similarity {min(int(p['jaccard'] * 10), 9) / 10:.1f}"].append(p)
    for p in pairs:
        groups[p["kind"]].append(p)
    failed = 0
    print(f"{'pairs':28} {'all':>5} {'llmctl':>7}" + (f" {'datatrove':>10}" if theirs is not None else ""))
    for name in sorted(g for g in groups if g.startswith("sim")) + [g for g in groups if not g.startswith("sim")]:
        found = share(groups[name], gone)
        row = f"{name:28} {len(groups[name]):5} {found:7}"
        if theirs is not None:
            other = share(groups[name], theirs)
            row += f" {other:10}"
            if name.startswith("sim") and name >= "similarity 0.5" and found < other:
                row += "  fewer than datatrove"
                failed = 1
        print(row)

    spec = importlib.util.spec_from_file_location("words", f"{here}/make-duplicates.py")
    source_code = open(spec.origin, encoding="utf-8").read().rsplit("main()", 1)[0]
    names = {}
    exec(compile(source_code, spec.origin, "exec"), names)  # its measure of similarity
    text = {d["id"]: d["text"] for d in load(corpus)}
    wrong = off = 0
    for d in gone_rows:
        j = names["jaccard"](text[d["id"]], text[d["duplicate_of"]])
        off = max(off, abs(j - d["similarity"]))
        wrong += j < 0.5 - 0.01
        if os.environ.get("VERBOSE") and abs(j - d["similarity"]) > 0.01:
            print(d["id"], d["duplicate_of"], d["similarity"], j, file=sys.stderr)
    print(f"removed {len(gone_rows)}, of those less than 0.5 similar to the one named: {wrong}; "
          f"largest difference of similarities {off:.4f}")
    return 1 if failed or wrong else 0


sys.exit(main())
