#!/usr/bin/env bash
# Train on several ranks: [MAX_RESTARTS=3] tools/dist_train.sh CONFIG RANKS [flags]
# RANKS is per node. On several nodes start it on each, with NNODES and the same
# RDZV_ENDPOINT=HOST:PORT of one of them; or, without restarts, with NNODES, NODE_RANK,
# MASTER_ADDR and PORT (29500). On one node PORT is a free port unless you set it.
# One rank per GPU; without a GPU, ranks are processes on the CPU over gloo. If a rank
# dies, all restart from the newest checkpoint, up to MAX_RESTARTS times. SIGTERM and
# SIGUSR1 save and end with code 75 ("start me again with --resume"), Ctrl-C with 130;
# ranks get SAVE_SECONDS (600) for it, torchrun alone would give them 30.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 CONFIG RANKS [flags of train.py]" >&2; exit 2; }
CONFIG=$1 GPUS=$2
CORES=$(nproc 2>/dev/null || echo 1)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((CORES / GPUS > 0 ? CORES / GPUS : 1))}
MEET=(--node_rank="${NODE_RANK:-0}" --master_addr="${MASTER_ADDR:-127.0.0.1}"
    --master_port="${PORT:-$([ "${NNODES:-1}" = 1 ] && echo auto || echo 29500)}")
if [ -n "${RDZV_ENDPOINT:-}" ]; then
    MEET=(--rdzv-backend=c10d --rdzv-endpoint="$RDZV_ENDPOINT"
        --rdzv-id="${RDZV_ID:-cld_mm}")
    # Else ranks that are restarted find the addresses of those that died.
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
fi
# torchrun ends with 1 whatever its ranks end with: this node's first leaves its code
# here.
CLD_MM_EXIT_FILE=$(mktemp)
export CLD_MM_EXIT_FILE
trap 'rm -f "$CLD_MM_EXIT_FILE"' EXIT
"${PYTHON:-python}" "$(dirname "$0")/launch_ranks.py" \
    --nnodes="${NNODES:-1}" \
    "${MEET[@]}" \
    --nproc_per_node="$GPUS" \
    --max-restarts="${MAX_RESTARTS:-0}" \
    --shutdown-timeout="${SAVE_SECONDS:-600}" \
    --signals-to-handle=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1 \
    "$(dirname "$0")/train.py" "$CONFIG" --launcher pytorch "${@:3}" &
RUN=$!
trap 'kill -TERM $RUN 2>/dev/null || true' TERM
trap 'kill -USR1 $RUN 2>/dev/null || true' USR1
trap 'kill -INT $RUN 2>/dev/null || true' INT
CODE=0
wait $RUN || CODE=$?
# A signal ends "wait" before the run has ended.
while kill -0 $RUN 2>/dev/null; do
    CODE=0
    wait $RUN || CODE=$?
done
[ ! -s "$CLD_MM_EXIT_FILE" ] || CODE=$(cat "$CLD_MM_EXIT_FILE")
exit "$CODE"
