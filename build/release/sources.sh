#!/bin/sh
# Fetches Debian's source of the glibc that is linked into the executables, because the LGPL
# asks that who gets an executable can get it too:
#
#	sources.sh DIRECTORY ARCH...
#
# Each architecture's executable has been built.
set -eu

# shellcheck source=build/apt.sh
. build/apt.sh
dir=$1
shift
releases=$(
	for arch in "$@"; do
		if [ "$arch" = amd64 ]; then
			dpkg-query --show --showformat "$codename "'${source:Version}\n' libc6-dev
		else
			cat "build/out/arch/sysroot/$arch/glibc"
		fi
	done | sort -u
)
[ "$(cat "$dir.version" 2>/dev/null)" != "$releases" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/sources"
echo "$releases" | while read -r suite version; do
	[ -d "$work/$suite" ] || lists "$work/$suite" "$suite" amd64
	(cd "$work/sources" && $apt source --download-only "glibc=$version") ||
		echo "$version" >>"$work/missing"
done
if [ -e "$work/missing" ]; then
	echo "Debian's mirror has no source of glibc" $(cat "$work/missing"): \
		"such a release must not be published" >&2
	[ -z "${RELEASE_TAG:-}" ] || exit 1
fi
rm -rf "$dir" "$dir.version"
mkdir -p "$(dirname "$dir")"
cp -r "$work/sources" "$dir"
[ -e "$work/missing" ] || echo "$releases" >"$dir.version"
