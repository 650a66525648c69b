// The files that a booted kernel finds: the executable, our tools and others' with their
// libraries, the modules and the script of the cases.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { compileStatic } from "../support/compile.ts";
import { PREPARE as FLOWTABLE } from "./cases/flowtable.ts";
import { PREPARE as IPVS } from "./cases/ipvs.ts";
import { PREPARE } from "./cases/rules.ts";
import { initramfs } from "./initramfs.ts";
import { type KernelFiles, OUT } from "./kernels.ts";
import { AMD64, type Machine } from "./machine.ts";
import { modulesByPhase } from "./modules.ts";
import { HOST, HOST2, HOST6 } from "./scene.ts";
import { type Case, type Phase, script } from "./script.ts";
import { userland } from "./userland.ts";

const GUEST = join(import.meta.dirname, "guest");
const SUPPORT = join(import.meta.dirname, "../support");

/** Made by `make build`, and by `make exe`. */
const executableFor = (machine: Machine): string =>
	machine === AMD64
		? resolve(OUT, "../conntrack-flush")
		: resolve(OUT, "../arch", machine.arch, "conntrack-flush");

/** Returns the initramfs with which the kernel runs these cases. */
export async function guestImage(
	kernel: KernelFiles,
	cases: readonly Case[],
): Promise<Buffer> {
	const files = new Map<string, Uint8Array>();
	const copy = (from: string, to = from): void => {
		files.set(to, readFileSync(from));
	};
	copy(join(GUEST, "init"), "/init");
	copy(join(GUEST, "lib.sh"), "/lib.sh");
	const { machine } = kernel;
	copy(executableFor(machine), "/bin/conntrack-flush");
	const own = (name: string): string => join(GUEST, name);
	for (const [name, sources] of [
		["ct", ["ct.c", "text.c", "message.c"].map(own)],
		["udp", [own("udp.c")]],
		["pairs", [join(SUPPORT, "pairs.c")]],
	] as const)
		copy(await compile(machine, name, sources), `/bin/${name}`);
	for (const [to, from] of await userland(machine)) copy(from, to);
	files.set("/guest", new Uint8Array());

	const dir = join(kernel.dir, "modules");
	const modules = modulesByPhase(dir);
	for (const name of readdirSync(dir))
		if (Object.values(modules).flat().includes(name.replace(/\.ko$/, "")))
			copy(join(dir, name), `/modules/${name}`);
	const lines = (phase: Phase): string[] => [
		...modules[phase].map((name) =>
			["insmod", `/modules/${name}.ko`, PARAMETERS[name]].join(" "),
		),
		...(SETUP[phase] ?? []),
	];
	files.set("/tests.sh", Buffer.from(script(cases, kernel, lines)));
	return initramfs(files);
}

/** By default the table has the size that so small a machine wants. */
const PARAMETERS: Readonly<Record<string, string>> = {
	nf_conntrack: "hashsize=16384",
};

const SETUP: Partial<Record<Phase, readonly string[]>> = {
	"no nfnetlink": [
		"ip link set lo up",
		...[HOST, HOST2].map((ip) => `ip addr add ${ip}/32 dev lo`),
		`ip addr add ${HOST6}/128 dev lo`,
	],
	rules: PREPARE,
	flowtable: FLOWTABLE,
	ipvs: IPVS,
};

function compile(
	{ arch, compiler }: Machine,
	name: string,
	sources: readonly string[],
): Promise<string> {
	return compileStatic(join(OUT, "bin", arch, name), sources, compiler);
}
