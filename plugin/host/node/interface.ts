// The driver of a network interface, which only an ioctl tells.

import { closeSync } from "node:fs";
import { E, sysError } from "./errors.ts";
import { ioctlOf, kernelCall, socket } from "./libc.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SIOCETHTOOL = 0x8946;
const IFNAMSIZ = 16;
/** struct ethtool_drvinfo of linux/ethtool.h: the command, and the name of 32 bytes. */
const [ETHTOOL_GDRVINFO, DRIVER_AT, DRIVER_END, SIZE] = [3, 4, 36, 196];

/** Returns the driver's name, as plugin/host/native/src/interface.rs does. Throws SysError. */
export function driver(name: string): string {
	// the kernel looks at no more than what stands before a colon
	if (/[/:]/.test(name)) throw sysError("ioctl", E.ENODEV);
	const fd = kernelCall("socket", undefined, () =>
		socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
	);
	try {
		if (Buffer.byteLength(name) >= IFNAMSIZ) throw sysError("ioctl", E.EINVAL);
		const data = Buffer.alloc(SIZE);
		new Uint32Array(data.buffer, data.byteOffset, 1)[0] = ETHTOOL_GDRVINFO;
		kernelCall("ioctl", undefined, () =>
			ioctlOf(fd, SIOCETHTOOL, { name, data, rest: Array(16).fill(0) }),
		);
		const [text = ""] = data
			.toString("utf8", DRIVER_AT, DRIVER_END)
			.split("\0");
		return text;
	} finally {
		closeSync(fd);
	}
}
