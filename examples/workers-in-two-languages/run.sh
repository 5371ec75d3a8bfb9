#!/usr/bin/env bash
# Steps of kinds of one's own, worked by Python and by a shell script over HTTP; one worker is killed in the middle.
# Runs against a fresh home; needs a built opsloop (npm run build), python3, curl and jq.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../begin.sh"
start_server
OPSLOOP_URL=$server_url

# Waits until a command succeeds.
until_true() {
  for _ in $(seq 300); do
    "$@" > /dev/null 2>&1 && return
    sleep 0.2
  done
  echo "this did not come true: $*" >&2
  return 1
}

echo '== a plan with kinds of our own, which policy approves'
plans=$(opsloop policy get plans --json | jq -c '.value + {"loud": ["shout", "count"]}')
opsloop policy set plans "$plans" > /dev/null
opsloop policy set auto_approve '{"enabled":true,"kinds":["loud"]}' > /dev/null
first=$(opsloop propose 'first' --agent pm --kind loud --body 'hello' --json | jq -r .proposal.id)
opsloop why "$first"

echo '== a worker for each kind, with a key for that kind alone'
shout_key=$(opsloop keys create shout --scopes work --kinds shout --json | jq -r .key)
count_key=$(opsloop keys create count --scopes work --kinds count --json | jq -r .key)
export OPSLOOP_URL
NAME=slow SLOW=600 OPSLOOP_API_KEY=$shout_key python3 "$here/shout.py" > "$OPSLOOP_HOME/slow.log" 2>&1 &
slow=$!
until_true grep -q 'shouting first' "$OPSLOOP_HOME/slow.log"
opsloop workers

echo '== it is killed with -9 in the middle; another one takes over when its lease has run out'
kill -9 $slow
wait $slow 2> /dev/null || true
OPSLOOP_API_KEY=$shout_key python3 "$here/shout.py" > "$OPSLOOP_HOME/shout.log" 2>&1 &
workers=($!)
OPSLOOP_API_KEY=$count_key "$here/../../clients/shell/worker.sh" count bash "$here/count.sh" > "$OPSLOOP_HOME/count.log" 2>&1 &
workers+=($!)
started+=("${workers[@]}")
ids=("$first")
for n in 2 3 4 5; do
  ids+=("$(opsloop propose "number $n" --agent pm --kind loud --body 'hello there' --json | jq -r .proposal.id)")
done

is_done() { opsloop show "$1" --json | jq -e '.proposal.outcome == "succeeded"'; }
for id in "${ids[@]}"; do until_true is_done "$id"; done
opsloop show "$first" --json | jq -r '.mission.steps[] | "\(.kind) by attempt \(.attempt): \(.output.text | rtrimstr("\n"))"'

echo '== workers that are told to stop give back what they hold and say goodbye'
kill "${workers[@]}"
wait "${workers[@]}" 2> /dev/null || true
opsloop workers
echo '== done'
