#!/bin/sh
# Becomes process 1 of a cluster's node (see node.ts), in new mount, pid, IPC, UTS and
# cgroup namespaces:
#
#	node-init.sh NAME DISK HIERARCHIES TOOLS PROGRAMS
#
# What it writes to /etc, /opt and /var is kept in DISK; /run is new at each boot.
# It has the runtimes' TOOLS in /mnt/tools and Kubernetes' PROGRAMS in /mnt/kubernetes.
set -eu
name=$1 disk=$2 hierarchies=$3 tools=$4 programs=$5

hostname "$name"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
for h in $hierarchies; do
	options=$h
	[ "$h" != systemd ] || options=none,name=systemd
	mkdir "/sys/fs/cgroup/$h"
	mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$h"
done

# These belong to the whole machine. The kubelet finds them set, and each boot has its own id.
mount -t tmpfs -o mode=755 node /mnt
for pair in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
	"kernel/random/boot_id=$(cat /proc/sys/kernel/random/uuid)"; do
	key=${pair%=*}
	mkdir -p "/mnt/${key%/*}"
	echo "${pair#*=}" >"/mnt/$key"
	mount --bind "/mnt/$key" "/proc/sys/$key"
done

mkdir /mnt/tools /mnt/kubernetes
mount --bind "$tools" /mnt/tools
mount --bind "$programs" /mnt/kubernetes
mount -t overlay -o "lowerdir=$tools/debian/usr:/usr" usr /usr
mkdir -p "$disk/etc" "$disk/etc.work" "$disk/opt/cni/bin" "$disk/var"
mount -t overlay -o "lowerdir=$tools/debian/etc:/etc,upperdir=$disk/etc,workdir=$disk/etc.work" etc /etc
mount --bind "$disk/opt" /opt
mount --bind "$disk/var" /var
mount -t tmpfs -o mode=755 run /run
if [ ! -e /etc/installed ]; then
	rm -rf /etc/cni /etc/containerd
	mkdir -p /etc/cni/net.d /var/lib/hostlog /var/lib/kubelet /var/log /var/tmp
	ln -s /run /var/run
	echo "$name" >/etc/hostname
	touch /etc/installed
fi
mkdir -p /run/lock /run/netns
# The kubelet passes mounts on to pods.
mount --make-rshared /

echo up
# Orphans become its children, and with SIGCHLD ignored the kernel reaps them.
exec env --ignore-signal=CHLD sleep infinity
