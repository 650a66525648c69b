// Collateral: whatever the table and the mappings, the kernel's table is
// afterwards what the model says, entry for entry. MODEL_SECONDS for longer
// runs, MODEL_SEED for other cases, or for one that failed.

import { expect, test } from "vitest";
import { flushTable } from "../support/conntrack.ts";
import {
	flowOf,
	insert,
	nameOfFlow,
	readNames,
	TIMEOUT,
} from "../support/flow.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { random } from "../support/random.ts";
import { mapping } from "../support/unit/flows.ts";
import { randomCase, shrink, tryCase } from "./model.case.ts";
import { randomFlow } from "./model.flows.ts";
import { call, createWorld } from "./model.world.ts";

const SECONDS = Number(process.env.MODEL_SECONDS ?? 16);
const SEED = Number(process.env.MODEL_SEED ?? 1);
const FLOWS = 1000;

test("the table is what the model says after every event", {
	timeout: 1000 * SECONDS + 60_000,
}, async () => {
	const world = await createWorld();
	const end = Date.now() + 1000 * SECONDS;
	const counts = new Map<string, number>();
	const count = (key: string, n = 1): void => {
		counts.set(key, (counts.get(key) ?? 0) + n);
	};
	for (let seed = SEED; Date.now() < end; seed++) {
		const c = randomCase(seed, FLOWS);
		const tried = await tryCase(world, c);
		count("cases");
		count("entries", c.flows.length);
		count("removed", tried.removed);
		count(`cases of ${c.event}`);
		count(tried.how);
		if (tried.wrong.length === 0) continue;
		const [small, wrong] = await shrink(world, c, tried);
		expect.fail(
			`MODEL_SEED=${seed}, smallest case:\n${JSON.stringify(small, null, 1)}\n${wrong.wrong.slice(0, 20).join("\n")}`,
		);
	}
	console.log(`seed ${SEED}:`, Object.fromEntries(counts));
	// a model that is never asked to remove anything agrees with everything
	expect(counts.get("removed")).toBeGreaterThan(0);
});

// CRI-O's arrangement has one plugin item, for DEL alone: a pod that it does not record it cannot spare
test("a late DEL of a whole pod spares the pod that has its address now", async () => {
	const world = await createWorld();
	const flow = flowOf({});
	const conf = {
		on: "del",
		scope: "pod",
		prevResult: { ips: [{ address: "10.88.0.2/16" }] },
	};
	await call(world, "ADD", { containerID: "old", conf });
	await call(world, "DEL", { containerID: "old", conf });
	await call(world, "ADD", { containerID: "new", conf });
	await insert(world.ns, [flow]);
	await call(world, "DEL", { containerID: "old", conf });
	expect([...(await readNames(world.ns)).keys()]).toEqual([nameOfFlow(flow)]);
});

const ONE = { hostPort: 8125, containerPort: 5353 };

test.each(["both", "del"])(
	"a late DEL spares a successor that has the address, and the port on one address of the node: on %s",
	async (on) => {
		const world = await createWorld();
		const dying = flowOf({ sport: 6001 });
		const live = flowOf({ sport: 6002, dst: "203.0.113.10" });
		const conf = {
			on,
			retireSeconds: 3600,
			runtimeConfig: { portMappings: [{ ...ONE, protocol: "udp" }] },
			prevResult: { ips: [{ address: "10.88.0.2/16" }] },
		};
		const narrow = { ...ONE, protocol: "udp", hostIP: "203.0.113.10" };
		const itsConf = { ...conf, runtimeConfig: { portMappings: [narrow] } };
		await call(world, "ADD", { containerID: "old", conf });
		await call(world, "ADD", {
			containerID: "new",
			conf: { ...itsConf, on: "both" },
		});
		const m = mapping("IPv4", "udp");
		await mapHostPorts(world.ns, [{ ...m, hostIP: "203.0.113.10" }]);
		await insert(world.ns, [dying, live]);
		const { stderr } = await call(world, "DEL", { containerID: "old", conf });
		const left = await readNames(world.ns);
		expect(left.get(nameOfFlow(live)), stderr).toBeLessThanOrEqual(TIMEOUT);
		if (on === "del") expect(left.has(nameOfFlow(dying))).toBe(false);
		else expect(left.get(nameOfFlow(dying))).toBeGreaterThan(TIMEOUT);
		expect(stderr).not.toContain("kernel-flush");
	},
);

test.each([
	["UDP on any address", { ...ONE, protocol: "udp" }],
	["UDP on one address", { ...ONE, protocol: "udp", hostIP: "203.0.113.10" }],
	["TCP on any address", { ...ONE, protocol: "tcp" }],
	["TCP on one address", { ...ONE, protocol: "tcp", hostIP: "127.0.0.1" }],
])(
	"the kernel's flush and a scan remove the same entries: %s",
	async (_, mapping) => {
		const world = await createWorld();
		const r = random(SEED);
		const targets = ["10.88.0.2", "10.88.0.3", "fd88::2"].flatMap((ip) =>
			[5353, 5354].map((port) => ({ ip, port })),
		);
		const flows = new Map(
			Array.from({ length: 3000 }, (_, n) => {
				const flow = randomFlow(r, n, { ports: [8125], targets });
				return [nameOfFlow(flow), flow];
			}),
		);
		const left: string[][] = [];
		const hows: string[] = [];
		// a mapping of SCTP, which no entry has, is beyond what the kernel's filter can say
		const sctp = { hostPort: 1, containerPort: 1, protocol: "sctp" };
		for (const portMappings of [[mapping], [mapping, sctp]]) {
			await flushTable(world.ns);
			await insert(world.ns, [...flows.values()]);
			const { stderr } = await call(world, "DEL", {
				containerID: "pod",
				conf: {
					on: "del",
					protocols: ["udp", "tcp", "sctp"],
					runtimeConfig: { portMappings },
					prevResult: { ips: [{ address: "10.88.0.2/16" }] },
				},
			});
			hows.push(/how=(\S+)/.exec(stderr)?.[1] ?? stderr);
			left.push([...(await readNames(world.ns)).keys()].sort());
		}
		expect(hows[0]).toBe("kernel-flush");
		expect(hows[1]).toMatch(/^(scan|filtered-dump)$/);
		expect(left[0]).toEqual(left[1]);
		expect(left[0]?.length).toBeLessThan(flows.size);
		expect(left[0]?.length).toBeGreaterThan(flows.size / 2);
	},
);
