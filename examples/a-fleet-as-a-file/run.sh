#!/usr/bin/env bash
# An installation is made what a file says, changed, compared, and written out again. Runs against a fresh home; needs a
# built opsloop (npm run build).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../begin.sh"
export OPSLOOP_LLM=extractive
start_server

echo '== what would change'
opsloop diff -f "$here/fleet.yaml" || echo "exit code $?"
echo '== apply'
opsloop apply -f "$here/fleet.yaml"
echo '== again'
opsloop apply -f "$here/fleet.yaml"
echo '== a changed file'
sed 's/per_agent: 20/per_agent: 30/' "$here/fleet.yaml" > "$OPSLOOP_HOME/changed.yaml"
opsloop apply -f "$OPSLOOP_HOME/changed.yaml"
echo '== a mistake is told with its line, and nothing is applied'
sed 's/per_agent: 20/per_agent: many/; s/0 7 /99 7 /' "$here/fleet.yaml" > "$OPSLOOP_HOME/wrong.yaml"
opsloop apply -f "$OPSLOOP_HOME/wrong.yaml" || echo "exit code $?"
echo '== the round trip'
opsloop export > "$OPSLOOP_HOME/export.yaml"
opsloop diff -f "$OPSLOOP_HOME/export.yaml" --prune
echo '== done'
