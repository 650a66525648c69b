// A record whose DEL never came, because its network was renamed, and a pod that has
// got its address since. The record shields nothing: DEL of the pod sets its clients
// free, in both arrangements.

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Chain, createChain } from "../support/chain.ts";
import {
	conflist,
	RETIRE_SECONDS,
	withoutOwnFlush,
} from "../support/conflist.ts";
import { must } from "../support/exec.ts";
import { createNamespace } from "../support/netns.ts";
import { CNI_BIN, OUR_BIN } from "../support/requirements.ts";
import {
	ALL_CLIENTS,
	attachment,
	HOST_PORT,
	removeClientEntries,
} from "../support/scene.ts";
import {
	type ChainFor,
	chainFor,
	createBusyStage,
	forTests,
	lateOf,
	mappings,
	WITHIN_MS,
} from "./setup.ts";

interface Row extends ChainFor {
	readonly arrangement: "single" | "split";
	/** The clients' entries may last this long after DEL. */
	readonly boundMs: number;
}

const ROWS: readonly Row[] = [
	{ arrangement: "single", boundMs: RETIRE_SECONDS * 1000 + WITHIN_MS },
	{ arrangement: "split", boundMs: WITHIN_MS },
];

const stage = forTests(createBusyStage);

/** The chain of a network that is there no more; its DEL does not reach our plugin. */
function formerChain(row: Row, isOursCalled: boolean): Chain {
	const list = conflist(stage.topology, { ...row, oneAddress: true });
	return createChain(
		stage.topology.node,
		{ ...list, name: "formernet" },
		{
			binDirs: [OUR_BIN, CNI_BIN],
			edit: withoutOwnFlush,
			wrap: isOursCalled ? {} : { "conntrack-flush": ["true"] },
		},
	);
}

/** Deletes the container's record. */
function forget(containerID: string): void {
	const dir = join(stage.topology.dir, "state");
	const names = readdirSync(dir).filter((name) => name.includes(containerID));
	expect(names).toHaveLength(1);
	for (const name of names) rmSync(join(dir, name));
}

describe.each(ROWS)("$arrangement", (row) => {
	test.each([
		["has a record", true],
		["has none, as one that is older than the plugin", false],
	])(
		"clients of a pod that %s reach the node after its DEL",
		async (_, isRecorded) => {
			const { topology, ledger, node } = stage;
			const netns = await createNamespace("ghost");
			const ghost = attachment({ ...stage.turns[1], netns }, mappings());
			await formerChain(row, true).add(ghost);
			await formerChain(row, false).del(ghost);
			netns.remove();
			await removeClientEntries(topology.node);

			const chain = chainFor(topology, { ...row, oneAddress: true });
			const [sandbox] = stage.turns;
			const pod = attachment(sandbox, mappings());
			const added = await chain.add(pod);
			await must(topology.node.inside(["ip", "neigh", "flush", "dev", "cni0"]));
			const toPod = await ledger.recovery(
				sandbox.receiver,
				ALL_CLIENTS,
				added.at(-1)?.endedAt ?? 0,
				WITHIN_MS,
			);
			expect(lateOf([toPod], ALL_CLIENTS)).toEqual([]);

			if (!isRecorded) forget(pod.containerID);
			const deleted = await chain.del(pod);
			await node.listen({
				name: "node",
				host: "::",
				port: HOST_PORT,
				answers: "never",
			});
			const toNode = await ledger.recovery(
				"node",
				ALL_CLIENTS,
				deleted.at(-1)?.endedAt ?? 0,
				row.boundMs,
			);
			await node.close("node");
			expect(lateOf([toNode], ALL_CLIENTS)).toEqual([]);
			expect(await stage.healthy.broken()).toEqual([]);
		},
	);
});
