// The image of deploy/, built by its own Dockerfile with Debian's buildah: no
// daemon, no registry, and nothing of it is installed on the machine.

import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { must } from "../support/exec.ts";
import { tool } from "../support/runtimes/tools.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

// In a mount namespace of its own, where buildah and its libraries are in place, and
// which has all that it writes beside the image.
const SCRIPT = `
buildah=$0 debian=$1 dir=$2 image=$3 executable=$4
mount -t tmpfs tmpfs /mnt
mkdir /mnt/image /mnt/context /mnt/etc /mnt/etc.work
mount --bind "$dir" /mnt/image
mount --bind . /mnt/context
mount --bind "$executable" /mnt/context/build/out/conntrack-flush
mount -t overlay -o "lowerdir=$debian/etc:/etc,upperdir=/mnt/etc,workdir=/mnt/etc.work" etc /etc
mount -t overlay -o "lowerdir=$buildah/usr:$debian/usr:/usr" usr /usr
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var
mkdir /var/tmp
cd /mnt/context
b="buildah --root /mnt/store --runroot /run/store --storage-driver vfs"
$b bud --isolation chroot -f deploy/Dockerfile -t "$image" .
$b push "$image" "docker-archive:/mnt/image/image.tar:$image"
`;

/** The executable in the image; EXECUTABLE chooses another one. */
const EXECUTABLE = process.env.EXECUTABLE ?? "build/out/conntrack-flush";

/** Builds conntrack-flush:TAG; returns the path of the archive, which is in `work`, a new directory. */
export async function imageOfDockerfile(
	tag: string,
	work: string,
): Promise<string> {
	mkdirSync(work);
	await must(["make", "--silent", "build/out/NOTICE"], { cwd: ROOT });
	await must(
		[
			...["unshare", "--mount", "--propagation", "private"],
			...["sh", "-ec", SCRIPT],
			...[tool("buildah"), tool("debian"), work, `conntrack-flush:${tag}`],
			resolve(ROOT, EXECUTABLE),
		],
		{ cwd: ROOT },
	);
	return `${work}/image.tar`;
}
