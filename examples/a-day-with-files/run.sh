#!/usr/bin/env bash
# The older file-based system's day on top of the loop: submit, chain, goal, a command with its approval, wait.
# Runs against a fresh home and a stand-in for Ollama (model.mjs); needs a built opsloop (npm run build).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../begin.sh"
inbox=$OPSLOOP_HOME/workspace/inbox
outputs=$OPSLOOP_HOME/workspace/outputs

coproc MODEL { exec node "$here/model.mjs"; }
read -r port <&"${MODEL[0]}"
export OLLAMA_URL=http://127.0.0.1:$port
started+=("$MODEL_PID")

start_server

# Waits until a file is there.
there() {
  for _ in $(seq 300); do
    compgen -G "$1" > /dev/null && return
    sleep 0.1
  done
  echo "this did not appear: $1" >&2
  ls "$inbox" "$outputs" >&2
  return 1
}

echo '== drop a file, as ever'
printf '@research: What is tea?\n' > "$inbox/tea.txt"
there "$inbox/tea.txt.done"
cat "$outputs"/tea__*.md

echo '== submit, and wait for the result'
opsloop files submit '@qa: list the risks' --name risks
opsloop files wait risks --timeout 30

echo '== a chain: the answer asks for one task more'
opsloop files submit 'begin a chain' --name chain
there "$inbox/second_part.txt.done"

echo '== a goal becomes tasks, worked in order'
printf 'Write about tea.\n' > "$inbox/GOAL_tea.txt"
there "$inbox/GOAL_tea.txt.done"
there "$inbox/2_Write__*.txt.done"
grep -q GOAL_tea "$OPSLOOP_HOME/workspace/state/memory.json"

echo '== a command is refused while commands are off'
opsloop files exec 'echo hello' --name hello
opsloop files wait hello --exec --timeout 30 || true
there "$inbox/hello.txt.failed"

echo '== turned on, it waits for its approval, and runs once'
opsloop policy set exec_policy '{"enabled":true,"approval_files":true,"timeout_seconds":60,"max_output_bytes":100000}' > /dev/null
opsloop files exec 'echo hello; pwd' --name hello2
there "$outputs/hello2__*__PENDING.md"
sleep 0.2 # the approval has to be newer than the note
touch "$OPSLOOP_HOME/workspace/approvals/hello2.ok"
opsloop files wait hello2 --exec --timeout 30
opsloop files exec 'date' --name clock
there "$outputs/clock__*__PENDING.md"
opsloop files approve clock --yes
opsloop files wait clock --exec --timeout 30

echo '== the day in one list'
opsloop files list
opsloop files status
echo '== done'
