// `doctor`: prints what is wrong on this node, in the order in which to repair it. The
// checks themselves are in src/doctor.

import { examine } from "../doctor/examine.ts";
import type { Finding } from "../doctor/finding.ts";
import { wordsOf } from "../log.ts";
import { command } from "./command.ts";
import { WIDTH, wrap } from "./help.ts";
import { npdAnswer, npdUnknown } from "./npd.ts";
import { PLACES, whereOf } from "./places.ts";
import { widthOf } from "./table.ts";
import { oneOf, TEXT_OR_JSON, text } from "./values.ts";

const WRONG = 3;
const INDENT = "      ";

export const doctorCommand = command({
	name: "doctor",
	summary: "check this node, and say what is wrong and what to do",
	about: `Checks this node in this order: the capability, ctnetlink, what the kernel supports, the plugin's place in the configuration of the node's network (the one that install would edit), records that cannot be read, DNAT rules that lead to pods that no longer exist and pods that no rule leads to, stale entries, IPVS if it has services, how full the table is, packets of new flows that were lost, and the SNAT rules that keep the source port. It prints a line for each check: ok, warn or fail, and what to do.

It changes nothing. To learn what the kernel supports, it sends requests that name no entry. It runs no other program. A rule is left over if portmap or CRI-O made it and its pod is neither recorded nor in libcni's cache. Each hostPort of a live pod is asked of the rules, as if a client had sent to it now: doctor names the rule that stands before the pod's own, or where the way to that rule is broken. Rules of netavark, Docker and Incus are counted.

A node may have no CNI, such as a host of Docker or Podman: there is no directory of configurations, and no attachment is recorded. Then doctor says so, and leaves out what concerns CNI alone.`,
	flags: {
		...PLACES,
		masterCniFileName: {
			...text("FILE"),
			help: "the file of the network, if it is not the one that the runtime takes",
		},
		without: {
			...oneOf("WHAT", ["cni"]),
			help: "leave out what concerns CNI alone: the plugin's place in a configuration, and records; doctor does so by itself where there is neither a directory of configurations nor a record",
		},
		output: TEXT_OR_JSON,
		npd: {
			help: "answer node-problem-detector: one line of at most 80 characters, and exit code 0 (no check failed), 1 (one did) or 2 (that is not known)",
		},
	},
	examples: [
		{ to: "check the node", line: "conntrack-flush doctor" },
		{
			to: "check a host of Docker or Podman that has a directory for CNI",
			line: "conntrack-flush doctor --without cni",
		},
		{
			to: "check the node from a DaemonSet that mounts its directories under /host",
			line: "conntrack-flush doctor --host-root /host",
		},
		{
			to: "check the node for node-problem-detector",
			line: "conntrack-flush doctor --npd",
		},
	],
	codes: {
		[WRONG]: "a check failed; with warnings alone the exit code is 0",
	},
	async run(host, { output, without, npd, ...places }) {
		const { masterCniFileName: confName } = places;
		const where = whereOf(places, confName);
		const make = () =>
			examine(host.full(), where, places.runtimeVersion, {
				isLeftOut: without === "cni",
				namesClients: true,
			});
		if (npd) {
			const { code, line } = await make().then(npdAnswer, (e) =>
				npdUnknown(wordsOf(e)),
			);
			host.write(1, `${line}\n`);
			return code;
		}
		const findings = await make();
		host.write(
			1,
			output === "json"
				? `${JSON.stringify(findings, undefined, 2)}\n`
				: findings.map((f) => line(f, widthOf(host))).join(""),
		);
		return findings.some((f) => f.status === "fail") ? WRONG : 0;
	},
});

/** Returns a finding and its advice, wrapped for a terminal of this width. */
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
