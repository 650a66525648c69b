// Boots a kernel in qemu and reads what it says. Emulated in software: nested
// virtualization is not there, or not to be relied upon, where CI runs.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ran, run } from "../support/exec.ts";
import { CASES } from "./cases/index.ts";
import { guestImage } from "./guest.ts";
import { type KernelFiles, OUT } from "./kernels.ts";
import type { Machine } from "./machine.ts";
import { withNames } from "./scene.ts";
import type { Case } from "./script.ts";

/** A boot and all cases take half a minute on an idle machine. */
const BOUND_S = 480;

const NEEDED: Readonly<Record<string, string>> = {
	"/bin/busybox": "busybox-static",
	"/usr/sbin/nft": "nftables",
	"/usr/sbin/ipvsadm": "ipvsadm",
	"/sbin/ip": "iproute2",
	"/usr/bin/xz": "xz-utils",
	"/usr/bin/dpkg-deb": "dpkg",
};

export interface Booted {
	/** The version that the kernel says of itself. */
	readonly kernel: string;
	/** The results by name: undefined if the case went well, else why not. */
	readonly results: ReadonlyMap<string, string | undefined>;
	/** By name of the case, what the kernel did where it did not do the first that the case allows. */
	readonly otherwise: ReadonlyMap<string, string>;
	/** By name of the case, what it counted. */
	readonly measured: ReadonlyMap<string, Numbers>;
	readonly ms: number;
}

/** Numbers by their names, such as `lost`. */
export type Numbers = Readonly<Record<string, number>>;

/** Boots a kernel and runs these cases on it. Throws if it did not come to their end within `boundS` seconds. */
export async function boot(
	kernel: KernelFiles,
	cases: readonly Case[] = CASES,
	boundS = BOUND_S,
): Promise<Booted> {
	const { machine } = kernel;
	const [emulator = ""] = machine.qemu.split(" ");
	const needed = { ...NEEDED, [`/usr/bin/${emulator}`]: machine.package };
	const missing = Object.entries(needed).filter(([file]) => !existsSync(file));
	if (missing.length > 0)
		throw new Error(
			`not installed: ${missing.map(([, name]) => name).join(" ")}`,
		);
	const dir = join(OUT, "boot", kernel.release);
	mkdirSync(dir, { recursive: true });
	const image = join(dir, "initramfs.gz");
	writeFileSync(image, await guestImage(kernel, cases));
	// it ends a guest even where this process is killed and cannot see to it
	const bound = ["timeout", "--foreground", "-s", "KILL", `${boundS}`];
	const ran = await run(
		[...bound, ...qemu(machine, join(kernel.dir, "vmlinuz"), image)],
		{ timeoutMs: 1000 * (boundS + 10) },
	);
	writeFileSync(join(dir, "console.log"), ran.stdout);
	return read(kernel, cases, ran);
}

function qemu(machine: Machine, vmlinuz: string, image: string): string[] {
	return [
		`nice -n 10 ${machine.qemu} -m 256`,
		"-nodefaults -no-reboot -display none -serial stdio",
	]
		.flatMap((words) => words.split(" "))
		.concat("-kernel", vmlinuz, "-initrd", image)
		.concat("-append", `${machine.parameters} quiet loglevel=1 panic=-1`);
}

function read(
	{ release }: KernelFiles,
	cases: readonly Case[],
	{ stdout, stderr, ms }: Ran,
): Booted {
	const lines = stdout.split(/\r*\n/);
	const first = lines.findIndex((line) => line.startsWith("kernel "));
	const last = lines.findIndex((line) => line.startsWith("done: "));
	const results = new Map<string, string | undefined>();
	const otherwise = new Map<string, string>();
	const measured = new Map<string, Numbers>();
	const strange: string[] = [];
	for (const line of lines.slice(first + 1, last)) {
		const [, of, numbers] = /^measured (.*): ([^:]+)$/.exec(line) ?? [];
		if (of !== undefined && numbers !== undefined) {
			measured.set(of, numbersOf(numbers));
			continue;
		}
		const name = line.replace(/^(not )?ok /, "");
		const failed = cases.find((c) => line.startsWith(`not ok ${c.name}: `));
		if (failed)
			results.set(failed.name, withNames(name.slice(failed.name.length + 2)));
		else {
			const [ended = "", outcome] = name.split(" => ");
			if (line.startsWith("ok ") && cases.some((c) => c.name === ended)) {
				results.set(ended, undefined);
				if (outcome) otherwise.set(ended, outcome);
			} else strange.push(line);
		}
	}
	const bad = [...results.values()].filter((why) => why !== undefined).length;
	const summary = `done: ${cases.length - bad} ok, ${bad} failed`;
	// a tool that is missing in the guest complains; nothing else does
	if (lines[last] !== summary || strange.length > 0)
		throw new Error(
			[
				`${release} did not come to its end: ${Math.round(ms / 1000)} s, ${results.size} of ${cases.length} cases, ${bad} failed`,
				...(last < 0 ? lines.slice(-20) : [lines[last], ...strange]),
				stderr,
			].join("\n  "),
		);
	const kernel = lines[first]?.slice("kernel ".length) ?? "";
	return { kernel, results, otherwise, measured, ms };
}

/** Reads `lost=3 drop=3`. */
function numbersOf(numbers: string): Numbers {
	const pairs = numbers.split(" ").map((pair) => pair.split("="));
	return Object.fromEntries(pairs.map(([name, n]) => [name, Number(n)]));
}
