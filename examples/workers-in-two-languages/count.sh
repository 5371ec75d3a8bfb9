#!/usr/bin/env bash
# Works a step of kind "count": how many letters the step before it shouted.
set -euo pipefail
jq -r '.prior[-1].output.text' | tr -cd '[:upper:]' | wc -c
