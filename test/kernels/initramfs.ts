// The guest's files as an initramfs: cpio "newc" (Documentation/driver-api/
// early-userspace/buffer-format.rst), compressed.

import { gzipSync } from "node:zlib";

const DIRECTORY = 0o040755;
const EXECUTABLE = 0o100755;

/** Absolute paths and contents; directories come by themselves, all files are executable. */
export function initramfs(files: ReadonlyMap<string, Uint8Array>): Buffer {
	const parts: Buffer[] = [];
	let inode = 0;
	const put = (name: string, mode: number, data: Uint8Array): void => {
		const path = Buffer.from(`${name}\0`);
		// ino mode uid gid nlink mtime filesize dev(2) rdev(2) namesize check
		const fields = [++inode, mode, 0, 0, 1, 0, data.length];
		const head = [...fields, 0, 0, 0, 0, path.length, 0]
			.map((n) => n.toString(16).padStart(8, "0"))
			.join("");
		parts.push(
			padded(Buffer.concat([Buffer.from(`070701${head}`), path])),
			padded(Buffer.from(data)),
		);
	};
	const dirs = new Set<string>();
	for (const [path, data] of files) {
		const names = path.split("/").slice(1);
		for (let n = 1; n < names.length; n++) {
			const dir = names.slice(0, n).join("/");
			if (dirs.has(dir)) continue;
			dirs.add(dir);
			put(dir, DIRECTORY, new Uint8Array());
		}
		put(names.join("/"), EXECUTABLE, data);
	}
	put("TRAILER!!!", 0, new Uint8Array());
	return gzipSync(Buffer.concat(parts), { level: 6 });
}

function padded(b: Buffer): Buffer {
	return Buffer.concat([b, Buffer.alloc(-b.length & 3)]);
}
