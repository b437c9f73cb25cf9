#!/usr/bin/env bash
# Train on several ranks: tools/dist_train.sh CONFIG RANKS [flags of train.py]
# One rank a GPU; without a GPU, ranks are processes on the CPU over gloo.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 CONFIG RANKS [flags of train.py]" >&2; exit 2; }
CONFIG=$1 GPUS=$2
CORES=$(nproc 2>/dev/null || echo 1)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((CORES / GPUS > 0 ? CORES / GPUS : 1))}
exec "${PYTHON:-python}" "$(dirname "$0")/launch_ranks.py" \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$GPUS" \
    "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "${@:3}"
