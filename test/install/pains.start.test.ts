// The pain that users of other installers have filed about pods that are older than
// the plugin, with a test that our installer does not have it. The describe block is
// named after the pain.

import { afterEach, describe, expect, test } from "vitest";
import type { Made } from "../kernel/creation.ts";
import { present, spelt, startNode } from "../kernel/reconcile.node.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { undoAll } from "../support/undo.ts";
import { mapping } from "../support/unit/flows.ts";
import { attached, cachedFile } from "../support/unit/world.ts";
import { INTERVAL } from "./pains.ts";
import { createTree, until } from "./tree.ts";

afterEach(undoAll);

const flow = (n: number, to?: string): Made => ({
	proto: "udp",
	orig: `192.0.2.7:${n} > 203.0.113.1:8125`,
	...(to && { reply: `${to} > 192.0.2.7:${n}` }),
});

describe("pods start before the plugin", () => {
	test("what keeps traffic from them goes when the plugin comes, and no pod is touched", async () => {
		const tree = createTree();
		const own = { ...mapping("IPv4", "udp"), podIP: "10.88.0.2" };
		const pod = {
			...attached("pod", own),
			// one that exists, or the pod would be dead
			netns: "/proc/1/ns/net",
		};
		for (const [path, text] of Object.entries(cachedFile(pod)))
			tree.write(path, text);
		const node = await startNode();
		await mapHostPorts(node.ns, [own]);
		const right = flow(3, "10.88.0.2:5353");
		await node.create(flow(1), flow(2, "10.88.0.9:5353"), right);
		const started = tree.start(["install", "--watch", ...INTERVAL], {
			by: node.ns.inside([]),
		});
		await until("it has reconciled", () => started.log().includes("reasons="));
		expect(await present(node)).toEqual(spelt([right]));
		expect(started.log()).toMatch(
			/event=reconcile .*deleted=2 kept=1|deleted=2 kept=1 .*event=reconcile/,
		);
		expect((await started.end()).code).toBe(0);
	});
});
