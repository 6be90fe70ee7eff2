#!/usr/bin/env bash
# Measures what notebooks/results/speed.md lists. Usage: bash notebooks/results/measure_speed.sh cuda|cpu FOLDER [MANIFEST]
#
# On a GPU the networks compile side by side first, into one cache, and are measured one after the other afterwards.
# A second call finds the cache filled. About an hour and a half on two CPU cores. Not timed on a GPU yet.
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
  if [ -n "${3:-}" ]; then # a manifest of some real videos
    dnrlab bench tsn_resnet50 --device cuda --batch-size 30 --rounds 1 --treatments eager --tasks forward \
      --manifest "$3" --num-workers 8 --json > "$out/evaluation.json" 2> "$out/evaluation.txt"
  fi
else
  dnrlab bench tsn_resnet50 --device cpu --rounds 30 --json > "$out/tsn_resnet50.json"
  python notebooks/results/speed_of_parts.py 30 > "$out/parts.txt"
  for name in "${networks[@]:1}"; do
    dnrlab bench "$name" --device cpu --rounds 30 --treatments eager --tasks step --json > "$out/$name.json"
  done
  dnrlab bench tsn_resnet50 --device cpu --rounds 5 --treatments eager --tasks forward --frames 8 16 32 64 --json \
    > "$out/frames.json"
  if [ -n "${3:-}" ]; then # a manifest of some real videos
    dnrlab bench tsn_resnet50 --device cpu --rounds 1 --treatments eager --tasks forward --manifest "$3" --json \
      > "$out/evaluation.json"
  fi
  dnrlab bench tsn_resnet50 --device cpu --rounds 30 --treatments compiled --tasks forward --json > "$out/compiled.json"
fi
