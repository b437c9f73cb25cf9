#!/usr/bin/env bash
# Set everything up, pre-train a small MoCo v2 + CLD on real images and show what it
# learned: bash tools/quickstart.sh [--seed N] [--work-dir DIR] [--fresh]
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup_env.sh
setup_env core
.venv/bin/python tools/dataset_converters/prepare.py fashion-mnist
exec .venv/bin/python tools/quickstart.py "$@"
