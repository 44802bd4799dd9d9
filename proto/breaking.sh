#!/bin/sh
# Compare the contract with the one on main, or on main itself with the commit before. Says so and passes where there is nothing to
# compare with: the first commit, a shallow clone, a source archive.
set -eu
cd "$(dirname "$0")/.."

head=$(git rev-parse --verify --quiet HEAD) || { echo "breaking: no history, nothing to compare with"; exit 0; }
base=$(git rev-parse --verify --quiet origin/main || git rev-parse --verify --quiet main || true)
[ "$base" != "$head" ] || base=
[ -n "$base" ] || base=$(git rev-parse --verify --quiet HEAD~1 || true)
[ -n "$base" ] || { echo "breaking: no earlier commit, nothing to compare with"; exit 0; }
git cat-file -e "$base:buf.yaml" 2>/dev/null || { echo "breaking: $base has no contract, nothing to compare with"; exit 0; }

earlier=$(mktemp -d)
trap 'rm -rf "$earlier"' EXIT
git archive "$base" buf.yaml proto | tar -x -C "$earlier"
buf breaking --against "$earlier"
