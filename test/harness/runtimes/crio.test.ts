// CRI-O with runc, through its CRI: which verbs it calls and when, pods with hostPorts
// that are replaced while clients outside send, and what a plugin that cannot work means
// for the node and its pods.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { untilReady } from "../../support/runtimes/cri.ts";
import { type Crio, startCrio } from "../../support/runtimes/crio.ts";
import {
	configure,
	conflistOf,
	exampleOf,
} from "../../support/runtimes/examples.ts";
import { createNode, type Node } from "../../support/runtimes/node.ts";
import { version } from "../../support/runtimes/tools.ts";
import { undoAll } from "../../support/undo.ts";
import { complaints, FAULTS, mend, overheard } from "./faults.ts";
import { PROOFS } from "./proofs.ts";
import {
	ALL_WELL,
	exchange,
	leftBehind,
	runPod,
	sendersOf,
	withoutRecords,
} from "./scenarios.ts";

const EXAMPLE = exampleOf("cri-o.conflist");
const LIST = conflistOf(EXAMPLE);
/** With this version a runtime calls STATUS and GC, too. */
const NEWEST = { ...LIST, cniVersion: "1.1.0" };

let node: Node;
let crio: Crio;
beforeAll(async () => {
	node = await createNode();
	crio = await startCrio(node, { withUs: true });
	await node.startClients(EXAMPLE.kinds);
}, 60_000);
afterAll(undoAll, 60_000);

test("it is the version that the documents name", () => {
	expect(crio.version).toBe(`cri-o ${version("CRIO")}`);
});

test(PROOFS.exchange, async () => {
	expect(await exchange(node, crio, EXAMPLE, 1)).toEqual(ALL_WELL);
});

test(PROOFS.restart, async () => {
	const pod = await runPod(crio, "survivor");
	await crio.restart();
	await pod.remove();
	expect(await leftBehind(node, crio)).toEqual([]);
});

test(PROOFS.crioCalls, async () => {
	await configure(node, EXAMPLE.installedAs, NEWEST);
	const heard = await overheard(node.machine);
	const calls = async (): Promise<string[]> =>
		(await heard.log()).map((line) => line.split(" ")[0] ?? "");
	try {
		await crio.restart();
		await untilReady(crio.cri);
		const atStart = await calls();
		expect(atStart.filter((verb) => verb === "GC")).toHaveLength(1);
		expect(new Set(atStart)).toEqual(new Set(["STATUS", "GC"]));
		const pod = await runPod(crio, "heard");
		await pod.remove();
		const verbs = (await calls()).filter((verb) => verb !== "STATUS");
		expect(verbs).toEqual(["GC", "ADD", "CHECK", "DEL"]);
	} finally {
		await heard.unwrap();
		await configure(node, EXAMPLE.installedAs, LIST);
	}
});

describe.each(FAULTS)("$name", ({ make, undo, helps }) => {
	beforeAll(async () => {
		await configure(node, EXAMPLE.installedAs, NEWEST);
		await make(node.machine);
		await crio.restart();
	});
	afterAll(() => mend(node.machine, undo));

	test(PROOFS.ready, () => untilReady(crio.cri));

	test(PROOFS.faults, async () => {
		const { late, left, lost } = await exchange(node, crio, EXAMPLE, 1);
		expect({ late, left: withoutRecords(left) }).toEqual({
			late: [],
			left: [],
		});
		expect(lost).toHaveLength(helps ? 0 : sendersOf(EXAMPLE));
		expect(await complaints(node.machine)).not.toEqual([]);
	});
});
