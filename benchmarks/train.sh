#!/usr/bin/env bash
# build/trained/sse-sidecar: the release build, made fast where a run of it says that it matters. First the preset
# `train` builds a program that notes what it executes; it plays small scenarios of the benchmarks; `trained` is built
# with the notes. Only GCC. usage: train.sh [number of compilers at once]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs=(${1:+-j "$1"})
scenarios=(fanout rate requests storm burst heartbeats tls-fanout tls-requests tls-storm)

cmake --preset train --log-level=WARNING
cmake --build --preset train "${jobs[@]}"
if [ ! build/train/notes/complete -nt build/train/sse-sidecar ]; then
  rm -rf build/train/notes build/trained # what is built does not depend on the notes, as far as ninja knows
  python3 -B benchmarks/bench.py --quick --peers sse-sidecar --build build/train --ours build/train --out build/train/bench \
    "${scenarios[@]/#/--only=}" >build/train/bench.log 2>&1 || { cat build/train/bench.log && exit 1; }
  # Programs write their notes when they end; what has come to nothing would go unnoticed.
  for part in net exchange http sse; do
    [ -n "$(find build/train/notes -name "sidecar#$part#*.gcda")" ] || { echo "train: no notes of $part" && exit 1; }
  done
  touch build/train/notes/complete
fi
cmake --preset trained --log-level=WARNING
cmake --build --preset trained "${jobs[@]}"
