#!/usr/bin/env bash
# Runs each scenario of the demo with two seconds of speech, two at a time, and prints a line for each.
# Non-zero if one fails.
#
#   scripts/run-scenarios.sh                    each with its default target
#   scripts/run-scenarios.sh --all-targets      each with each of its targets
#   scripts/run-scenarios.sh forked pke:bob     these
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -f dist/cli/main.js ] || npm run --silent build

runs=$(node --input-type=module -e '
  const { SCENARIOS } = await import(`${process.cwd()}/dist/lab/scenarios/catalogue.js`);
  const asked = process.argv.slice(1);
  const all = asked.includes("--all-targets");
  const named = asked.filter((name) => name !== "--all-targets");
  const every = SCENARIOS.flatMap(({ name, targets }) => (all ? targets : targets.slice(0, 1)).map((target) => `${name}:${target}`));
  for (const name of named.length === 0 ? every : named) console.log(name);
' -- "$@")

work=$(mktemp -d "${TMPDIR:-/tmp}/claviger-scenarios-XXXXXX")
trap 'rm -rf "$work"' EXIT

# One run: its outcome in a line, and where it failed all that it said.
run() {
  local name=${1%%:*} target=() started=$SECONDS
  [ "$name" = "$1" ] || target=(--target "${1#*:}")
  if node dist/cli/main.js demo --scenario "$name" "${target[@]}" --seconds 2 --quiet --out "$2/$1" >"$2/$1.log" 2>&1; then
    printf 'ok      %-28s %3d s  %s\n' "$1" $((SECONDS - started)) "$(grep 'checks passed' "$2/$1.log" | sed 's/;.*//')"
  else
    printf 'FAILED  %-28s %3d s\n%s\n' "$1" $((SECONDS - started)) "$(sed 's/^/        /' "$2/$1.log")"
    return 1
  fi
}
export -f run

status=0
# shellcheck disable=SC2016 # Expanded by each run's own shell.
xargs -P 2 -I {} bash -c 'run "$1" "$2"' _ {} "$work" <<<"$runs" || status=1
exit "$status"
