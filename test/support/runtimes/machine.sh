#!/bin/sh
# Becomes process 1 of a machine of its own (see machine.ts), in new mount and
# pid namespaces:
#
#	machine.sh DEBIAN
#
# Its /usr and /etc are ours with the packages unpacked in DEBIAN added; what it
# writes to /etc, /opt, /run and /var ends with it.
set -eu
debian=$1

mount -t proc proc /proc
mount -t tmpfs -o mode=755 node /mnt
mkdir /mnt/etc /mnt/etc.work /mnt/opt /mnt/opt.work /mnt/var /mnt/var.work
mount -t overlay -o "lowerdir=$debian/usr:/usr" usr /usr
mount -t overlay -o "lowerdir=$debian/etc:/etc,upperdir=/mnt/etc,workdir=/mnt/etc.work" etc /etc
mount -t overlay -o "lowerdir=/opt,upperdir=/mnt/opt,workdir=/mnt/opt.work" opt /opt
mount -t overlay -o "lowerdir=/var,upperdir=/mnt/var,workdir=/mnt/var.work" var /var
mount -t tmpfs -o mode=755 run /run
rm -rf /etc/cni/net.d /opt/cni /var/lib/cni /var/lib/containerd /var/lib/containers /var/lib/docker
mkdir -p /opt/cni/bin /run/lock /run/netns /etc/cni/net.d
# The runtimes lay overlays of their own, which cannot lie on an overlay.
for state in containerd containers docker; do
	mkdir -p /var/lib/$state
	mount -t tmpfs $state /var/lib/$state
done

echo up
# Orphans become its children, and with SIGCHLD ignored the kernel reaps them.
exec env --ignore-signal=CHLD sleep infinity
