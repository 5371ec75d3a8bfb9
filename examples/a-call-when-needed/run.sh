#!/usr/bin/env bash
# Somebody is called when a proposal waits for a decision, although the receiver fails twice. Runs against a fresh home;
# needs a built opsloop (npm run build).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
opsloop() { node "$here/../../dist/cli/main.js" "$@"; }

OPSLOOP_HOME=$(mktemp -d)
chmod 711 "$OPSLOOP_HOME"
export OPSLOOP_HOME OPSLOOP_LLM=extractive

node "$here/receiver.mjs" "$OPSLOOP_HOME/secrets/webhook-mine" > "$OPSLOOP_HOME/receiver.log" &
receiver=$!
until [ -s "$OPSLOOP_HOME/receiver.log" ]; do sleep 0.1; done
port=$(head -n 1 "$OPSLOOP_HOME/receiver.log")
# What is not on the public internet is called only where the configuration names it.
echo "{ \"webhooks\": { \"allow\": [\"127.0.0.1:$port\"] } }" > "$OPSLOOP_HOME/config.json"

node "$here/../../dist/cli/main.js" up --port 0 --no-sample > "$OPSLOOP_HOME/up.log" 2>&1 &
server=$!
trap 'kill $server $receiver 2> /dev/null; wait $server 2> /dev/null; rm -rf "$OPSLOOP_HOME"' EXIT
until grep -q 'Ctrl+C stops' "$OPSLOOP_HOME/up.log"; do
  kill -0 $server || { cat "$OPSLOOP_HOME/up.log"; exit 1; }
  sleep 0.1
done

echo '== whom to call, and for what'
opsloop webhooks set mine --to "http://127.0.0.1:$port/" --topics proposal --links

echo '== a deployment needs a decision'
opsloop propose 'Ship it' --kind deploy > /dev/null

for _ in $(seq 600); do
  grep -q genuine "$OPSLOOP_HOME/receiver.log" && break
  sleep 0.1
done
tail -n +2 "$OPSLOOP_HOME/receiver.log"

echo '== how it went'
opsloop webhooks calls mine
echo '== done'
