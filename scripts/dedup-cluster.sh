#!/usr/bin/env bash
# Deduplicates with many processes, on one machine or on many that share a file
# system.  The outputs FILE.00000-of-N ... joined in order are what one process
# writes, for any N; a run that was interrupted goes on with the same command.
#
#   scripts/dedup-cluster.sh -n 64 -w /shared/work -- web/ --near --out /shared/u.jsonl.zst
#
# Options before --:  -n N  shards;  -w DIR  work directory, seen by all;
#   -l local|parallel|slurm|mpi  how processes are started (local)
#   -j N  with local and parallel: at most so many at a time (all CPUs)
# What follows -- are the operands and options of llmctl dedup.
#
#   local     this machine, phase after phase
#   parallel  GNU parallel, phase after phase; PARALLEL_OPTS="--sshloginfile nodes --wd ."
#             spreads them over machines
#   slurm     one srun of N tasks; SRUN_OPTS="--partition=cpu --cpus-per-task=4"
#   mpi       one mpirun of N ranks (no MPI in llmctl: they meet in DIR); MPIRUN_OPTS="..."
#
# A Slurm array needs no script: sbatch --array=0-63 --wrap "llmctl dedup web/ --near
# --workdir DIR --shard auto --out u.jsonl"; the tasks wait for each other, so all
# must be able to run at once.
#
# With slurm and mpi all N processes run at once and wait for each other; with
# local and parallel any number at a time does.
set -eu
llmctl=${LLMCTL:-./llmctl}
n='' work='' launcher=local jobs=$(nproc)
usage() { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
while getopts n:w:l:j:h o; do
    case $o in
    n) n=$OPTARG ;;
    w) work=$OPTARG ;;
    l) launcher=$OPTARG ;;
    j) jobs=$OPTARG ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ -n "$n" ] && [ -n "$work" ] && [ $# -gt 0 ] || usage
case $n in *[!0-9]* | 0) echo "dedup-cluster: -n '$n' is no number of shards" >&2; exit 2 ;; esac

phases="sign exact bands pairs sets verify choose names index write join texts report"
case $launcher in
slurm)
    # shellcheck disable=SC2086  # options are meant to split
    exec srun --ntasks="$n" ${SRUN_OPTS-} "$llmctl" dedup "$@" --workdir "$work" --shard auto
    ;;
mpi)
    # shellcheck disable=SC2086
    exec mpirun -n "$n" ${MPIRUN_OPTS-} "$llmctl" dedup "$@" --workdir "$work" --shard auto
    ;;
parallel)
    for phase in $phases; do
        # shellcheck disable=SC2086
        seq 0 $((n - 1)) | parallel --halt now,fail=1 --jobs "$jobs" ${PARALLEL_OPTS-} \
            "$llmctl" dedup "$@" --workdir "$work" --shard "{}/$n" --phase "$phase"
    done
    ;;
local)
    for phase in $phases; do
        seq 0 $((n - 1)) | xargs -P "$jobs" -I '{}' \
            "$llmctl" dedup "$@" --workdir "$work" --shard "{}/$n" --phase "$phase" --threads 1
    done
    ;;
*) usage ;;
esac
