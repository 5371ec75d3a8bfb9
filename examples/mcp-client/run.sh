#!/usr/bin/env bash
# An MCP client proposes and waits, against a fresh home; needs a built opsloop (npm run build).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
opsloop() { node "$here/../../dist/cli/main.js" "$@"; }

OPSLOOP_HOME=$(mktemp -d)
chmod 711 "$OPSLOOP_HOME"
export OPSLOOP_HOME OPSLOOP_LLM=extractive

node "$here/../../dist/cli/main.js" up --port 0 --no-sample > "$OPSLOOP_HOME/up.log" 2>&1 &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$OPSLOOP_HOME"' EXIT
until grep -q 'Ctrl+C stops' "$OPSLOOP_HOME/up.log"; do
  kill -0 $server || { cat "$OPSLOOP_HOME/up.log"; exit 1; }
  sleep 0.1
done

echo '== a key for the agent'
key=$(opsloop --json keys create 'an MCP client' --agent research | node -p 'JSON.parse(fs.readFileSync(0)).key')
port=$(node -p "JSON.parse(fs.readFileSync('$OPSLOOP_HOME/server.json')).port")

echo '== it proposes and waits'
OPSLOOP_URL=http://127.0.0.1:$port OPSLOOP_API_KEY=$key node "$here/client.mjs"

echo '== what an operator sees of it'
opsloop proposals
echo '== done'
