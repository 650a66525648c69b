// The verdict on an entry, with its reason in words, as people read it.

import { describe, expect, test } from "vitest";
import { type Departure, judgeBy } from "../../../../src/policy/judge.ts";
import { BOOKS, isLocal, spell } from "../../../support/book.ts";
import {
	DNAT,
	type Flow,
	flowEntry,
	mapping,
} from "../../../support/unit/flows.ts";
import { attached } from "../../../support/unit/world.ts";

const { Q, H2, N } = BOOKS.IPv4;
const udp = mapping("IPv4", "udp");
const P = attached("p", udp);
const ON_H2 = attached("n", { ...udp, hostIP: H2, podIP: N });
const TCP = attached("t", mapping("IPv4", "tcp"));
const MINUTE = 60_000;

function say(
	records: (typeof P)[],
	flow: Flow,
	now = 4 * MINUTE + 1,
	departures: ReadonlyMap<string, Departure> = new Map(),
) {
	const e = flowEntry("IPv4", "udp", flow);
	const judge = judgeBy(records, isLocal, now, departures);
	const { kind, why, attachment } = judge(e);
	return [kind, why, attachment?.containerID];
}

const to = (pod: string, dst = "H:8125"): Flow => ({
	orig: `C:1 > ${dst}`,
	reply: `${pod} > C:1`,
	status: DNAT,
});

describe("an entry", () => {
	test.each<[string, (typeof P)[], Flow, ReturnType<typeof say>]>([
		["to its pod", [P], to("P:5353"), ["live", "leads to ns/p", "p"]],
		[
			"to its pod, through one of ports in a row",
			[
				attached("p", {
					...udp,
					hostPort: 8000,
					containerPort: 5228,
					count: 500,
				}),
			],
			to("P:5353"),
			["live", "leads to ns/p", "p"],
		],
		[
			"to another pod, though the port is one in a row",
			[attached("p", { ...udp, hostPort: 8000, containerPort: 1, count: 500 })],
			to("Q:5353"),
			[
				"stale",
				"sends to 10.88.0.9, which no recorded pod has; the live pod is ns/p at 10.88.0.2, for 4 min",
				"p",
			],
		],
		[
			"to a pod that left without a trace",
			[P],
			to("Q:5353"),
			[
				"stale",
				"sends to 10.88.0.9, which no recorded pod has; the live pod is ns/p at 10.88.0.2, for 4 min",
				"p",
			],
		],
		[
			"to another pod that is there",
			[P, attached("q", { ...udp, hostPort: 53, podIP: Q })],
			to("Q:5353"),
			[
				"stale",
				"sends to 10.88.0.9, which is ns/q; the live pod is ns/p at 10.88.0.2, for 4 min",
				"p",
			],
		],
		[
			"to another pod that is there without mappings",
			[P, { ...attached("q"), podTargets: [{ ...udp, podIP: Q }] }],
			to("Q:5353"),
			[
				"stale",
				"sends to 10.88.0.9, which is ns/q; the live pod is ns/p at 10.88.0.2, for 4 min",
				"p",
			],
		],
		[
			"to another port of its pod",
			[P],
			to("P:53"),
			[
				"stale",
				"sends to 10.88.0.2:53, not the port that is mapped; the live pod is ns/p at 10.88.0.2, for 4 min",
				"p",
			],
		],
		[
			"made before there was a rule",
			[P],
			{ orig: "C:1 > H:8125" },
			[
				"stale",
				"came while no rule was there, and ends on the node itself; the live pod is ns/p at 10.88.0.2, for 4 min",
				"p",
			],
		],
		[
			"to the pod that has the hostPort on this very address",
			[P, ON_H2],
			to("N:5353", "H2:8125"),
			["live", "leads to ns/n", "n"],
		],
		[
			"from that address to the pod that has it on all others, whose rule may be the older",
			[P, ON_H2],
			to("P:5353", "H2:8125"),
			["live", "leads to ns/p", "p"],
		],
		[
			"of a pod without a name",
			[{ ...P, pod: undefined, containerID: "0123456789abcdef" }],
			to("P:5353"),
			["live", "leads to container 0123456789ab", "0123456789abcdef"],
		],
		[
			"of a pod whose name would paint the terminal",
			[{ ...P, pod: "ns/\x1b[31m\n\x9bp" }],
			to("P:5353"),
			["live", "leads to ns/?[31m??p", "p"],
		],
		[
			"on another port",
			[P],
			to("Q:5353", "H:8126"),
			["other", "no recorded hostPort", undefined],
		],
		[
			"that passes by to a server",
			[P],
			{ orig: "N:1 > S:8125" },
			[
				"other",
				"goes to 198.51.100.9, which the hostPort is not mapped on",
				undefined,
			],
		],
		[
			"of a listener of the node",
			[TCP],
			{ proto: "tcp", orig: "C:1 > H:8125" },
			[
				"other",
				"ends on the node itself, as its own listeners' entries do",
				undefined,
			],
		],
	])("%s", (_, records, flow, want) =>
		expect(say(records, flow)).toEqual(want),
	);

	const LEFT = new Map([[Q, { pod: "ns/q", at: 1 }]]);
	test.each<[string, (typeof P)[], string]>([
		[
			"that has left: since when",
			[P],
			"sends to 10.88.0.9, which left this node 4 min ago; the live pod is ns/p at 10.88.0.2",
		],
		[
			"whose address another has now",
			[P, attached("q", { ...udp, hostPort: 53, podIP: Q })],
			"sends to 10.88.0.9, which is ns/q; the live pod is ns/p at 10.88.0.2, for 4 min",
		],
	])("to a pod %s", (_, records, want) =>
		expect(say(records, to("Q:5353"), 4 * MINUTE + 1, LEFT)[1]).toBe(want),
	);

	test("of IPv6 has brackets around its addresses", () => {
		const judge = judgeBy(
			[attached("p", mapping("IPv6", "udp"))],
			isLocal,
			0,
			new Map(),
		);
		const e = flowEntry("IPv6", "udp", to("Q:5353"));
		expect(spell("IPv6", "Q:5353")).toBe("[fd88::9]:5353");
		expect(judge(e).why).toBe(
			"sends to fd88::9, which no recorded pod has; the live pod is ns/p at fd88::2, for 0 s",
		);
	});
});
