#!/usr/bin/env bash
# One run of the loop: ingestion -> training -> prediction -> monitoring. For people, cron and CI.
#
#   /bin/bash run_mlops_pipeline.sh            in containers (docker-compose.yml)
#   /bin/bash run_mlops_pipeline.sh --local    with the .venv of this folder
#
# Exit codes: 0 all went well (also when nothing was new); 75 another run is at work; else a step failed, which the last
# line names. Time limits, seconds: LONGHAND_INGESTION_SECONDS, LONGHAND_TRAINING_SECONDS, LONGHAND_PREDICTION_SECONDS,
# LONGHAND_MONITORING_SECONDS. A run that was killed is taken up by the next.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1
local_run=0
for argument in "$@"; do
    case $argument in
        --local) local_run=1 ;;
        *) echo "usage: $0 [--local]" >&2; exit 2 ;;
    esac
done

# docker-compose reads .env for its containers; this reads it for itself. Nothing in it is executed; what is set wins.
read_env() {
    local line name value quoted="^[\"']([^\"']*)[\"']"
    while IFS= read -r line || [ -n "$line" ]; do
        [[ ${line%$'\r'} =~ ^[[:space:]]*([A-Z][A-Z0-9_]*)=(.*)$ ]] || continue
        name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        [ -z "${!name+set}" ] || continue
        [ "$local_run" = 1 ] || [[ $name == LONGHAND_*_SECONDS || $name == LONGHAND_KEPT_LOGS ]] || continue
        if [[ $value =~ $quoted ]]; then
            value=${BASH_REMATCH[1]}
        else
            value=${value%%[[:space:]]#*}
            value=${value%"${value##*[![:space:]]}"}
        fi
        export "$name=$value"
    done <.env
}
[ ! -f .env ] || read_env

state=data/pipeline
logs=$state/logs
kept_logs=${LONGHAND_KEPT_LOGS:-60}
mkdir -p "$logs"

# The lock is held by this script and by all that it started: a training that outlives it keeps the next run away.
exec 9>"$state/lock"
if ! flock --nonblock 9; then
    echo "$(date '+%F %T') another run is at work; this one ends" >&2
    exit 75
fi

log=$logs/$(date '+%Y%m%d-%H%M%S').log
exec > >(while IFS= read -r line; do printf '%(%F %T)T %s\n' -1 "$line"; done | tee -a "$log") 2>&1
writer=$!
find "$logs" -name '*.log' -type f | sort -r | tail -n "+$((kept_logs + 1))" | xargs -r rm --

export TQDM_DISABLE=1   # progress bars are for people
# cron has hardly any PATH.
export PATH="$PWD/.venv/bin:${PATH:-/usr/bin}:/usr/local/bin:/usr/bin:/bin"
compose=()
if [ "$local_run" = 0 ]; then
    if command -v docker-compose >/dev/null; then compose=(docker-compose); else compose=(docker compose); fi
fi

# A container goes on when docker-compose, its client, is killed, and the lock above knows nothing of it.
container=""
remove_container() {
    [ -z "$container" ] || docker rm --force "$container" >/dev/null 2>&1 || true
}

child=""
# shellcheck disable=SC2317  # a trap reaches it
stop() {
    trap - TERM INT HUP
    echo "stopped by a signal"
    if [ -n "$child" ]; then
        kill -TERM "$child" 2>/dev/null
        wait "$child"
    fi
    remove_container
    exit 143
}
trap stop TERM INT HUP

# timeout makes a process group of its own, which it ends as a whole.
limited() { # SECONDS COMMAND...
    timeout --kill-after=30 "$@" &
    child=$!
    wait "$child"
    local code=$?
    child=""
    return "$code"
}

pipeline() { # SECONDS STEP [OPTION...]
    local seconds=$1 service=ingestion code=0
    shift
    if [ "$local_run" = 1 ]; then
        limited "$seconds" longhand pipeline "$@"
        return
    fi
    [ "$1" != training ] || service=training
    container=longhand_$1
    remove_container
    limited "$seconds" "${compose[@]}" run --rm --no-deps --name "$container" "$service" longhand pipeline "$@" || code=$?
    [ "$code" = 0 ] || remove_container
    container=""
    return "$code"
}

run_step() { # STEP SECONDS
    local step=$1 seconds=$2 began=$SECONDS code=0
    echo "=== $step (at most $seconds s)"
    if [ "$local_run" = 0 ]; then
        case $step in
            training) limited 300 "${compose[@]}" up -d --wait mlflow || code=$? ;;
            prediction) limited 300 "${compose[@]}" up -d --wait prediction || code=$? ;;
        esac
    fi
    [ "$code" != 0 ] || pipeline "$seconds" "$step" || code=$?
    [ "$code" != 0 ] || { echo "=== $step: done in $((SECONDS - began)) s"; return 0; }
    case $code in
        124 | 137) echo "=== $step: ended after $((SECONDS - began)) s, its time was over" ;;
        *) echo "=== $step: failed with code $code after $((SECONDS - began)) s" ;;
    esac
    return 1
}

finish() { # CODE TEXT
    echo "$2"
    exec 1>&- 2>&-   # the log's writer ends when nobody writes any more
    wait "$writer"
    exit "$1"
}

run_step ingestion "${LONGHAND_INGESTION_SECONDS:-7200}" || failed=ingestion
[ -n "${failed:-}" ] || run_step training "${LONGHAND_TRAINING_SECONDS:-43200}" || failed=training
[ -n "${failed:-}" ] || run_step prediction "${LONGHAND_PREDICTION_SECONDS:-600}" || failed=prediction
if [ -n "${failed:-}" ]; then
    pipeline "${LONGHAND_MONITORING_SECONDS:-300}" monitoring --failed "$failed" || echo "the metrics were not written"
    finish 1 "failed step: $failed"
fi
run_step monitoring "${LONGHAND_MONITORING_SECONDS:-300}" || finish 1 "failed step: monitoring"
finish 0 "all steps done"
