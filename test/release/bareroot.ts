// A root directory of a machine without anything: a shell, and what is installed into it.
// The package managers run outside of it, and their scripts inside.

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Arch } from "../arches/elf.ts";
import { EMULATORS } from "../arches/emulators.ts";
import { must, quietly, type Ran, run } from "../support/exec.ts";
import type { Namespace } from "../support/netns.ts";
import { onEnd } from "../support/undo.ts";

export interface BareRoot {
	readonly dir: string;
	/** The path of a file in it, as seen from outside. */
	at(path: string): string;
	write(path: string, text: string, mode?: number): void;
	/** Runs a program of the root in it, and in the network namespace. */
	run(
		argv: readonly string[],
		input?: string,
		env?: Readonly<Record<string, string>>,
	): Promise<Ran>;
}

/** Makes the root in `dir`, a new directory. */
export async function createBareRoot(
	dir: string,
	ns: Namespace,
): Promise<BareRoot> {
	const at = (path: string): string => `${dir}${path}`;
	mkdirSync(at("/proc"));
	onEnd(() => quietly(["umount", at("/proc")]));
	await must(["mount", "-t", "proc", "proc", at("/proc")]);
	for (const path of ["/bin", "/run", "/tmp", "/etc/cni/net.d", "/var/lib"])
		mkdirSync(at(path), { recursive: true });
	cpSync("/bin/busybox", at("/bin/busybox"));
	symlinkSync("busybox", at("/bin/sh"));
	return {
		dir,
		at,
		write(path, text, mode = 0o644) {
			mkdirSync(dirname(at(path)), { recursive: true });
			writeFileSync(at(path), text, { mode });
		},
		run: (argv, input = "", env = {}) =>
			run(ns.inside(["/usr/sbin/chroot", dir, ...argv]), { input, env }),
	};
}

/** Puts the emulator of an architecture into the root; returns argv for a program of the root. */
export function emulated(
	root: BareRoot,
	arch: Arch,
	program: string,
): readonly string[] {
	const [emulator] = EMULATORS[arch];
	if (!emulator) return [program];
	cpSync(`/usr/bin/${emulator}`, root.at("/bin/emulator"));
	return ["/bin/emulator", program];
}

/** What puts a package into a root, replaces it and takes it out. */
export interface Manager {
	install(root: BareRoot, path: string): Promise<void>;
	upgrade(root: BareRoot, path: string): Promise<void>;
	/** Resolves with whatever the package manager did. */
	remove(root: BareRoot): Promise<Ran>;
	/** Resolves with the package's version, or with "" if it is not installed. */
	installed(root: BareRoot): Promise<string>;
}

const NAME = "conntrack-flush";

const dpkg = (root: BareRoot, ...argv: readonly string[]): string[] => [
	...["dpkg", `--root=${root.dir}`, "--log=/dev/null", ...argv],
];

export const DPKG: Manager = {
	async install(root, path) {
		for (const dir of ["info", "updates", "triggers"])
			mkdirSync(root.at(`/var/lib/dpkg/${dir}`), { recursive: true });
		root.write("/var/lib/dpkg/status", "");
		await this.upgrade(root, path);
	},
	async upgrade(root, path) {
		await must(dpkg(root, "--install", path));
	},
	remove: (root) => run(dpkg(root, "--remove", NAME)),
	async installed(root) {
		const admin = `--admindir=${root.dir}/var/lib/dpkg`;
		const { stdout } = await run(["dpkg-query", admin, "--status", NAME]);
		const isThere = /^Status: \w+ ok installed$/m.test(stdout);
		return isThere ? (/^Version: (.*)$/m.exec(stdout)?.[1] ?? "") : "";
	},
};

const rpm = (root: BareRoot, ...argv: readonly string[]): string[] => [
	...["rpm", "--root", root.dir, ...argv],
];

export const RPM: Manager = {
	async install(root, path) {
		await must(rpm(root, "--initdb"));
		await must(rpm(root, "--install", path));
	},
	async upgrade(root, path) {
		await must(rpm(root, "--upgrade", path));
	},
	remove: (root) => run(rpm(root, "--erase", NAME)),
	async installed(root) {
		const format = ["--query", "--queryformat", "%{VERSION}-%{RELEASE}"];
		const { code, stdout } = await run(rpm(root, ...format, NAME));
		return code === 0 ? stdout : "";
	},
};
