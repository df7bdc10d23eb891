#!/usr/bin/env bash
# From text files to a trained model: clean, dedup, tokenize, pretrain, eval,
# generate, each stage a call of llmctl, all results under one directory.  A
# stage that is done is skipped, one that was interrupted is resumed; a changed
# option or input makes its stage and all later ones run again.
set -eu
usage() {
    cat <<'EOF'
usage: scripts/pipeline.sh --out DIR [options] [-- PRETRAIN-OPTION...] INPUT...

  --out DIR           where everything goes
  --clean "OPTS"      options of llmctl clean (--preset gopher)
  --vocab N           size of the tokenizer's vocabulary (4096)
  --val FRACTION      share of the documents kept for validation (0.02)
  --pretrain "OPTS"   options of llmctl pretrain (default: llama-tiny, 1000 steps)
  --prompt TEXT       start of the samples (repeatable)

Environment: LLMCTL, the executable (./llmctl).
EOF
}

llmctl=${LLMCTL:-./llmctl}
out='' clean='--preset gopher' vocab=4096 val=0.02 pretrain='--preset llama-tiny --steps 1000'
prompts=() inputs=()
while [ $# -gt 0 ]; do
    case $1 in
    --out) out=$2; shift 2 ;;
    --clean) clean=$2; shift 2 ;;
    --vocab) vocab=$2; shift 2 ;;
    --val) val=$2; shift 2 ;;
    --pretrain) pretrain=$2; shift 2 ;;
    --prompt) prompts+=("$2"); shift 2 ;;
    -h | --help) usage; exit 0 ;;
    --) shift; inputs+=("$@"); break ;;
    -*) echo "pipeline: unknown option $1" >&2; usage >&2; exit 2 ;;
    *) inputs+=("$1"); shift ;;
    esac
done
if [ -z "$out" ] || [ ${#inputs[@]} -eq 0 ]; then
    usage >&2
    exit 2
fi
[ ${#prompts[@]} -gt 0 ] || prompts=("The " "To install a package, " "In the beginning ")
mkdir -p "$out"

# What the inputs are: names, sizes and times.  A change runs everything again.
inputs_id=$(find "${inputs[@]}" -type f -printf '%p %s %T@\n' | LC_ALL=C sort | cksum)
ran=no # a stage ran in this call: all later ones must

# stage NAME OUTPUT... -- COMMAND...: runs the command unless its stamp holds
# the same command line and every output exists.
stage() {
    local name=$1 outputs=() stamp
    shift
    while [ "$1" != -- ]; do outputs+=("$1"); shift; done
    shift
    stamp=$out/.$name.done
    local id="$inputs_id $*" done=yes o begun=$out/.$name.begun
    for o in "${outputs[@]}"; do [ -e "$o" ] || done=no; done
    if [ $ran = no ] && [ $done = yes ] && [ "$(cat "$stamp" 2>/dev/null)" = "$id" ]; then
        echo "pipeline: $name is done" >&2
        return
    fi
    echo "pipeline: $name" >&2
    ran=yes
    # Half of a cleaning with other options or inputs is of no use.
    if [ "$name" = clean ] && [ "$(cat "$begun" 2>/dev/null)" != "$id" ]; then set -- "$@" --resume never; fi
    printf '%s' "$id" >"$begun"
    "$@"
    printf '%s' "$id" >"$stamp"
}

# The run directory knows itself whether it is done, resumes or differs; only
# new shards make an old run useless.
if [ -e "$out/run" ] && [ "$(cat "$out/.run.of" 2>/dev/null)" != "$inputs_id $clean $vocab $val $pretrain" ]; then
    n=1
    while [ -e "$out/run.old.$n" ]; do n=$((n + 1)); done
    echo "pipeline: inputs or options changed; the old run moves to run.old.$n" >&2
    mv "$out/run" "$out/run.old.$n"
fi
printf '%s' "$inputs_id $clean $vocab $val $pretrain" >"$out/.run.of"

# shellcheck disable=SC2086  # the options are meant to split
stage clean "$out/clean.jsonl" -- \
    "$llmctl" clean "${inputs[@]}" $clean --out "$out/clean.jsonl" --report "$out/clean.json"
stage dedup "$out/unique.jsonl" -- \
    "$llmctl" dedup "$out/clean.jsonl" --near --out "$out/unique.jsonl" --report-html "$out/dedup.html"
stage tokenizer "$out/tokenizer.json" -- \
    "$llmctl" tokenize train "$out/unique.jsonl" --vocab-size "$vocab" --out "$out/tokenizer.json"
stage encode "$out/tokens.tok" -- \
    "$llmctl" tokenize encode "$out/unique.jsonl" --tokenizer "$out/tokenizer.json" --out "$out/tokens.tok"

echo "pipeline: pretrain" >&2
# shellcheck disable=SC2086  # the options are meant to split
"$llmctl" pretrain "$out/tokens.tok" --tokenizer "$out/tokenizer.json" --val-fraction "$val" --out "$out/run" $pretrain

echo
for p in "${prompts[@]}"; do
    echo "--- $p"
    "$llmctl" generate "$out/run" "$p" --echo --max-length 60 --seed 1 --temperature 0.8
done
echo
tail -n 1 "$out/run/metrics.jsonl" | sed 's/^/last record: /'
echo "report: $out/run/report.html"
