# Reads Debian's archive, and leaves the machine's own lists alone. To be sourced:
#
#	lists DIRECTORY SUITE ARCH	has apt look there, for this release and architecture
#	$codename			the release that this machine has
#
# After it, `$apt download PACKAGE` and `$apt source …` work; apt checks what comes by
# Debian's signature. The archive is where the machine has its packages from.
# shellcheck shell=sh

codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

lists() {
	mkdir -p "$1/parts" "$1/lists/partial"
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		grep -Eqs "(^|[ /])$codename( |-|\$)" "$list" || continue
		sed -e "s/$codename/$2/g" -e 's/^Types:.*/Types: deb deb-src/' \
			-e '/^deb /{p;s/^deb /deb-src /}' "$list" >"$1/parts/${list##*/}"
	done
	apt="apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$1/parts
		-o Dir::State::Lists=$1/lists -o Dir::State::Status=/dev/null -o Dir::Cache::PkgCache=
		-o Dir::Cache::SrcPkgCache= -o APT::Sandbox::User=root -o APT::Architecture=$3
		-o APT::Architectures=$3"
	# A list that the mirror is just replacing is left out, and apt says so.
	$apt update || true
}
