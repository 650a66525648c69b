// The programs that a guest runs, with their libraries: this machine's own, or those of
// Debian's packages for another architecture.

import {
	existsSync,
	mkdirSync,
	readdirSync,
	realpathSync,
	renameSync,
	rmSync,
} from "node:fs";
import { basename, join } from "node:path";
import { must } from "../support/exec.ts";
import { openSuite } from "./apt.ts";
import { OUT } from "./kernels.ts";
import { AMD64, type Machine } from "./machine.ts";

/** The programs by the path that they have in a guest, and here. */
const PROGRAMS: Readonly<Record<string, string>> = {
	"/bin/busybox": "/bin/busybox",
	"/bin/nft": "/usr/sbin/nft",
	"/bin/ipvsadm": "/usr/sbin/ipvsadm",
	// Not in PATH: busybox has an ip of its own, which makes no veth.
	"/opt/ip": "/sbin/ip",
};
const PACKAGES = ["busybox-static", "nftables", "ipvsadm", "iproute2"];
const SUITE = "bookworm";
/** Where packages have programs and libraries: the name of another file may be the same. */
const HOLDS_CODE = /\/(s?bin|lib\/[^/]+-linux-gnu|lib)$/;

/** Returns where each file comes from, by the path that it has in the guest. */
export async function userland(
	machine: Machine,
): Promise<ReadonlyMap<string, string>> {
	return machine === AMD64 ? ownUserland() : foreignUserland(machine);
}

async function ownUserland(): Promise<ReadonlyMap<string, string>> {
	const files = new Map(Object.entries(PROGRAMS));
	for (const file of Object.values(PROGRAMS)) {
		if (file === PROGRAMS["/bin/busybox"]) continue;
		const text = await must(["ldd", file]);
		for (const [, library = ""] of text.matchAll(/(\/\S+) \(0x/g))
			files.set(library, library);
	}
	return files;
}

async function foreignUserland({
	arch,
}: Machine): Promise<ReadonlyMap<string, string>> {
	const tree = join(OUT, "userland", arch);
	if (!existsSync(tree)) await unpack(arch, tree);
	const found = new Map<string, string>();
	for (const { name, parentPath } of readdirSync(tree, {
		recursive: true,
		withFileTypes: true,
	})) {
		const path = join(parentPath, name);
		// a link that leads out of the tree ends among this machine's own files
		if (!HOLDS_CODE.test(parentPath) || !existsSync(path)) continue;
		if (realpathSync(path).startsWith(tree)) found.set(name, path);
	}
	const pathOf = (name: string): string => {
		const path = found.get(name);
		if (path === undefined) throw new Error(`${arch}: no ${name} in ${tree}`);
		return realpathSync(path);
	};
	const files = new Map<string, string>();
	const add = async (to: string, name: string): Promise<void> => {
		if (files.has(to)) return;
		const from = pathOf(name);
		files.set(to, from);
		const text = await must(["readelf", "-ldW", from]);
		for (const [, loader = ""] of text.matchAll(/interpreter: (\S+)\]/g))
			await add(loader, basename(loader));
		for (const [, name = ""] of text.matchAll(/\(NEEDED\).*\[(\S+)\]/g))
			await add(`/lib/${name}`, name);
	};
	for (const [to, here] of Object.entries(PROGRAMS))
		await add(to, basename(here));
	return files;
}

async function unpack(arch: string, tree: string): Promise<void> {
	const fresh = `${tree}.fetching`;
	rmSync(fresh, { recursive: true, force: true });
	mkdirSync(fresh, { recursive: true });
	const suite = await openSuite(SUITE, join(OUT, "apt", arch), arch);
	const archives = await suite.downloadAll(PACKAGES, `${fresh}.archives`);
	for (const archive of archives)
		await must(["nice", "-n", "10", "dpkg-deb", "-x", archive, fresh]);
	rmSync(`${fresh}.archives`, { recursive: true });
	renameSync(fresh, tree);
}
