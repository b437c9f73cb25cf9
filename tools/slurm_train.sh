#!/usr/bin/env bash
# Train under Slurm: [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=8] [SRUN_ARGS=...]
#     tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [flags of train.py]
# Two minutes before the time limit Slurm sends SIGUSR1; the run saves and ends with 75.
# In a batch job (sbatch --requeue --signal=USR1@120) the job is then put back into the
# queue; elsewhere srun starts again at once. Either resumes from the newest checkpoint.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 PARTITION JOB_NAME CONFIG WORK_DIR [flags]" >&2; exit 2; }
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
FLAGS=("${@:5}")
trap '' USR1 # meant for the ranks
while :; do
    CODE=0
    # shellcheck disable=SC2086  # SRUN_ARGS is a list of words
    (trap - USR1; exec srun --partition="$1" --job-name="$2" \
        --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" \
        --cpus-per-task="${CPUS_PER_TASK:-8}" --kill-on-bad-exit=1 --signal=USR1@120 \
        ${SRUN_ARGS:-} "${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$3" \
        --work-dir "$4" --launcher slurm "${FLAGS[@]}") || CODE=$?
    [ "$CODE" = 75 ] || exit "$CODE"
    if [ -n "${SLURM_JOB_ID:-}" ]; then
        scontrol requeue "$SLURM_JOB_ID"
        exit 75
    fi
    FLAGS=("${@:5}" --resume)
done
