#!/usr/bin/env python3
"""Training steps side by side with PyTorch: both run in turn, several rounds, the same threads.

usage: PYTHON_WITH_TORCH scripts/bench-train.py [--peers DIR] [--build DIR] [--rounds N] [--threads N]
                                                [--seconds S] [--only CFG[,CFG]] [--dtypes f32,bf16] [--cpu]
                                                [--skip VARIANT[,VARIANT]] [--limit S]

Peers (DIR/train_bench.py and others.py, default ../shared/peers/torch) run in each variant below; the fastest counts:
  default  the allocator as shipped          malloc   blocks are reused, page faults do not count
  +mkl     MKL made to take its AVX-512 path (libfakeintel, f32 only)     compile  torch.compile
A variant that fails, or is not through after --limit seconds (to compile means one to two minutes, and RWKV's loop
over 256 tokens is unrolled), is named and left out of later rounds; what was compiled is kept for them.
A line a variant, then the ratio peer / llmctl of the median times: above 1, llmctl is faster.  A configuration
with several types ends with the best of ours against the best of theirs.  --cpu compares the CPU time of one
thread, which other programs on the machine disturb less; --only all runs every configuration.
"""
import argparse, json, os, shutil, signal, statistics, subprocess, sys, tempfile

GPT = ("a_nanocpu", "a_shakespeare", "b_gpt2_T256")
OTHERS = ("bert", "t5", "mixtral", "rwkv4")  # architectures of others.py
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000", "MALLOC_TOP_PAD_": "67108864"}


def variants(dtype, fake):
    yield "default", "eager", {}
    yield "malloc", "eager", MALLOC
    yield "compile", "compile", {}
    yield "compile malloc", "compile", MALLOC
    if dtype == "f32" and fake:
        yield "+mkl", "eager", {"LD_PRELOAD": fake}
        yield "malloc +mkl", "eager", {**MALLOC, "LD_PRELOAD": fake}
        yield "compile malloc +mkl", "compile", {**MALLOC, "LD_PRELOAD": fake}


def last_json(cmd, env, cwd=None, limit=None):
    with subprocess.Popen(cmd, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as r:
        try:
            out, talk = r.communicate(timeout=limit)
        except BaseException as e:
            os.killpg(r.pid, signal.SIGKILL)  # with the compilers it started
            if not isinstance(e, subprocess.TimeoutExpired):
                raise
            print(f"  not through after {limit:.0f} s: {' '.join(cmd)}", file=sys.stderr)
            return None
    lines = [l for l in out.splitlines() if l.startswith("{")]
    if r.returncode or not lines:
        print(f"  failed: {' '.join(cmd)}: {talk.strip()[-300:]}", file=sys.stderr)
        return None
    return json.loads(lines[-1])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--peers", default="../shared/peers/torch")
    p.add_argument("--build", default="build/release")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seconds", type=float, default=6)
    p.add_argument("--only", default=",".join(GPT), help="configurations, comma separated, or all")
    p.add_argument("--dtypes", default="f32,bf16")
    p.add_argument("--skip", default="", help="variants to leave out, comma separated")
    p.add_argument("--limit", type=float, default=600, help="seconds that a run of PyTorch may take")
    p.add_argument("--cpu", action="store_true", help="CPU time of one thread")
    a = p.parse_args()
    if a.only == "all":
        a.only = ",".join(GPT + OTHERS)
    if a.cpu:
        a.threads = 1
    key = "cpu_ms" if a.cpu else "ms"
    env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")}
    env.update(MAXWAIT="0", PASSIVE="0")  # do not wait for quiet; spinning OpenMP threads, as a user has them
    with tempfile.TemporaryDirectory() as tmp:
        peers = os.path.join(tmp, "peers")  # they write results beside themselves
        shutil.copytree(a.peers, peers)
        fake = os.path.join(tmp, "libfakeintel.so")
        if subprocess.run(["gcc", "-shared", "-fPIC", os.path.join(peers, "fakeintel.c"), "-o", fake]).returncode:
            fake = None
        env.setdefault("TORCHINDUCTOR_CACHE_DIR", os.path.join(tmp, "compiled"))
        skip = a.skip.split(",")
        for cfg in a.only.split(","):
            best = {}  # of ours and theirs, over the types
            for dtype in a.dtypes.split(","):
                ours, theirs, rss = [], {}, {}
                todo = [v for v in variants(dtype, fake) if v[0] not in skip]
                for _ in range(a.rounds):
                    for name, mode, extra in list(todo):
                        r = last_json([f"{a.build}/tests/bench/bench_train", cfg, dtype, str(a.threads), str(a.seconds)], env)
                        if r:
                            ours.append(r[key])
                            rss["llmctl"] = r["rss_mb"]
                        script = "others.py" if cfg in OTHERS else "train_bench.py"
                        r = last_json([sys.executable, script, cfg, "fp32" if dtype == "f32" else "bf16", mode,
                                       str(a.threads), str(a.seconds)], {**env, **extra}, peers, a.limit)
                        if not r:
                            todo = [v for v in todo if v[0] != name]
                        else:
                            theirs.setdefault(name, []).append(r[key])
                            rss[name] = r["rss_mb"]
                if not ours or not theirs:
                    continue
                mine = statistics.median(ours)
                clock = "CPU ms" if a.cpu else "ms"
                print(f"{cfg} {dtype}, {a.threads} thread(s): llmctl {mine:.2f} {clock}/step, {rss['llmctl']:.0f} MB")
                med = {k: statistics.median(v) for k, v in theirs.items()}
                for name, ms in med.items():
                    print(f"  torch {name:22s} {ms:10.2f} ms  ratio {ms / mine:5.2f}  memory {rss['llmctl'] / rss[name]:.2f}x of {rss[name]:.0f} MB")
                stock = [v for k, v in med.items() if "+mkl" not in k]
                fastest = f", {min(stock) / mine:.2f}x of the fastest stock torch" if stock else ""
                best = {"llmctl": min(mine, best.get("llmctl", mine)), "torch": min([*med.values(), best.get("torch", mine * 1e6)])}
                name = min(med, key=med.get)
                print(f"  RESULT {cfg} {dtype}: {med[name] / mine:.2f}x of the fastest torch ({name}){fastest}", flush=True)
            if best and "," in a.dtypes:
                print(f"  BEST {cfg}: {best['torch'] / best['llmctl']:.2f}x, the best precision of each", flush=True)


main()
