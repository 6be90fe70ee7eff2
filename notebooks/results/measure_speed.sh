#!/usr/bin/env bash
# Measures what notebooks/results/speed.md lists. Usage: bash notebooks/results/measure_speed.sh cuda|cpu FOLDER
#
# On a GPU the networks compile side by side first, into one cache, and are measured one after the other afterwards.
# A second call finds the cache filled. About 10 minutes on an H100 with 16 cores; an hour on two CPU cores.
set -euo pipefail
device=$1 out=$2
mkdir -p "$out"
export TORCHINDUCTOR_CACHE_DIR="$out/compiled"
networks=(tsn_resnet50 tsm_resnet50 tanet_resnet50 tdn_resnet50)

if [ "$device" = cuda ]; then
  python -m pytest -q -m needs_cuda tests > "$out/tests.txt" 2>&1 || true
  for name in "${networks[@]}"; do
    dnrlab bench "$name" --device cuda --batch-size 8 --rounds 1 --treatments compiled graphs --json \
      > "$out/warm_up_$name.json" 2> "$out/warm_up_$name.txt" &
  done
  wait
  for name in "${networks[@]}"; do
    dnrlab bench "$name" --device cuda --batch-size 8 --rounds 30 --treatments eager folded compiled graphs --json \
      > "$out/$name.json" 2> "$out/$name.txt"
  done
  dnrlab bench tsn_resnet50 --device cuda --batch-size 2 --rounds 10 --treatments graphs --tasks forward \
    --frames 8 16 32 64 --json > "$out/frames.json" 2> "$out/frames.txt"
else
  dnrlab bench tsn_resnet50 --device cpu --rounds 30 --json > "$out/tsn_resnet50.json"
  dnrlab bench tsn_resnet50 --device cpu --rounds 30 --treatments compiled --tasks forward --json > "$out/compiled.json"
  for name in "${networks[@]:1}"; do
    dnrlab bench "$name" --device cpu --rounds 30 --treatments eager --json > "$out/$name.json"
  done
  dnrlab bench tsn_resnet50 --device cpu --rounds 8 --treatments eager --tasks forward --frames 8 16 32 64 --json \
    > "$out/frames.json"
fi
