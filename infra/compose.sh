#!/bin/sh
# `make up-docker` and `make down-docker`, with whichever compose there is: sh infra/compose.sh check|up|down
set -eu
cd "$(dirname "$0")/.."
export PWD # docker-compose.yml names folders of this one
WAIT_S=600 # of which the images' downloads are no part; Milvus takes one minute, the deployment another

fail() {
    echo "$1" >&2
    exit 1
}

compose() {
    if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

check() {
    docker info >/dev/null 2>&1 ||
        fail "No Docker engine answers: start it ('docker info' tells more). The chat runs without one: make run."
    docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null ||
        fail "There is a Docker engine, but neither 'docker compose' nor 'docker-compose': install one of them."
}

health() { # of a service: starting, healthy, unhealthy, or nothing while it does not run
    docker inspect --format '{{.State.Health.Status}}' "$(compose ps -q "$1")" 2>/dev/null || true
}

wait_for() { # --wait is Compose 2's alone
    deadline=$(($(date +%s) + WAIT_S))
    until [ "$(health "$1")" = healthy ]; do
        [ "$(health "$1")" != unhealthy ] || { compose logs --tail 40 "$1" >&2; fail "$1 is unhealthy; the log is above."; }
        [ "$(date +%s)" -lt "$deadline" ] || fail "$1 is not healthy after $WAIT_S s: see its log."
        sleep 2
    done
    echo "$1: healthy"
}

up() {
    compose rm --stop --force localstack >/dev/null 2>&1 # it keeps nothing, and deploys what is built when it starts
    compose up --detach --build milvus embeddings localstack
    for service in embeddings milvus localstack; do wait_for "$service"; done
    echo
    compose exec -T localstack sh -c 'cat /tmp/outputs'
}

check
case ${1:-} in
check) ;;
up) up ;;
down) compose --profile gpu --profile tools down ;;
*) fail "usage: sh infra/compose.sh check|up|down" ;;
esac
