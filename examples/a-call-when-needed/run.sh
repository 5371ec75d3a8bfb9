#!/usr/bin/env bash
# Somebody is called when a proposal waits for a decision, although the receiver fails twice. Runs against a fresh home;
# needs a built opsloop (npm run build).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../begin.sh"
export OPSLOOP_LLM=extractive

node "$here/receiver.mjs" "$OPSLOOP_HOME/secrets/webhook-mine" > "$OPSLOOP_HOME/receiver.log" &
started+=($!)
until [ -s "$OPSLOOP_HOME/receiver.log" ]; do sleep 0.1; done
port=$(head -n 1 "$OPSLOOP_HOME/receiver.log")
# What is not on the public internet is called only where the configuration names it.
echo "{ \"webhooks\": { \"allow\": [\"127.0.0.1:$port\"] } }" > "$OPSLOOP_HOME/config.json"

start_server

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
