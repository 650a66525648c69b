// An entry that a packet holds, because it waits for ARP, leaves the kernel's count later
// than the table. So a kernel flush that deleted it shows no smaller count, and the log
// must not say that nothing was deleted.

import { release } from "node:os";
import { expect, test } from "vitest";
import { must } from "../support/exec.ts";
import { addRules, createNode } from "./verbs.node.ts";

const [major = 0, minor = 0] = release().split(".").map(Number);
/** The kernel flushes by a filter since commit 1ef7f50ccc6e. */
const KNOWN = major > 6 || (major === 6 && minor >= 12);
/** On the node's network, and nobody has it: ARP gets no answer. */
const NOBODY = "203.0.113.99";

test.runIf(KNOWN)(
	"of a kernel flush whose entry a packet holds the log claims no number",
	async ({ skip }) => {
		const node = await createNode();
		// without a rule the kernel tracks nothing
		await addRules(node);
		const { ns } = node.agent;
		await must(
			ns.inside([
				"bash",
				"-c",
				`exec 3<>/dev/udp/${NOBODY}/8125 && echo x >&3`,
			]),
		);
		expect([...(await node.entries()).values()].join()).toContain(NOBODY);
		const ran = await node.call("executable", "DEL", {
			on: "del",
			protocols: ["udp"],
			prevResult: {
				cniVersion: "1.0.0",
				interfaces: [{ name: "eth0", sandbox: "/run/netns/pod" }],
				ips: [{ interface: 0, address: `${NOBODY}/24` }],
			},
			runtimeConfig: {
				portMappings: [
					{ hostPort: 8125, containerPort: 8125, protocol: "udp" },
				],
			},
		});
		expect([...(await node.entries()).values()].join()).not.toContain(NOBODY);
		// entries of other namespaces can make a dump cheaper
		skip(!ran.stderr.includes("how=kernel-flush"), "no kernel flush was made");
		expect(ran.stderr).not.toContain("deleted=");
	},
);
