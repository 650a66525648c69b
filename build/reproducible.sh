#!/bin/sh
# Builds the files of this working tree once more, from nothing and in a directory
# with a longer name, and compares the executable and the whole release byte for byte with
# those here. Takes one clean build; only what is downloaded and the tools that pack a
# release are shared.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
there=$work/another/place/with/a/longer/name

exe=build/out/conntrack-flush
make --silent -C "$here" release DIST="$work/here"

# what git would commit, with a clone's modes and times
export GIT_INDEX_FILE="$work/index"
git -C "$here" add --all
git -C "$here" checkout-index --all --prefix="$there/"
unset GIT_INDEX_FILE

# the other place has no repository of its own
GIT_DIR=$(git -C "$here" rev-parse --absolute-git-dir)
export GIT_DIR
mkdir -p "$there/build/out"
cp -a "$here"/build/out/sources* "$here/build/out/release-tools" "$there/build/out"
touch "$there/build/out/release-tools/.built"
make --silent -C "$there" release DIST="$work/there"

sha256sum "$here/$exe" "$there/$exe"
cmp "$here/$exe" "$there/$exe" && diff -r "$work/here" "$work/there" || {
	echo "the build is not reproducible" >&2
	exit 1
}
echo "the same bytes"
