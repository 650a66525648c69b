// A table of 60 000 entries in which others come and go, 100 000 times a second
// and more, while the executable looks through it: whatever stands still is found
// and removed if it is to go, and else is left alone.

import { afterAll, beforeAll, expect, test } from "vitest";
import { call, createWorld, type World } from "../kernel/model.world.ts";
import { readTable } from "../support/conntrack.ts";
import { run } from "../support/exec.ts";
import { flowOf, insert, TIMEOUT } from "../support/flow.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { undoAll } from "../support/undo.ts";
import { FAMILIES, mapping } from "../support/unit/flows.ts";
import { type Churn, FILLER, FILLER_MARK, startChurn } from "./churn.ts";

const TIMES = 3;
/** Changes a second that the test is about; 300 000 and more where nothing else runs. */
const FLOOR = 100_000;
const RETIRE_SECONDS = 3600;

/** Marks by which the table shows what is what. */
const STALE = { mark: 1, count: 400 };
const OWN = { mark: 2, count: 400 };
const OTHERS = { mark: 3, count: 400 };

let world: World;
let churn: Churn;
const rate = { changes: 0, ms: 0 };

beforeAll(async () => {
	world = await createWorld();
	await mapHostPorts(
		world.ns,
		FAMILIES.map((family) => mapping(family, "udp")),
	);
	await insert(world.ns, OTHER_FLOWS);
	churn = await startChurn(world.ns);
}, 60_000);
afterAll(undoAll, 60_000);

/** Returns the entries of a kind; every fourth is IPv6. */
function flows(
	{ mark, count }: { readonly mark: number; readonly count: number },
	over: (n: number) => { readonly v4: string; readonly v6: string },
	dport = 8125,
) {
	return Array.from({ length: count }, (_, n) => {
		const { v4, v6 } = over(n);
		const six = n % 4 === 0;
		return flowOf({
			family: six ? 6 : 4,
			src: six ? "fd07::7" : "192.0.2.7",
			sport: 1000 * mark + n,
			dst: six ? "fd03::1" : "203.0.113.1",
			dport,
			replySrc: six ? v6 : v4,
			replyDport: 1000 * mark + n,
			mark,
		});
	});
}
const STALE_FLOWS = flows(STALE, (n) => ({
	v4: `10.88.0.${100 + (n % 9)}`,
	v6: `fd88::${100 + (n % 9)}`,
}));
const OWN_FLOWS = flows(OWN, () => ({ v4: "10.88.0.2", v6: "fd88::2" }));
const OTHER_FLOWS = flows(
	OTHERS,
	() => ({ v4: "10.88.0.3", v6: "fd88::3" }),
	8126,
);

/** Seconds left of the entries with a mark, by id. */
async function left(mark: number): Promise<Map<string, number>> {
	const table = await readTable(world.ns, ["-m", String(mark)]);
	return new Map(table.map(({ id, timeout }) => [id, timeout]));
}

/** Runs a verb, and tells how it went about it. */
async function enact(
	verb: string,
	conf: Readonly<Record<string, unknown>>,
	ips: readonly string[],
): Promise<string> {
	await churn.rate();
	const { code, stderr } = await call(world, verb, {
		containerID: "pod",
		conf: {
			retireSeconds: RETIRE_SECONDS,
			runtimeConfig: {
				portMappings: [
					{ hostPort: 8125, containerPort: 5353, protocol: "udp" },
				],
			},
			prevResult: {
				cniVersion: "1.1.0",
				ips: ips.map((address) => ({ address })),
			},
			...conf,
		},
	});
	const { changes, ms } = await churn.rate();
	rate.changes += changes;
	rate.ms += ms;
	expect({ code, warned: /level=(warn|error)/.test(stderr) }, stderr).toEqual({
		code: 0,
		warned: false,
	});
	return /how=(\S+)/.exec(stderr)?.[1] ?? stderr;
}

/** Takes what is left of these away. */
async function clear(mark: number): Promise<void> {
	await run(world.ns.inside(["conntrack", "-D", "-m", String(mark)]));
}

const BOTH = ["10.88.0.2/16", "fd88::2/64"];
const V4 = BOTH.slice(0, 1);
test.each([
	{ name: "deleted by us", on: "del", ips: BOTH },
	{ name: "deleted by the kernel if it can", on: "del", ips: V4 },
	{ name: "retired", on: "both", ips: BOTH },
])(
	"all that stands still is judged right on ADD, and on DEL $name",
	async ({ on, ips }) => {
		const hows: string[] = [];
		// without an address of the family there is no rule for it
		const other = ips === BOTH ? 0 : 1 / 4;
		const others = await left(OTHERS.mark);
		for (let n = 0; n < TIMES; n++) {
			await insert(world.ns, [...STALE_FLOWS, ...OWN_FLOWS]);
			const own = await left(OWN.mark);
			expect(own.size).toBe(OWN.count);

			hows.push(await enact("ADD", { on: "both" }, ips));
			expect((await left(STALE.mark)).size).toBe(STALE.count * other);
			expect([...(await left(OWN.mark)).keys()]).toEqual([...own.keys()]);

			hows.push(await enact("DEL", { on }, ips));
			const timers = [...(await left(OWN.mark)).values()];
			if (on === "both") {
				expect(timers.filter((s) => s > TIMEOUT)).toHaveLength(OWN.count);
			} else expect(timers).toHaveLength(OWN.count * other);

			const after = await left(OTHERS.mark);
			for (const [id, seconds] of others)
				expect(after.get(id)).toBeLessThanOrEqual(seconds);
			expect(after.size).toBe(OTHERS.count);
			await clear(STALE.mark);
			await clear(OWN.mark);
		}
		console.log(hows.join(" "));
		// by a walk that takes its time while the table changes, whatever it is called
		const walks = hows.filter((how) => how !== "kernel-flush");
		expect(walks.length).toBeGreaterThanOrEqual(TIMES);
		for (const how of walks) expect(how).toMatch(/^(scan|filtered-dump)$/);
	},
);

test("what never had to do with it is all there", async () => {
	const table = await readTable(world.ns, ["-m", String(FILLER_MARK)]);
	expect(table).toHaveLength(FILLER);
});

test(`the table changed more than ${FLOOR} times a second meanwhile`, () => {
	const perSecond = (1000 * rate.changes) / rate.ms;
	const reached = `${rate.changes} entries came or went in ${Math.round(rate.ms)} ms of verbs: ${Math.round(perSecond)} A SECOND`;
	console.log(reached);
	expect(perSecond, reached).toBeGreaterThan(FLOOR);
});
