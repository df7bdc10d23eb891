#!/bin/bash
# scripts/dedup-cluster.sh and --shard auto with each launcher: stand-ins that do
# what mpirun, srun and GNU parallel do with this command line; and, as they take
# seconds to start, the real ones only with CHECK_LAUNCHERS=1.
set -eu
. "$SRC/tests/cli/lib.bash"

awk 'BEGIN { srand(2); for (i = 0; i < 400; i++) { printf "{\"id\":%d,\"text\":\"", i
    for (k = 0; k < 40; k++) printf "%c%c%c ", 97 + rand() * 26, 97 + rand() * 26, 97 + rand() * 26; print "\"}" } }' >a.jsonl
sed -n '50,250{s/"text":"...../"text":"/;p}' a.jsonl >b.jsonl
in="a.jsonl b.jsonl --near -q"
# shellcheck disable=SC2086
"$LLMCTL" dedup $in --out one.jsonl --removed oner.jsonl
[ "$(grep -c . oner.jsonl)" = 201 ] || fail "$(wc -l oner.jsonl)"
same() { # WHAT
    cat x.0*.jsonl | cmp - one.jsonl || fail "$1: other bytes"
    cat xr.0*.jsonl | cmp - oner.jsonl || fail "$1: other bytes removed"
    rm -rf x.* xr.* w
}
export LLMCTL
cluster() { # LAUNCHER N
    # shellcheck disable=SC2086
    "$SRC/scripts/dedup-cluster.sh" -l "$1" -n "$2" -w w -- $in --out x.jsonl --removed xr.jsonl || fail "$1: status $?"
}

mkdir bin
cat >bin/mpirun <<'END'
#!/bin/bash
# mpirun -n N COMMAND...: all ranks at once; fails when one does.
[ "$1" = -n ] || exit 9
n=$2; shift 2; pids=
for ((i = 0; i < n; i++)); do OMPI_COMM_WORLD_RANK=$i OMPI_COMM_WORLD_SIZE=$n "$@" & pids="$pids $!"; done
for p in $pids; do wait "$p" || exit 1; done
END
sed 's/mpirun -n N/srun --ntasks=N/;s/\[ "$1" = -n \]/[[ $1 = --ntasks=* ]]/;s/n=$2; shift 2/n=${1#*=}; shift/;s/OMPI_COMM_WORLD_RANK/SLURM_PROCID/;s/OMPI_COMM_WORLD_SIZE/SLURM_NTASKS/' bin/mpirun >bin/srun
cat >bin/parallel <<'END'
#!/bin/bash
# parallel --halt now,fail=1 --jobs J COMMAND...: {} is the line.
[ "$1 $2 $3" = "--halt now,fail=1 --jobs" ] || exit 9
shift 4
while read -r line; do "${@//\{\}/$line}" </dev/null || exit 1; done
END
chmod +x bin/*
for l in slurm mpi parallel; do
    PATH=$PWD/bin:$PATH cluster $l 2
    same "$l"
done

# Each task of a Slurm array, with one process and with two.
for i in 4 6 8; do
    # shellcheck disable=SC2086
    SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=4 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=3 SLURM_PROCID=0 SLURM_NTASKS=1 \
        "$LLMCTL" dedup $in --workdir w --shard auto --out x.jsonl --removed xr.jsonl &
done
wait
[ "$(ls x.0*)" = "$(printf 'x.0000%d-of-00003.jsonl\n' 0 1 2)" ] || fail "array: $(ls x.0*)"
same "an array"
for i in 0 1; do
    for k in 0 1; do
        # shellcheck disable=SC2086
        SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=2 SLURM_PROCID=$k SLURM_NTASKS=2 \
            "$LLMCTL" dedup $in --workdir w --shard auto --out x.jsonl --removed xr.jsonl &
    done
done
wait
[ "$(ls x.0*)" = "$(printf 'x.0000%d-of-00004.jsonl\n' 0 1 2 3)" ] || fail "array of two: $(ls x.0*)"
same "an array of two"
got=0
# shellcheck disable=SC2086
PMI_RANK=x PMI_SIZE=2 "$LLMCTL" dedup $in --workdir w --shard auto --out x.jsonl 2>err || got=$?
[ $got = 2 ] && grep -q 'want I from 0' err || fail "a rank that is no number: $got $(cat err)"

# A failing rank fails the whole; usage.
got=0
PATH=$PWD/bin:$PATH "$SRC/scripts/dedup-cluster.sh" -l parallel -n 2 -w w -- none.jsonl --out x.jsonl 2>/dev/null || got=$?
[ $got = 1 ] || fail "a failing rank: $got"
got=0
"$SRC/scripts/dedup-cluster.sh" -n 0 -w w -- a.jsonl 2>/dev/null || got=$?
[ $got = 2 ] || fail "no shards: $got"

[ -n "${CHECK_LAUNCHERS-}" ] || exit 0
rm -rf w
cluster parallel 3 2>/dev/null
same "GNU parallel"
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 MPIRUN_OPTS=--oversubscribe cluster mpi 3
same "mpirun"
