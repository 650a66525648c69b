// Runs inside the node's namespace and says what evaluators make of its rules: that of
// the sources, and copies of it with a fault. The rules of legacy iptables, which Node
// cannot read, come through a program of C.

import { execFileSync } from "node:child_process";
import { nodeHost } from "../../../plugin/host/node.ts";
import type { FullHost } from "../../../src/host.ts";
import { Deadline } from "../../../src/netlink/deadline.ts";
import type { Outcome } from "../../../src/rules/model.ts";
import { hex, packetOf, type Question, type Reply } from "./judge.protocol.ts";

const [, , getsockopt = "", ...trees] = process.argv;
const evaluators: readonly typeof import("../../../src/rules/ruleset.ts")[] =
	await Promise.all(trees.map((tree) => import(`${tree}/rules/ruleset.ts`)));
const plain = nodeHost([]);
/** The answers of the program in this round, in which the rules do not change. */
const answers = new Map<string, Uint8Array>();
const full: FullHost = {
	...plain.full(),
	getsockopt(domain, level, name, value) {
		const argv = [domain, level, name, value.length].map(String);
		const key = argv.join(" ");
		const answer =
			answers.get(key) ??
			execFileSync(getsockopt, argv, { input: value, maxBuffer: 16 << 20 });
		answers.set(key, answer);
		value.set(answer);
		return answer.length;
	},
	full: () => full,
};

async function judge({ tree, packets, own }: Question): Promise<Reply> {
	answers.clear();
	const locals = new Set(own);
	const destinations = new Set(packets.map((p) => hex(p.dst)));
	const ports = new Set(packets.map((p) => p.dport));
	const evaluator = evaluators[tree];
	if (!evaluator) throw new Error(`no evaluator ${tree}`);
	const rules = new evaluator.NatRules(full, new Deadline(full, 20_000), {
		address: (dst) => destinations.has(hex(dst)),
		port: (dport) => ports.has(dport),
	});
	try {
		const outcomes: (readonly Outcome[])[] = [];
		for (const asked of packets)
			outcomes.push(
				(await rules.outcomes(packetOf(asked, locals))).all.map(sendable),
			);
		return { outcomes };
	} finally {
		rules.close();
	}
}

/** A rule has functions, which no channel carries; its place is all that is asked for. */
function sendable(o: Outcome): Outcome {
	if (o.is === "none") return o;
	const { backend, family, table, chain } = o.by;
	const by = { backend, family, table, chain };
	if (o.is === "dropped") return { is: o.is, by };
	return { ...o, by: { ...by, handle: o.by.handle } };
}

process.on("message", async (question: Question) => {
	const reply = await judge(question).catch(
		(e: unknown): Reply => ({
			error: e instanceof Error ? (e.stack ?? e.message) : String(e),
		}),
	);
	process.send?.(reply);
});
process.send?.({} satisfies Reply);
