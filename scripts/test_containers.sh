#!/usr/bin/env bash
# Build the images, bring the stack up and look at all of it: bash scripts/test_containers.sh [pytest's options]
#
# Where no engine answers, ENGINE (../shared/tools/container-engine by default) starts one, which is stopped at the end.
# Without an engine this fails: it skips nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

engine=${ENGINE:-../shared/tools/container-engine}
tag() { grep -oE "$1:v?[0-9][0-9.]*" docker-compose.yml | cut -d: -f2; }
state="" wheels=""
finish() {
    [ -z "$wheels" ] || kill "$wheels" 2>/dev/null || true
    [ -z "$state" ] || { "$engine" stop "$state"; rm -rf "$state"; }
}
trap finish EXIT

if ! { docker info && docker-compose version; } >/dev/null 2>&1; then
    [ -x "$engine" ] || { echo "no Docker engine answers, and $engine, which starts one, is missing" >&2; exit 1; }
    state=$(mktemp -d)
    "$engine" start "$state" "$(tag prom/prometheus)" "$(tag prom/alertmanager)" "$(tag prometheus/node-exporter)"
    # shellcheck disable=SC1091
    . "$state/env"
    # This engine has no bridge to the outside.
    export DOCKER_BUILDKIT=0 LONGHAND_BUILD_OPTIONS=--network=host LONGHAND_HOST=127.0.0.1
    # PyTorch's wheel for CPUs, where pip finds one on this machine: a build sees only the network.
    if compgen -G "${PIP_FIND_LINKS:-/nowhere}/torch-*.whl" >/dev/null; then
        python3 -m http.server --bind 127.0.0.1 --directory "$PIP_FIND_LINKS" 8977 >/dev/null 2>&1 &
        wheels=$!
        LONGHAND_BUILD_OPTIONS+=" --build-arg TORCH_WHEELS=http://127.0.0.1:8977/"
    fi
fi
export LONGHAND_CONTAINERS=1
[ ! -d .venv ] || export PATH="$PWD/.venv/bin:$PATH"
python -m pytest tests/test_containers -s "$@"
