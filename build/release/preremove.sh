#!/bin/sh
# Runs before the package is removed. Where a configuration names a plugin that is missing,
# the deletion of every pod fails: so the plugin leaves the chain before its file goes.
set -e

case $1 in
remove | 0) ;;     # dpkg and rpm
*) exit 0 ;; # an upgrade: the file is replaced, and nothing changes for the chain
esac
[ -x PLUGIN ] || exit 0

PLUGIN uninstall
if [ -e PLUGIN ]; then
	echo "PLUGIN is still needed, see above; remove the package when those pods have ended" >&2
	exit 1
fi
