#!/bin/sh
# Builds the executable of another version in a working tree of its own, and prints the
# directory that holds it. The version is a commit: $1, or the last release's, or else the
# hundredth before this one. What is built once is kept in build/out/skew.
set -eu
commit=${1:-$(git describe --tags --abbrev=0 2>/dev/null || git rev-parse HEAD~100)}
commit=$(git rev-parse --verify "$commit^{commit}")
dir=$PWD/build/out/skew/$commit
if [ ! -x "$dir/conntrack-flush" ]; then
	tree=$(mktemp -d)
	trap 'git worktree remove --force "$tree/src" >&2 2>&1; rm -rf "$tree"' EXIT
	git worktree add --quiet --detach "$tree/src" "$commit" >&2
	make -C "$tree/src" -o packages -o runtimes build >&2
	install -D "$tree/src/build/out/conntrack-flush" "$dir/conntrack-flush"
fi
echo "$dir"
