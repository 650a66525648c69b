// Tests that cannot run must not look as if they had passed.

import { accessSync, constants, existsSync, statSync } from "node:fs";

const TOOLS = [
	"conntrack",
	"flock",
	"ip",
	"iptables",
	"nft",
	"nsenter",
	"prlimit",
	"setpriv",
	"strace",
	"sysctl",
	"taskset",
	"unshare",
];
const EXECUTABLE = "build/out/conntrack-flush";

/** Checks the machine, and returns the same check for when all tests are done. */
export default function setup(): () => void {
	if (process.getuid?.() !== 0) throw new Error("these tests need root");
	const dirs = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
	const missing = TOOLS.filter(
		(tool) => !dirs.some((dir) => existsSync(`${dir}/${tool}`)),
	);
	if (missing.length > 0)
		throw new Error(`not installed: ${missing.join(" ")}`);
	accessSync(EXECUTABLE, constants.X_OK); // made by `make build`
	checkDevices();
	return checkDevices;
}

/** Throws if a device has become a file: root can replace one by writing a file in its place. */
function checkDevices(): void {
	if (!statSync("/dev/null").isCharacterDevice())
		throw new Error("/dev/null has become a file: mknod -m 666 it anew");
}
