// `doctor`: what is wrong on this node, in the order in which to repair it.

import { examine } from "../doctor/examine.ts";
import type { Finding } from "../doctor/finding.ts";
import { command } from "./command.ts";
import { WIDTH, wrap } from "./help.ts";
import { PLACES, whereOf } from "./places.ts";
import { widthOf } from "./table.ts";
import { oneOf, text } from "./values.ts";

const WRONG = 3;
const INDENT = "      ";
// as install has them
const { cniConfDir, cniCacheDir, dataDir, hostRoot } = PLACES;

export const doctorCommand = command({
	name: "doctor",
	summary: "check this node, and say what is wrong and what to do",
	about: `Checks, in this order: the capability, ctnetlink, what the kernel can do, the place of the plugin in the configuration of the node's network, which is the one that install would edit, records that cannot be read, DNAT rules that lead to pods which are gone, stale entries, and how full the table is. A line for each: ok, warn or fail, and what to do.

It looks, and changes nothing: what it asks of the kernel to learn what that can do names no entry. It runs no program. A rule is left over if it is portmap's or CRI-O's and its pod is neither recorded nor in libcni's cache; rules of legacy iptables cannot be read over netlink, and are only pointed out.`,
	flags: {
		cniConfDir,
		masterCniFileName: {
			...text("FILE"),
			help: "the network's file, if it is not the first by name",
		},
		cniCacheDir,
		dataDir,
		hostRoot,
		output: {
			...oneOf("FORMAT", ["text", "json"]),
			short: "o",
			fallback: "text",
			help: "how to print",
		},
	},
	examples: [
		{ to: "check the node", line: "conntrack-flush doctor" },
		{
			to: "in a DaemonSet that has the node's directories under /host",
			line: "conntrack-flush doctor --host-root /host",
		},
	],
	codes: { [WRONG]: "a check failed; warnings alone are 0" },
	async run(host, { output, ...places }) {
		const { masterCniFileName: confName } = places;
		const where = whereOf(
			{ ...places, cniBinDir: [], runtimeVersion: undefined },
			confName,
		);
		const findings = await examine(host.full(), where);
		host.write(
			1,
			output === "json"
				? `${JSON.stringify(findings, undefined, 2)}\n`
				: findings.map((f) => line(f, widthOf(host))).join(""),
		);
		return findings.some((f) => f.status === "fail") ? WRONG : 0;
	},
});

/** Of the width of the terminal that it is for, if it is for one. */
function line(
	{ status, check, found, advice }: Finding,
	width: number,
): string {
	const what = wrap(`${check}: ${found}`, INDENT, width).trimStart();
	const line = `${status.padEnd(INDENT.length)}${what}\n`;
	return advice === undefined
		? line
		: `${line}${wrap(advice, INDENT, Math.min(width, WIDTH))}\n`;
}
