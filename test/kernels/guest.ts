// The files that a booted kernel finds: busybox, the executable, our tools, nft and ipvsadm with
// their libraries, the modules and the script of the cases.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { compileStatic } from "../support/compile.ts";
import { must } from "../support/exec.ts";
import { PREPARE as FLOWTABLE } from "./cases/flowtable.ts";
import { PREPARE as IPVS } from "./cases/ipvs.ts";
import { PREPARE } from "./cases/rules.ts";
import { initramfs } from "./initramfs.ts";
import { type KernelFiles, OUT } from "./kernels.ts";
import { modulesByPhase } from "./modules.ts";
import { HOST, HOST2, HOST6 } from "./scene.ts";
import { type Case, type Phase, script } from "./script.ts";

const GUEST = join(import.meta.dirname, "guest");
const SUPPORT = join(import.meta.dirname, "../support");
const EXECUTABLE = resolve(OUT, "../conntrack-flush");
const BUSYBOX = "/bin/busybox";
const NFT = "/usr/sbin/nft";
const IPVSADM = "/usr/sbin/ipvsadm";
/** The path of the real ip. In the guest it is not in PATH: busybox has an ip of its own, which makes no veth. */
const IPROUTE = "/sbin/ip";

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
	copy(BUSYBOX, "/bin/busybox");
	copy(EXECUTABLE, "/bin/conntrack-flush");
	const own = (name: string): string => join(GUEST, name);
	copy(
		await compile("ct", ["ct.c", "text.c", "message.c"].map(own)),
		"/bin/ct",
	);
	copy(await compile("udp", [own("udp.c")]), "/bin/udp");
	copy(await compile("pairs", [join(SUPPORT, "pairs.c")]), "/bin/pairs");
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

function compile(name: string, sources: string[]): Promise<string> {
	return compileStatic(join(OUT, "bin", name), sources);
}

/** Returns the libraries and the loader of a dynamic executable, where it looks for them. */
async function librariesOf(file: string): Promise<string[]> {
	const text = await must(["ldd", file]);
	return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
}
