#!/bin/bash
# Builds what a cluster's control plane and nodes run, from Go modules: Kubernetes'
# five daemons as one program, etcd and kubectl.
#
#	test/cluster/build.sh [1.37|1.36|1.35]           builds, unless that was done; prints the directory
#	test/cluster/build.sh --where [1.37|1.36|1.35]   prints it if it was built, else fails
#
# Only the programs are kept, in $CLUSTER_CACHE (or conntrack-flush in the user's cache):
# checkouts share them, and they are built again when the sources here or the sums of
# their modules change. A build takes about eleven minutes on two cores, 3 GB of memory
# and, until it ends, 5 GB of disk. Needs Go 1.26.
set -euo pipefail

where=
[ "${1:-}" != --where ] || { where=yes; shift; }
minor=${1:-1.37}

cd "$(dirname "$0")/kubernetes"
modfile=$minor.mod
[ "$minor" != 1.37 ] || modfile=go.mod
[ -e "$modfile" ] || { echo "KUBERNETES=$minor: there is 1.37, 1.36 and 1.35" >&2; exit 2; }
version=$(sed -n 's/^\tk8s.io\/kubernetes v//p' "$modfile")
sources=("$modfile" "${modfile%.mod}.sum" main.go etcd/main.go kubectl/main.go)
cache=${CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/conntrack-flush}
programs=$cache/kubernetes-$version-$(cat "${sources[@]}" | sha256sum | cut -c1-12)

there() { [ ! -d "$programs" ] || { echo "$programs"; exit; }; }

there
[ ! "$where" ] || { echo "Kubernetes $version has not been built: make cluster" >&2; exit 1; }

# One build at a time. What one that was killed left is removed by the next.
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
there
work=$cache/building
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
echo "building Kubernetes $version, which takes a while" >&2
export GOTOOLCHAIN=auto CGO_ENABLED=0 GOCACHE=$work/cache GOFLAGS="-mod=readonly -buildvcs=false"

# The version that `kubectl version` and the node's status show comes from the linker.
named=k8s.io/component-base/version
ldflags="-s -w"
for pair in "gitVersion=v$version" "gitMajor=${minor%.*}" "gitMinor=${minor#*.}" gitTreeState=clean; do
	ldflags+=" -X $named.$pair"
done
for program in kubernetes:. etcd:./etcd kubectl:./kubectl; do
	nice go build -modfile="$modfile" -trimpath -ldflags "$ldflags" \
		-o "$work/programs/${program%:*}" "${program#*:}"
done
mv -T "$work/programs" "$programs"
echo "$programs"
