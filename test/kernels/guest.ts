// The files that a booted kernel finds: busybox, the executable, our tools, nft and ipvsadm with
// their libraries, the modules and the script of the cases.

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { must } from "../support/exec.ts";
import { PREPARE as FLOWTABLE } from "./cases/flowtable.ts";
import { CASES } from "./cases/index.ts";
import { PREPARE as IPVS } from "./cases/ipvs.ts";
import { PREPARE } from "./cases/rules.ts";
import { initramfs } from "./initramfs.ts";
import { type KernelFiles, OUT } from "./kernels.ts";
import { modulesByPhase } from "./modules.ts";
import { HOST, HOST2, HOST6 } from "./scene.ts";
import { type Phase, script } from "./script.ts";

const GUEST = join(import.meta.dirname, "guest");
const EXECUTABLE = resolve(OUT, "../conntrack-flush");
const BUSYBOX = "/bin/busybox";
const NFT = "/usr/sbin/nft";
const IPVSADM = "/usr/sbin/ipvsadm";
/** The path of the real ip. In the guest it is not in PATH: busybox has an ip of its own, which makes no veth. */
const IPROUTE = "/sbin/ip";

export async function guestImage(kernel: KernelFiles): Promise<Buffer> {
	const files = new Map<string, Uint8Array>();
	const copy = (from: string, to = from): void => {
		files.set(to, readFileSync(from));
	};
	copy(join(GUEST, "init"), "/init");
	copy(join(GUEST, "lib.sh"), "/lib.sh");
	copy(BUSYBOX, "/bin/busybox");
	copy(EXECUTABLE, "/bin/conntrack-flush");
	copy(await compile("ct", ["ct.c", "text.c", "message.c"]), "/bin/ct");
	copy(await compile("udp", ["udp.c"]), "/bin/udp");
	copy(NFT, "/bin/nft");
	copy(IPVSADM, "/bin/ipvsadm");
	copy(IPROUTE, "/opt/ip");
	for (const tool of [NFT, IPROUTE, IPVSADM])
		for (const library of await librariesOf(tool)) copy(library);
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
	files.set("/tests.sh", Buffer.from(script(CASES, kernel, lines)));
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

async function compile(name: string, sources: string[]): Promise<string> {
	const bin = join(OUT, "bin");
	mkdirSync(bin, { recursive: true });
	const to = join(bin, name);
	const from = sources.map((source) => join(GUEST, source));
	const flags = ["-D_GNU_SOURCE", "-O2", "-static", "-Wall", "-Wextra"];
	await must(["cc", ...flags, "-o", to, ...from]);
	return to;
}

/** Returns the libraries and the loader of a dynamic executable, where it looks for them. */
async function librariesOf(file: string): Promise<string[]> {
	const text = await must(["ldd", file]);
	return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
}
