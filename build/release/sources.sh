#!/bin/sh
# Fetches Debian's source of the glibc that is linked into the executables, because the LGPL
# asks that who gets an executable can get it too:
#
#	sources.sh DIRECTORY ARCH...
#
# apt checks it against Debian's signature. The machine's own lists are read, and left alone.
set -eu

dir=$1
shift
versions=$(
	for arch in "$@"; do
		case $arch in
		amd64) dpkg-query --show --showformat '${source:Version}\n' libc6-dev && continue ;;
		armv7) deb=armhf ;;
		ppc64le) deb=ppc64el ;;
		*) deb=$arch ;;
		esac
		# a package of cross compilers names the source that it was built from
		dpkg-query --show --showformat '${Built-Using}\n' "libc6-dev-$deb-cross" |
			sed 's/.*glibc (= \([^)]*\)).*/\1/'
	done | sort -u
)
[ "$(cat "$dir.version" 2>/dev/null)" != "$versions" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# where the machine has its packages from, there are their sources
. /etc/os-release
mkdir "$work/parts"
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
	grep -Eqs "(^|[ /])$VERSION_CODENAME( |-|\$)" "$list" || continue
	sed -e 's/^deb /deb-src /' -e 's/^Types:.*/Types: deb-src/' "$list" >"$work/parts/${list##*/}"
done
mkdir -p "$work/lists/partial" "$work/sources"
apt="apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$work/parts
	-o Dir::State::Lists=$work/lists -o APT::Sandbox::User=root"
$apt update
missing=
for version in $versions; do
	mkdir "$work/one"
	(cd "$work/one" && $apt source --download-only "glibc=$version") || missing="$missing $version"
	mv "$work"/one/* "$work/sources" || true
	rm -r "$work/one"
done
if [ -n "$missing" ]; then
	echo "Debian's mirror has no source of glibc$missing: such a release must not be published" >&2
	[ -z "${RELEASE_TAG:-}" ] || exit 1
fi
rm -rf "$dir" "$dir.version"
mkdir -p "$(dirname "$dir")"
cp -r "$work/sources" "$dir"
[ -n "$missing" ] || echo "$versions" >"$dir.version"
