# pretrain and eval: learning, resuming bit for bit, plan, errors.
set -eu
. "$SRC/tests/cli/lib.bash"

value() { sed -n "s/.*\"$1\":\([^,}]*\).*/\1/p" out; }
losses() { # without times; of a rolled back or resumed run the last value of each step
    grep -o '"step":[0-9]*,"loss":[^,]*,"nll":[^,]*,"grad_norm":[^,]*' "$1/metrics.jsonl"
}

# A tokenizer of all ASCII characters, and a text with something to learn.
{
    printf '{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,'
    printf '"decoder":{"type":"Fuse"},"model":{"type":"BPE","unk_token":null,"merges":[],"vocab":{"\\n":0'
    for i in $(seq 32 126); do
        c=$(printf "\\x$(printf %x "$i")")
        case $c in '"' | '\') c="\\$c" ;; esac
        printf ',"%s":%d' "$c" $((i - 31))
    done
    printf '}}}\n'
} >tok.json
awk 'BEGIN { for (i = 1; i <= 300; i++) print "the quick brown fox number " i " jumps over the lazy dog " i * 7 }' >train.txt
awk 'BEGIN { for (i = 301; i <= 320; i++) print "the quick brown fox number " i " jumps over the lazy dog " i * 7 }' >val.txt

train() { ${exec-} "$LLMCTL" pretrain train.txt --tokenizer tok.json --val val.txt --preset llama-nano --layers 2 --width 32 \
    --heads 2 --context 32 --batch 8 --lr 3e-3 --steps 60 --eval-every 20 --save-every 10 "$@"; }

# Learning.
train --out a --threads 1 --json >out
first=$(losses a | sed -n '1s/.*"loss":\([0-9.]*\).*/\1/p')
awk -v a="$first" -v b="$(value val_loss)" 'BEGIN { exit !(a > 4.3 && b < a - 1) }' ||
    fail "loss $first -> $(value val_loss)"
[ "$(value was_done)" = false ] || fail "a new run claims to be done"
[ "$(ls a/ckpt)" = "step-50
step-60" ] || fail "checkpoints kept: $(ls a/ckpt)"
grep -q '<svg' a/report.html || fail "no curves in the report"
[ "$(wc -c <a/report.html)" -lt 200000 ] || fail "the report is too large"
val_loss=$(value val_loss)
hash=$(cksum <a/model.llmz)
train --out a --threads 1 --json >out 2>err
[ "$(value was_done)" = true ] || fail "a finished run does not know it"
[ "$(value val_loss)" = "$val_loss" ] || fail "a finished run forgot its validation loss"
"$LLMCTL" eval a val.txt --batch 8 --json >out
[ "$(value loss)" = "$val_loss" ] || fail "eval says $(value loss), pretrain said $val_loss"

# The same bits with other threads and accumulation.
same() {
    cmp a/model.llmz "$1/model.llmz" || fail "$1: another model"
    losses "$1" >b.txt
    losses a | cmp - b.txt || fail "$1: other losses"
}
train --out t2 --threads 2 -q && same t2
train --out t3 --threads 3 --accum 2 -q && same t3
train --out a8 --threads 1 --accum 8 --recompute block -q && same a8

# Stopped again and again: the file stop, SIGTERM, kill -9.
mkdir s
for i in 1 2 3; do
    touch s/stop
    expect_error 75 "stopped by the file 'stop'" train --out s --threads 1 -q
    [ ! -e s/stop ] || fail "the file stop is still there"
done
for signal in TERM KILL TERM KILL; do
    # exec, so that the signal meets llmctl and not a shell around it
    exec=exec train --out s --threads 2 -q 2>/dev/null &
    pid=$!
    sleep 0.15
    kill -$signal $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
done
train --out s --threads 1 -q && same s

# A damaged checkpoint is named, and the one before it taken.
cp -r a d
rm d/model.llmz
head -c 3000 a/ckpt/step-60/train.llmz >d/ckpt/step-60/train.llmz
train --out d --threads 1 2>err
grep -q "step-60 cannot be used" err || fail "the bad checkpoint is not named: $(cat err)"
same d
rm d/model.llmz
echo x >d/ckpt/step-50/train.llmz
echo x >d/ckpt/step-60/train.llmz
expect 65 train --out d
grep -qF "none of the 2 checkpoints" err || fail "$(cat err)"

# What must be refused.
expect_error 78 "train.lr: the run has 0.003, asked for is 0.002" train --out a --lr 2e-3
expect_error 73 "already holds a run" train --out a --resume never
expect_error 2 "needs a tokenizer" "$LLMCTL" pretrain train.txt --out x
expect_error 2 "no input" "$LLMCTL" pretrain --out x
expect_error 66 "No such file" "$LLMCTL" pretrain absent.tok --out x
printf 'PK\3\4' | dd of=packed.txt bs=64 conv=sync 2>dd.log
expect_error 65 "it is a zip archive" "$LLMCTL" pretrain packed.txt --tokenizer tok.json --out x
expect_error 78 "did you mean llama-nano?" "$LLMCTL" pretrain --preset lama-nano --plan
expect 0 "$LLMCTL" pretrain --preset llama-nano --momentum 0.9 --plan
grep -qF -- "warning: --momentum does nothing with this --optimizer" err || fail "$(cat err)"
expect 0 "$LLMCTL" pretrain --preset llama-nano --mask-rate 0.2 --plan
grep -qF -- "warning: --mask-rate does nothing with --objective lm" err || fail "$(cat err)"
expect_error 65 "it is an llmctl checkpoint" "$LLMCTL" eval a a/model.llmz
expect_error 2 "exclude each other" train --out x --val-fraction 0.1
expect_error 78 "does not divide" train --out x --accum 16 --leaves 8
expect_error 78 "equal leaves" train --out x --leaves 16
expect_error 2 "more than the model's context" train --out x --max-length 64
flock a/lock sleep 5 &
holder=$!
sleep 0.1
expect_error 73 "in use by another" train --out a
kill $holder

# What --dtype auto was stays what it is; other options are shown.
for dtype in f32 bf16; do
    train --out wide-$dtype --dtype $dtype --threads 1 -q
    train --out wide-$dtype --threads 1 --json >out 2>err
    [ "$(value was_done)" = true ] || fail "a run in $dtype is not resumed as such: $(cat err)"
done
mv wide-f32 wide

# AMX sums bf16 products otherwise than all other kernels: a run that changes says so, once it has steps to do.
if "$LLMCTL" version | shows avx512amx && [ -z "${LLMCTL_ISA-}" ]; then
    train --out tiles --dtype bf16 --threads 1 -q
    LLMCTL_ISA=avx512bf16 train --out pairs --dtype bf16 --threads 1 -q
    LLMCTL_ISA=avx512bf16 expect 0 train --out tiles --threads 1
    grep -q "rounded otherwise" err && fail "a finished run is not rounded otherwise"
    rm -r tiles/ckpt/step-60 pairs/ckpt/step-60
    LLMCTL_ISA=avx512bf16 expect 0 train --out tiles --threads 1
    grep -qF -- "as tdpbf16ps sums them, here vdpbf16ps does" err || fail "$(cat err)"
    expect 0 train --out pairs --threads 1
    grep -qF -- "LLMCTL_ISA=avx512bf16 would go on as before" err || fail "$(cat err)"
else
    echo "skipped: resuming with AMX, which this machine has not"
fi
expect_error 78 "train.seed: the run has \"1\", asked for is \"2\"" train --out wide --seed 2

# Ids that a model without a tokenizer has not.
"$LLMCTL" convert a/model.llmz no-tok.llmz --no-tokenizer -q
"$LLMCTL" tokenize train train.txt --vocab-size 300 --out big.json -q
"$LLMCTL" tokenize encode val.txt -t big.json --out big.tok -q
expect_error 78 "the data has 300 token ids, the model 96" "$LLMCTL" eval no-tok.llmz big.tok

# Early stopping keeps the best model.
train --out e --lr 0.1 --schedule const --early-stop 2 --eval-every 3 --threads 1 --json >out 2>err
[ "$(value steps)" -lt 60 ] || fail "did not stop early"
best=$(sed -n 's/.*"val_loss":\([^,]*\).*/\1/p' e/metrics.jsonl | sort -g | sed -n 1p)
"$LLMCTL" eval e val.txt --batch 8 --json >out
[ "$(value loss)" = "$best" ] || fail "the model has $(value loss), the best was $best"

# The plan says what is then used.
train --plan --json --threads 2 >out
planned=$(value bytes_total)
train --out p --steps 1 --threads 2 --json >out 2>err
[ "$(value memory_bytes)" = "$planned" ] || fail "planned $planned bytes, used $(value memory_bytes)"

# And the process takes no more than it says, within 5 %.
case $LLMCTL in
*/san-*) ;;
*)
    large="train.txt -t tok.json --preset llama-15m --batch 8 --context 128 --steps 2 --threads 2 --json"
    # shellcheck disable=SC2086
    "$LLMCTL" pretrain $large --plan >out
    planned=$(value bytes_peak)
    # shellcheck disable=SC2086
    used=$(python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)' "$LLMCTL" pretrain $large --out large -q)
    awk -v p="$planned" -v u="$used" 'BEGIN { exit !(u > 0.95 * p && u < 1.05 * p) }' || fail "planned $planned bytes, used $used"
    ;;
esac

# Before there is data, the same plan: the vocabulary is the tokenizer's, else the model's own.
small() { "$LLMCTL" pretrain --preset gpt2-nano --batch 2 --threads 1 --plan --json "$@" >out; }
small train.txt -t tok.json
planned=$(value bytes_total)
small -t tok.json
[ "$(value bytes_total)" = "$planned" ] || fail "planned $(value bytes_total) bytes without data, $planned with"
small
[ "$(value params)" = 834304 ] || fail "gpt2-nano has $(value params) parameters"
[ "$(value tokens_epoch)" = 0 ] || fail "an epoch without data"
expect_error 2 "no input" "$LLMCTL" pretrain --preset gpt2-nano --out none

# A disk that fills up: status 74, what was saved stays, and with more room
# the run goes on to the same end.
mkdir full
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=800k tmpfs full 2>/dev/null; then
    got=0
    train --out full/run --threads 1 -q >out 2>err || got=$?
    mount -o remount,size=8m full
    kept=$(ls full/run/ckpt)
    train --out full/run --threads 1 >out 2>resumed || true
    mkdir f && cp full/run/model.llmz full/run/metrics.jsonl f || true
    umount full || umount -l full
    [ $got -eq 74 ] || fail "full disk: status $got: $(cat err)"
    grep -q "saving checkpoint .*No space left" err || fail "full disk: $(cat err)"
    [ "$kept" = "step-10
step-20" ] || fail "full disk left: $kept"
    grep -q "resuming from step 20" resumed || fail "$(cat resumed)"
    same f
fi

# Samples; a prompt that cannot be encoded does not end the run.
train --out m --steps 4 --sample-every 2 --sample-prompt 'the quick' -q
[ "$(ls m/samples)" = "step-2.txt
step-4.txt" ] || fail "samples: $(ls m/samples)"
grep -q '^the quick' m/samples/step-2.txt || fail "$(cat m/samples/step-2.txt)"
train --out m2 --steps 4 --sample-every 2 --sample-prompt 'ü' 2>err || fail "a bad prompt ended the run: $(cat err)"
