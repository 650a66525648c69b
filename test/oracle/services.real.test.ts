// Some of the cases of services.test.ts with the executable, on a real table: it deletes
// what the same code deletes in memory, and nothing that kube-proxy's rules would serve.

import { afterAll, expect, test } from "vitest";
import type { Made } from "../kernel/creation.ts";
import {
	EXECUTABLE,
	present,
	spelt,
	startNode,
} from "../kernel/reconcile.node.ts";
import { flushTable } from "../support/conntrack.ts";
import { run } from "../support/exec.ts";
import { random } from "../support/random.ts";
import { undoAll } from "../support/undo.ts";
import { askKubeProxy, ours } from "./services.answers.ts";
import { type Flow, randomCase } from "./services.cases.ts";

afterAll(undoAll);

const CASES = 40;

const at = (ip: string, port: number): string =>
	ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;

/** The n-th entry, from a client port of its own. */
function made({ proto, dst, dport, src, sport }: Flow, n: number): Made {
	const client = at(dst.includes(":") ? "fd07::7" : "192.0.2.7", 10_000 + n);
	return {
		proto: proto === 17 ? "udp" : "tcp",
		orig: `${client} > ${at(dst, dport)}`,
		...((src !== dst || sport !== dport) && {
			reply: `${at(src, sport)} > ${client}`,
		}),
	};
}

test("the executable deletes the same", async () => {
	const agent = await startNode();
	const cases = Array.from({ length: CASES }, (_, i) => randomCase(random(i)));
	const answers = await askKubeProxy(cases);
	let deleted = 0;
	for (const [n, c] of cases.entries()) {
		const entries = c.flows.map(made);
		await agent.create(...entries);
		const mine = new Set(ours(c));
		const { code, stdout } = await run(
			agent.ns.inside([...EXECUTABLE, "reconcile", "--services", "-"]),
			{ input: JSON.stringify(c.list, undefined, n % 2 === 0 ? 4 : 0) },
		);
		expect([
			code,
			Number.parseInt(stdout.slice("deleted ".length), 10),
		]).toEqual([0, mine.size]);
		const left = await present(agent);
		expect(left, `seed ${n}`).toEqual(
			spelt(entries.filter((_, i) => !mine.has(i))),
		);
		for (const i of answers[n]?.served ?? [])
			expect(left, `seed ${n}`).toContain(spelt([entries[i] as Made])[0]);
		deleted += mine.size;
		await flushTable(agent.ns);
	}
	expect(deleted).toBeGreaterThan(CASES);
});
