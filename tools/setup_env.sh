# Sourced by quickstart.sh and run_tests.sh: makes .venv with the tested versions.
# Usage: . tools/setup_env.sh; setup_env core|tests

setup_env() {
    local kind=$1 root stamp hash
    root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
        echo "error: python3 is $(python3 --version 2>&1), but 3.10 or newer is needed." >&2
        return 2
    }
    hash=$(cat "$root"/requirements/*.txt "$root/setup.py" "$root/pyproject.toml" | cksum | tr ' ' '-')
    stamp="$root/.venv/.installed-$kind-$hash"
    if [ ! -e "$stamp" ]; then
        echo "Setting up .venv with the tested packages ($kind; once, some minutes) ..."
        [ -x "$root/.venv/bin/python" ] || python3 -m venv "$root/.venv" || {
            echo 'error: python3 -m venv failed: install your system'\''s venv package' \
                '(Debian: apt-get install python3-venv).' >&2
            return 2
        }
        local pip=("$root/.venv/bin/python" -m pip --disable-pip-version-check)
        local pinned=(-c "$root/requirements/constraints.txt")
        local lists=(-r "$root/requirements/core.txt" -r "$root/requirements/mmcv_lite.txt")
        [ "$kind" = tests ] && lists+=(-r "$root/requirements/tests.txt")
        "${pip[@]}" install -q "${pinned[@]}" setuptools "${lists[@]}" || return
        "${pip[@]}" install -q --no-deps --no-build-isolation -e "$root" || return
        # The report is tested in a browser; without one those tests are skipped.
        if [ "$kind" = tests ] && ! command -v chromium >/dev/null &&
            command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
            { apt-get update && apt-get install -y --no-install-recommends chromium; } \
                >/dev/null 2>&1 || echo 'chromium could not be installed.' >&2
        fi
        touch "$stamp"
    fi
}
