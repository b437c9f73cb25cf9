#!/usr/bin/env bash
# Run the tests: bash tools/run_tests.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup_env.sh
setup_env tests
# The tests' models are tiny: one thread each, and a process for each of two cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec .venv/bin/python -m pytest -n 2 --dist worksteal "$@"
