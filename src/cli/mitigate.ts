// `mitigate`: has the kernel handle each flow of the running pods on one CPU, as ADD does
// with "oneCPUPerFlow". The work is in src/steering; this file prints.

import { nodeLinks } from "../libcni/links.ts";
import { type Mitigated, mitigate } from "../steering/mitigate.ts";
import { command } from "./command.ts";
import { CACHE_DIR_FLAG, TEXT_OR_JSON } from "./values.ts";

export const mitigateCommand = command({
	name: "mitigate",
	summary: "end the race of two packets for one entry, for the pods that run",
	about: `Has the kernel handle all packets of a flow of a pod on one CPU, for the pods that run, as ADD does for new ones if the plugin's "oneCPUPerFlow" is true. Two packets that a pod sends at once from one socket, such as an A and an AAAA query, then do not race for a conntrack entry. It writes the CPUs that are online and neither isolated nor of nohz_full to rps_cpus (receive packet steering) of the veths on the node's side, which libcni's cache names, and prints what it set, what it left alone, and why.

It leaves alone an interface that has a mask already, and one that is no veth. The setting ends with its interface; --undo takes it back before. A mask of exactly these CPUs counts as set by this program or by ADD, because nothing else tells who has set it. Any other mask is somebody else's, and stays. No entry and no rule is touched.

It needs CAP_NET_ADMIN and a /sys that can be written to. In a container that is not privileged it cannot; run it on the node.`,
	flags: {
		undo: { help: "set the interfaces back that have exactly this mask" },
		dryRun: {
			short: "n",
			help: "change nothing; print what would be set or undone",
		},
		cniCacheDir: CACHE_DIR_FLAG,
		output: TEXT_OR_JSON,
	},
	examples: [
		{
			to: "see what would be set",
			line: "conntrack-flush mitigate --dry-run",
		},
		{ to: "set it", line: "conntrack-flush mitigate" },
		{ to: "take it back", line: "conntrack-flush mitigate --undo" },
	],
	async run(host, { undo, dryRun, cniCacheDir, output }) {
		let unreadable = 0;
		const links = nodeLinks(host, cniCacheDir, () => unreadable++);
		const found = mitigate(host, links.keys(), { undo, dryRun }).map((m) => ({
			...m,
			pod: links.get(m.interface),
		}));
		if (output === "json")
			host.write(1, `${JSON.stringify(found, undefined, 2)}\n`);
		else host.write(1, found.map((m) => line(m, dryRun)).join(""));
		if (unreadable > 0)
			host.write(
				2,
				`files of ${cniCacheDir} that cannot be read, and whose pods are left out: ${unreadable}\n`,
			);
		if (links.size === 0)
			host.write(2, `${cniCacheDir} names no interface of a pod\n`);
		return found.some(({ result }) => result === "failed") ? 1 : 0;
	},
});

/** Returns the line of an interface. */
function line(
	{
		interface: name,
		pod,
		result,
		mask,
		reason,
	}: Mitigated & { readonly pod?: string | undefined },
	dryRun: boolean,
): string {
	const whose = pod === undefined ? name : `${name} of ${pod}`;
	const would = dryRun ? "would be " : "";
	if (result === "set") return `${would}set: ${whose}, CPUs ${mask}\n`;
	if (result === "undone") return `${would}undone: ${whose}\n`;
	return `${result}: ${whose}, ${reason}\n`;
}
