#!/usr/bin/env bash
# A program of your own works the steps, and what it costs is kept. Runs against a fresh home; needs a built opsloop
# (npm run build).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
opsloop() { node "$here/../../dist/cli/main.js" "$@"; }

OPSLOOP_HOME=$(mktemp -d)
chmod 711 "$OPSLOOP_HOME"
export OPSLOOP_HOME OLLAMA_URL=http://127.0.0.1:1

cat > "$OPSLOOP_HOME/config.json" <<CONFIG
{
  "llm": {
    "providers": {
      "program": {
        "type": "command",
        "command": ["/bin/sh", "$here/answer.sh", "{model}"],
        "models": ["small"],
        "answer": "/result",
        "inputTokens": "/usage/in",
        "outputTokens": "/usage/out"
      }
    }
  }
}
CONFIG

node "$here/../../dist/cli/main.js" up --port 0 --no-sample > "$OPSLOOP_HOME/up.log" 2>&1 &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$OPSLOOP_HOME"' EXIT
until grep -q 'Ctrl+C stops' "$OPSLOOP_HOME/up.log"; do
  kill -0 $server || { cat "$OPSLOOP_HOME/up.log"; exit 1; }
  sleep 0.1
done

echo '== what a million tokens cost is policy'
opsloop policy set prices '{"program:small":{"input":3,"output":15}}' > /dev/null

echo '== the program answers'
opsloop run 'What is tea?'

echo '== what it cost'
mission=$(opsloop missions --json | node -pe 'JSON.parse(fs.readFileSync(0)).missions[0].id')
opsloop attempts "$mission" --json | node -pe '
  const [call] = JSON.parse(fs.readFileSync(0)).attempts[0].calls;
  `${call.engine} ${call.provider}:${call.model}: ${call.input_tokens} in, ${call.output_tokens} out, $${call.cost_usd}`'
echo '== done'
