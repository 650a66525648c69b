#!/bin/sh
# Pushes the image of a release, with the bills of materials that are attached to it, and
# attaches the release's provenance:
#
#	push.sh DIST REPOSITORY
#
# Where the registry wants a password, `oras login` comes before. PLAIN_HTTP=1 is for a
# registry without TLS.
set -eu

dist=$1
repository=${2:?IMAGE is not set}
oras=$PWD/build/out/release-tools/oras
created=$(date --utc --date="@$RELEASE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
version=$(node -p 'require("./package.json").version')
base=conntrack-flush-$version

cd "$dist"
# The image's digest is the one that the provenance names.
digest=sha256:$(node -p '
	const { readFileSync } = require("node:fs");
	const { subject } = JSON.parse(readFileSync(process.argv[1], "utf8"));
	subject.find(({ name }) => name === "conntrack-flush").digest.sha256;
' "$base.intoto.json")

"$oras" copy --recursive --from-oci-layout ${PLAIN_HTTP:+--to-plain-http} \
	"$base-image.tar:$version" "$repository:$version" >&2
"$oras" attach ${PLAIN_HTTP:+--plain-http} \
	--artifact-type application/vnd.in-toto+json \
	--annotation "org.opencontainers.image.created=$created" \
	"$repository@$digest" "$base.intoto.json:application/vnd.in-toto+json" >&2
echo "$repository:$version@$digest"
