#!/bin/sh
# Builds the files of this working tree once more, from nothing and in a directory
# with a longer name, and compares the executable byte for byte with the one here.
# Takes one clean build; only cargo's and npm's downloads are shared.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
there=$work/another/place/with/a/longer/name

exe=build/out/conntrack-flush
make --silent -C "$here" "$exe"

# what git would commit, with a clone's modes and times
export GIT_INDEX_FILE="$work/index"
git -C "$here" add --all
git -C "$here" checkout-index --all --prefix="$there/"
unset GIT_INDEX_FILE

make --silent -C "$there" "$exe"

sha256sum "$here/$exe" "$there/$exe"
cmp "$here/$exe" "$there/$exe" || {
	echo "the build is not reproducible" >&2
	exit 1
}
echo "the same bytes"
