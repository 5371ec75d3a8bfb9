#!/usr/bin/env bash
# An MCP client proposes and waits, against a fresh home; needs a built opsloop (npm run build).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../begin.sh"
export OPSLOOP_LLM=extractive

start_server

echo '== a key for the agent'
key=$(opsloop --json keys create 'an MCP client' --agent research | node -p 'JSON.parse(fs.readFileSync(0)).key')

echo '== it proposes and waits'
OPSLOOP_URL=$server_url OPSLOOP_API_KEY=$key node "$here/client.mjs"

echo '== what an operator sees of it'
opsloop proposals
echo '== done'
