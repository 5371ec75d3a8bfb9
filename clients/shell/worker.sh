#!/usr/bin/env bash
# Works opsloop steps of one kind with a command, by curl and jq:  worker.sh <kind> <command> [argument ...]
# The command reads the claim as JSON and writes its result as text. Exit code 0: completed with {"text": ...}.
# 75: given back for a minute. Any other: failed, with the last lines of its standard error.
set -uo pipefail -m
: "${OPSLOOP_API_KEY:?a key of scope work, as from: opsloop keys create shell --scopes work}"
key=$OPSLOOP_API_KEY
unset OPSLOOP_API_KEY # the command needs none
api=${OPSLOOP_URL:-http://127.0.0.1:8787}/api/ops/work
kind=${1:?which kind of steps} && shift
folder=$(mktemp -d)
stopped='' pid='' worker=''

# post <path> <token> <seconds> <name>: the body from standard input; the answer and its status into files of that name
post() {
  curl -s --max-time "$3" -H 'Content-Type: application/json' -H @<(printf 'Authorization: Bearer %s\n' "$2") \
    --data-binary @- -o "$folder/$4" -w '%{http_code}' "$api/$1" > "$folder/$4.status" || echo 000 > "$folder/$4.status"
}
status() { cat "$folder/$1.status"; }

# Sends an end until it is taken (200) or refused (4xx); sent twice, it counts once.
deliver() {
  until post "claims/$id/$1" "$token" 30 end < "$folder/body"; case $(status end) in 408 | 429 | 5* | 000) false ;; esac; do sleep 2; done
  [ "$(status end)" = 200 ] || echo "the end of $id was refused: $(jq -r .detail "$folder/end")" >&2
}

# Renews while this script and the command live; a claim that must be stopped stops the command.
renew() {
  while sleep 3 && kill -0 $$ 2> /dev/null; do
    post "claims/$id/renew" "$token" 10 renewal <<< '{}'
    case $(status renewal) in
      200) jq -e .abort "$folder/renewal" > /dev/null || continue ;;
      401 | 403) ;; # the key has ended, and the claim with it
      *) continue ;;
    esac
    touch "$folder/aborted"
    kill -- "-$1"
    return
  done
}

stop() {
  stopped=1
  [ -n "$pid" ] && kill -- "-$pid" 2> /dev/null
}
trap stop TERM INT
bye() {
  for job in $(jobs -p); do kill -- "-$job" 2> /dev/null; done
  jq -n --arg worker "$worker" '{worker: $worker}' | post leave "$key" 5 left
  rm -rf "$folder"
}
trap bye EXIT

while [ -z "$stopped" ]; do
  [ -n "$worker" ] || worker=$(hostname -s)-$( (uuidgen || cat /proc/sys/kernel/random/uuid) 2> /dev/null | tr A-Z a-z)
  jq -n --arg worker "$worker" --arg kind "$kind" '{worker: $worker, kinds: [$kind], wait_seconds: 20}' > "$folder/ask"
  post claim "$key" 40 claim < "$folder/ask" &
  wait $!
  [ -z "$stopped" ] || break
  case $(status claim) in
    200) ;;
    409) worker='' && continue ;; # it was silent for too long, so it begins anew
    408 | 429 | 5* | 000) sleep 5 && continue ;;
    *) echo "refused: $(jq -r .detail "$folder/claim")" >&2 && exit 1 ;;
  esac
  jq -e '.claims[0]' "$folder/claim" > "$folder/one" || continue
  id=$(jq -r .claim_id "$folder/one") token=$(jq -r .token "$folder/one")
  rm -f "$folder/aborted"

  "$@" < <(jq 'del(.token)' "$folder/one") > "$folder/out" 2> "$folder/err" &
  pid=$!
  renew $pid &
  renewing=$!
  wait $pid
  code=$?
  [ -n "$stopped" ] && wait $pid
  pid=''
  kill -- "-$renewing" 2> /dev/null

  if [ "$code" = 0 ]; then
    jq -Rs '{output: {text: .}}' "$folder/out" > "$folder/body" && deliver complete
  elif [ -n "$stopped" ] || [ -e "$folder/aborted" ] || [ "$code" = 75 ]; then
    jq -n --argjson wait "$([ "$code" = 75 ] && echo 60 || echo 0)" '{retry_in_seconds: $wait}' > "$folder/body" && deliver release
  else
    tail -c 2000 "$folder/err" | jq -Rs --arg code "$code" '{class: "exit_code", message: ("exit code \($code): " + .)}' > "$folder/body" && deliver fail
  fi
done
