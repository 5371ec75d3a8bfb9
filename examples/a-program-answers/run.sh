#!/usr/bin/env bash
# A program of your own works the steps, and what it costs is kept. Runs against a fresh home; needs a built opsloop
# (npm run build).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../begin.sh"
export OLLAMA_URL=http://127.0.0.1:1

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

start_server

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
