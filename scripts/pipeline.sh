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
  --dedup "OPTS"      options of llmctl dedup (--near)
  --vocab N           size of the tokenizer's vocabulary (4096)
  --val FRACTION      share of the documents kept for validation (0.02)
  --pretrain "OPTS"   options of llmctl pretrain (default: llama-tiny, 1000 steps)
  --prompt TEXT       start of the samples (repeatable)

Environment: LLMCTL, the executable (./llmctl).
EOF
}

llmctl=${LLMCTL:-./llmctl}
out='' clean='--preset gopher' dedup=--near vocab=4096 val=0.02 pretrain='--preset llama-tiny --steps 1000'
prompts=() inputs=()
while [ $# -gt 0 ]; do
    case $1 in
    --out) out=$2; shift 2 ;;
    --clean) clean=$2; shift 2 ;;
    --dedup) dedup=$2; shift 2 ;;
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
if [ -e "$out/run" ] && [ "$(cat "$out/.run.of" 2>/dev/null)" != "$inputs_id $clean $dedup $vocab $val $pretrain" ]; then
    n=1
    while [ -e "$out/run.old.$n" ]; do n=$((n + 1)); done
    echo "pipeline: inputs or options changed; the old run moves to run.old.$n" >&2
    mv "$out/run" "$out/run.old.$n"
fi
printf '%s' "$inputs_id $clean $dedup $vocab $val $pretrain" >"$out/.run.of"

# What went as a duplicate of what, the most similar last: "   0.94  perlgpl.txt  is  GPL_1.txt".
show_duplicates() {
    local n
    n=$(wc -l <"$out/duplicates.jsonl")
    [ "$n" -gt 0 ] || return 0
    echo "duplicates: $n documents, all of them in $out/duplicates.jsonl; among them" >&2
    LC_ALL=C sed -nE 's/^\{"id":"([^"]*)",.*"duplicate_of":"?([^",]*)"?,"duplicate":"[a-z]*","similarity":([0-9.]*)\}$/\3 \1 \2/p' \
        "$out/duplicates.jsonl" | sort -n | awk '{ v[NR] = $0 } END { for (k = 0; k < 10 && k < NR; k++) {
            split(v[1 + int(k * (NR > 10 ? NR / 10 : 1))], f, " "); for (i = 2; i <= 3; i++) sub(/.*\//, "", f[i])
            printf "      %.2f  %s  is  %s\n", f[1], f[2], f[3] } }' >&2
}

# shellcheck disable=SC2086  # the options are meant to split
stage clean "$out/clean.jsonl" -- \
    "$llmctl" clean "${inputs[@]}" $clean --examples --out "$out/clean.jsonl" --removed "$out/removed.jsonl" --report "$out/clean.json"
# shellcheck disable=SC2086  # the options are meant to split
stage dedup "$out/unique.jsonl" -- \
    "$llmctl" dedup "$out/clean.jsonl" $dedup --out "$out/unique.jsonl" --removed "$out/duplicates.jsonl" \
    --report-html "$out/dedup.html"
[ ! -e "$out/duplicates.jsonl" ] || show_duplicates
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
echo "report: $out/run/report.html; duplicates: $out/dedup.html"
