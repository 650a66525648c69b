#!/bin/bash
# Makes what the tests of test/harness need, in build/out/tools (or
# $RUNTIME_TOOLS): Debian's podman, netavark, Docker, containerd and runc, unpacked
# but not installed, and the newest cnitool, CNI plugins, containerd, CRI-O, Docker,
# netavark, helm, a registry and actionlint, built from their Go modules and crates. What is already there is left
# alone.
#
#	bash test/support/runtimes/setup.sh
#
# Needs root, Debian 12, Go 1.24 or newer, and Rust 1.88 or newer.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tools=${RUNTIME_TOOLS:-$here/../../../build/out/tools}
# shellcheck source=versions.env
. "$here/versions.env"
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)

# Their go.mod files ask for newer toolchains than 1.24; Go fetches those itself.
export GOTOOLCHAIN=auto GOFLAGS=-buildvcs=false CGO_ENABLED=0

# Programs that the tests run on the machine itself.
host_packages=(iproute2:ip iptables:iptables nftables:nft conntrack:conntrack
	procps:sysctl util-linux:nsenter containernetworking-plugins:/usr/lib/cni/portmap
	protobuf-compiler:protoc gcc:gcc libc6-dev:/usr/include/stdlib.h
	ca-certificates:/etc/ssl/certs/ca-certificates.crt)

# Programs that only the namespaced node sees, with the libraries that a minimal
# Debian lacks.
node_packages=(podman netavark docker.io containerd runc conmon containernetworking-plugins
	golang-github-containers-common golang-github-containers-image
	libassuan0 libdevmapper1.02.1 libglib2.0-0 libgpgme11 libseccomp2 libsubid4)

say() { printf '%s\n' "$*" >&2; }

is_there() {
	case $1 in
	/*) [ -e "$1" ] ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
	esac
}

install_host_packages() {
	local pair missing=()
	for pair in "${host_packages[@]}"; do
		is_there "${pair#*:}" || missing+=("${pair%%:*}")
	done
	[ ${#missing[@]} -eq 0 ] && return
	say "installing ${missing[*]}"
	apt-get -qq update
	# --no-remove: rather fail than take something away from this machine
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-remove \
		--no-install-recommends "${missing[@]}" >&2
}

# once NAME VERSION FUNCTION ARGS...: calls the function to fill the new directory
# $tools/NAME, unless that was done for this version.
once() {
	local name=$1 version=$2 dir=$tools/$1
	shift 2
	if [ "$(cat "$dir/.version" 2>/dev/null)" = "$version" ]; then return; fi
	say "$name $version"
	rm -rf "$dir" "$dir.new"
	mkdir -p "$dir.new"
	"$@" "$dir.new"
	echo "$version" >"$dir.new/.version"
	mv "$dir.new" "$dir"
}

# unpack PACKAGES... DIR: unpacks Debian's packages; they themselves stay in DIR/debs.
unpack() {
	local dir=${*: -1} deb
	local packages=("${@:1:$#-1}")
	# A directory of its own, which apt's unprivileged downloader may not read.
	mkdir "$dir/debs"
	cd "$dir/debs"
	apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}" 2>/dev/null || {
		apt-get -qq update
		apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}"
	}
	# /usr is merged on Debian 12, in the packages not yet.
	mkdir -p "$dir"/usr/{bin,sbin,lib}
	ln -s usr/bin usr/sbin usr/lib "$dir"
	for deb in *.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x --keep-directory-symlink -C "$dir" --exclude './usr/share/doc*' --exclude './usr/share/man*'
	done
	cd /
}

unpack_debian() {
	local dir=$1 deb
	unpack "${node_packages[@]}" "$dir"
	# libcni is not a package that a program depends on: it is built in.
	for deb in "$dir"/debs/podman_*.deb "$dir"/debs/containerd_*.deb; do
		dpkg-deb -f "$deb" Built-Using | grep -qF "golang-github-appc-cni (= $DEBIAN_CNI-" ||
			{ say "$deb has another libcni than $DEBIAN_CNI"; exit 1; }
	done
	rm -r "$dir/debs"
}

# buildah makes the image of deploy/Dockerfile. Its libraries are among node_packages.
unpack_buildah() {
	unpack buildah "$1"
	dpkg-deb -f "$1"/debs/buildah_*.deb Version | grep -qF "$DEBIAN_BUILDAH+" ||
		{ say "Debian has another buildah than $DEBIAN_BUILDAH"; exit 1; }
	rm -r "$1/debs"
}

# source_of MODULE@VERSION: fetches a module and prints the directory of its sources.
source_of() {
	(cd /tmp && go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
}

# go_module MODULE@VERSION PACKAGES... DIR: builds packages of a module as its
# authors build them, with the versions of its own go.mod.
go_module() {
	local dir=${*: -1}
	local packages=("${@:2:$#-2}")
	cd "$(source_of "$1")"
	nice go build -trimpath -tags "${tags:-}" -ldflags "-s -w ${ldflags:-}" -o "$dir/" "${packages[@]}"
	go version -m "$dir"/* >"$dir/.modules"
	cd /
}

# CRI-O, and its helper that pins namespaces.
crio() {
	go_module "$1" ./cmd/crio "$2"
	gcc -std=c99 -Os -o "$2/pinns" "$(source_of "$1")"/pinns/src/*.c
}

# netavark, unoptimised: that takes half as long to build, and its rules are the same.
crate_netavark() {
	cd /tmp
	CARGO_PROFILE_DEV_DEBUG=0 nice cargo install --quiet --locked --debug --no-track \
		--version "$NETAVARK" --bin netavark --root "$1" netavark
	cd /
}

# The specification, which docs/cni.md quotes.
specification() {
	cp "$(source_of "github.com/containernetworking/cni@v$CNI")/SPEC.md" "$1/"
}

our_programs() {
	cd "$here/go"
	nice go build -trimpath -ldflags '-s -w' -o "$1/" ./...
	cd /
}

# oracle NAME DIR: builds the programs of a module of test/oracle, with the versions of its own go.mod.
oracle() {
	cd "$here/../../oracle/$1"
	nice go build -trimpath -ldflags '-s -w' -o "$2/" ./...
	cd /
}

plugins=(./plugins/main/bridge ./plugins/ipam/host-local ./plugins/main/loopback)
for plugin in portmap firewall tuning bandwidth; do plugins+=(./plugins/meta/$plugin); done

[ "$(id -u)" = 0 ] || { say "needs root"; exit 1; }
install_host_packages
once debian "$DEBIAN_CNI $DEBIAN_PODMAN $DEBIAN_NETAVARK $DEBIAN_DOCKER $DEBIAN_CONTAINERD $DEBIAN_RUNC $DEBIAN_PLUGINS" \
	unpack_debian
once buildah "$DEBIAN_BUILDAH" unpack_buildah
once programs "$(cat "$here"/go/go.sum "$here"/go/*/*.go | sha256sum | cut -d' ' -f1)" our_programs
once kubeproxy "$(cat "$here"/../../oracle/kubeproxy/{go.sum,main.go} | sha256sum | cut -d' ' -f1)" oracle kubeproxy
once oracle-cni "$(cat "$here"/../../oracle/cni/{go.sum,*.go,*/*.go} | sha256sum | cut -d' ' -f1)" oracle cni
once "spec-$CNI" "$CNI" specification
once "cnitool-$CNI" "$CNI" go_module "github.com/containernetworking/cni@v$CNI" ./cnitool
once "cnitool-$CNI_OLD" "$CNI_OLD" go_module "github.com/containernetworking/cni@v$CNI_OLD" ./cnitool
once "plugins-$PLUGINS" "$PLUGINS" go_module "github.com/containernetworking/plugins@v$PLUGINS" "${plugins[@]}"
# Without what has nothing to do with networks.
tags=no_btrfs,no_devmapper,no_rdt,no_tracing,no_zfs,urfave_cli_no_docs
ldflags="-X github.com/containerd/containerd/v2/version.Version=$CONTAINERD"
once "containerd-$CONTAINERD" "$CONTAINERD" go_module "github.com/containerd/containerd/v2@v$CONTAINERD" \
	./cmd/containerd ./cmd/containerd-shim-runc-v2
tags=containers_image_openpgp,exclude_graphdriver_btrfs ldflags=
once "crio-$CRIO" "$CRIO" crio "github.com/cri-o/cri-o@v$CRIO"
# The newest Docker takes minutes to build: `make engines` asks for it.
if [ -n "${EVERY_ENGINE:-}" ]; then
	tags=exclude_graphdriver_btrfs
	ldflags="-X github.com/moby/moby/v2/dockerversion.Version=$MOBY"
	once "docker-$MOBY" "$MOBY" go_module "github.com/moby/moby/v2@v$MOBY" ./cmd/dockerd ./cmd/docker-proxy
fi
once "netavark-$NETAVARK" "$NETAVARK" crate_netavark
tags='' ldflags="-X helm.sh/helm/v4/internal/version.version=v$HELM"
once "helm-$HELM" "$HELM" go_module "helm.sh/helm/v4@v$HELM" ./cmd/helm
tags='' ldflags=
once "registry-$REGISTRY" "$REGISTRY" go_module "github.com/google/go-containerregistry@v$REGISTRY" ./cmd/registry
once "actionlint-$ACTIONLINT" "$ACTIONLINT" go_module "github.com/rhysd/actionlint@v$ACTIONLINT" ./cmd/actionlint
say "the runtimes are in $tools"
