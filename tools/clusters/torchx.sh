#!/usr/bin/env bash
# TorchX: tools/clusters/torchx.sh SCHEDULER CONFIG WORK_DIR [NODESxRANKS]
# SCHEDULER is local_cwd, slurm, kubernetes, ...; see "torchx runopts".
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 SCHEDULER CONFIG WORK_DIR [NODESxRANKS]" >&2; exit 2; }
exec torchx run --scheduler "$1" dist.ddp -j "${4:-1x8}" --max_retries 10 \
    --script tools/train.py -- "$2" --launcher pytorch --work-dir "$3" --resume
