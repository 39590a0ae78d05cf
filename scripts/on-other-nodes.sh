#!/usr/bin/env bash
# Runs the demo and the unit tests of the rooms `ibe`, `mikey` and `ibake` on later versions of Node.js, each
# version's binary from the npm registry: scripts/on-other-nodes.sh [VERSION…], 22 and 24 by default.
#
# The registry has binaries of Node.js without headers, so nothing native can be compiled for them. So this works in a
# copy of the tree whose better-sqlite3 is one that carries prebuilt binaries, and runs no install scripts.
# Non-zero on any failure.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sqlite=better-sqlite3@13.2.0
versions=("$@")
[ "$#" -gt 0 ] || versions=(22 24)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CLAVIGER_SHARED="${CLAVIGER_SHARED:-$root/../shared}"
install=(npm install --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error)

# The packages that the package `node` itself chooses from in its install script.
platform=$(node -p '`${process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"}-${process.platform}-${process.arch}`')
for version in "${versions[@]}"; do
  "${install[@]}" --prefix "$work/node$version" "$platform@$version" >/dev/null
done
bin() { echo "$work/node$1/node_modules/$platform/bin"; }

copy=$work/claviger
mkdir "$copy"
tar -C "$root" --exclude=./.git --exclude=./node_modules --exclude=./dist --exclude=./coverage \
  --exclude=./demo-out --exclude=./.test-results -cf - . | tar -C "$copy" -xf -
cd "$copy"
PATH="$(bin "${versions[0]}"):$PATH" "${install[@]}" --save-exact "$sqlite"
PATH="$(bin "${versions[0]}"):$PATH" npm run --silent build

# A version on each core: first the tests of all, then the demos of all, whose calls take most of their time.
for run in tests demo; do
  for version in "${versions[@]}"; do
    case $run in
      tests) command=(node_modules/vitest/vitest.mjs run test/ibe test/mikey test/ibake --maxWorkers=1 --testTimeout=300000 --reporter=dot) ;;
      demo) command=(dist/cli/main.js demo --out "$work/out$version") ;;
    esac
    { "$(bin "$version")/node" "${command[@]}" || touch "$work/failed"; } >"$work/$run$version.txt" 2>&1 &
  done
  wait
done

for version in "${versions[@]}"; do
  printf '\n-- Node.js %s\n' "$("$(bin "$version")/node" --version)"
  cat "$work/tests$version.txt"
  sed -n '/^What was checked/,$p' "$work/demo$version.txt" | grep . || cat "$work/demo$version.txt"
done
[ ! -e "$work/failed" ]
