#!/bin/sh
# Installs the Debian packages that the demo uses, those that a release is made with, the
# compilers for other architectures (build/cross.sh), or those of the tests and the
# benchmark too, where they are missing.
#   packages.sh demo | release | arches | all
set -eu
demo="conntrack containernetworking-plugins gcc iproute2 iptables libc6-dev
	procps util-linux"
release="gcc libc6-dev zopfli"
cross="cargo-web qemu-user-static rust-web-src rustc-web"
arm64=gcc-aarch64-linux-gnu
case $1 in
demo) packages=$demo ;;
release) packages=$release ;;
arches)
	packages="$cross $arm64 qemu-system-arm qemu-system-misc
		gcc-arm-linux-gnueabihf gcc-powerpc64le-linux-gnu
		gcc-riscv64-linux-gnu gcc-s390x-linux-gnu lld-19"
	;;
*)
	packages="$demo $release busybox-static chromium fish groff-base ipvsadm jq libcap2-bin logrotate nftables
		prometheus python3 qemu-system-x86 rpm runc strace valgrind xz-utils zsh $cross $arm64"
	;;
esac

missing=
for package in $packages; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null |
		grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "not installed:$missing" >&2
	exit 1
fi
apt-get update -q
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
