#!/usr/bin/env bash
# Trains small models of every kind on one text and compares them: positions,
# objectives, mixers, sparse and dense, optimizers; three seeds each.  Writes
# OUT/architectures.md with its plots.  As many runs go on at a time as there are
# cores, for about 100 minutes of processor time in all.  What is done already is
# not done again; stopped, the same command goes on where it was.
# usage: scripts/compare-architectures.sh TEXT OUT [EXPERIMENT...]
set -eu
[ $# -ge 2 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
exec python3 "$(dirname "$0")/compare-architectures.py" --llmctl "${LLMCTL:-./llmctl}" "$@"
