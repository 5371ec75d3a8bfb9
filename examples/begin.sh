# What every example begins with, by `. ../begin.sh`: a fresh home, which goes away at the end with all that was started.
# Needs a built opsloop (npm run build).
set -euo pipefail
opsloop_js=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/dist/cli/main.js
opsloop() { node "$opsloop_js" "$@"; }

OPSLOOP_HOME=$(mktemp -d)
chmod 711 "$OPSLOOP_HOME"
export OPSLOOP_HOME
started=()

clean_up() {
  [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2> /dev/null || true
  wait
  rm -rf "$OPSLOOP_HOME"
}
trap clean_up EXIT

# A server on a port of its own, which commands find by the home, and other programs at $server_url.
start_server() {
  node "$opsloop_js" up --port 0 --no-sample > "$OPSLOOP_HOME/up.log" 2>&1 &
  local server=$!
  started+=("$server")
  until grep -q 'Ctrl+C stops' "$OPSLOOP_HOME/up.log"; do
    kill -0 "$server" || { cat "$OPSLOOP_HOME/up.log"; exit 1; }
    sleep 0.1
  done
  server_url=$(grep -o 'http://127.0.0.1:[0-9]*' "$OPSLOOP_HOME/up.log" | head -1)
}
