// The scopes of a sweep: which entries each of them covers, by sweeps with a threshold
// of one.

import { describe, expect, test } from "vitest";
import type { PortRow } from "../../../../src/policy/mapping.ts";
import {
	everything,
	mapped,
	parseDestination,
	type Scope,
	towards,
} from "../../../../src/sweep/scope.ts";
import type { EntrySpec } from "../../../support/entries.ts";
import { DIR } from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { FLOW, samples, syn } from "../../../support/unit/sweeping.ts";
import { attached, recordsOf } from "../../../support/unit/world.ts";

/** Returns true if a sweep of this scope removes the entry. */
const reaches = async (scope: Scope, spec: EntrySpec, files = {}) => {
	const w = samples({ threshold: 1, scope }, files);
	await w.at(0, spec);
	return (await w.at(5, spec)).length > 0;
};
const to = (orig: string) => syn(1, 120, { orig });

test.each(["192.0.2.7:1 > 203.0.113.1:8080", "[fd07::7]:1 > [fd03::1]:1"])(
	"everything covers %s",
	async (orig) => expect(await reaches(everything, to(orig))).toBe(true),
);

test.each<[string, string, boolean]>([
	["203.0.113.1", "192.0.2.7:1 > 203.0.113.1:8080", true],
	["203.0.113.1", "192.0.2.7:1 > 203.0.113.2:8080", false],
	["203.0.113.0/24", "192.0.2.7:1 > 203.0.113.200:1", true],
	["203.0.113.0/25", "192.0.2.7:1 > 203.0.113.200:1", false],
	["0.0.0.0/0", "192.0.2.7:1 > 203.0.113.200:1", true],
	["0.0.0.0/0", "[fd07::7]:1 > [fd03::1]:1", false],
	["203.0.113.1:8080", "192.0.2.7:1 > 203.0.113.1:8080", true],
	["203.0.113.1:8080", "192.0.2.7:1 > 203.0.113.1:8081", false],
	["203.0.113.1:8080", "192.0.2.7:8080 > 203.0.113.1:1", false],
	["10.96.0.0/12:443", "192.0.2.7:1 > 10.111.255.255:443", true],
	["10.96.0.0/12:443", "192.0.2.7:1 > 10.112.0.0:443", false],
	["fd03::/64", "[fd07::7]:1 > [fd03::1]:1", true],
	["fd03::1", "[fd07::7]:1 > [fd03::1]:1", true],
	["[fd03::/64]:443", "[fd07::7]:1 > [fd03::1]:443", true],
	["[fd03::/64]:443", "[fd07::7]:1 > [fd03::1]:444", false],
	["[fd03::1]", "[fd07::7]:1 > [fd03::2]:444", false],
])("--destination %s and %s: %s", async (text, orig, want) => {
	const destination = parseDestination(text);
	if (!destination) expect.fail(`not read: ${text}`);
	expect(await reaches(towards([destination]), to(orig))).toBe(want);
});

test("several destinations, each with its own port", async () => {
	const list = ["203.0.113.1:80", "203.0.113.2:443"].map(parseDestination);
	const scope = towards(list.filter((d) => d !== undefined));
	expect(await reaches(scope, to("192.0.2.7:1 > 203.0.113.1:80"))).toBe(true);
	expect(await reaches(scope, to("192.0.2.7:1 > 203.0.113.1:443"))).toBe(false);
	expect(await reaches(scope, to("192.0.2.7:1 > 203.0.113.2:443"))).toBe(true);
});

test.each([
	"",
	"/8",
	"10.0.0.0/33",
	"10.0.0.0/",
	"10.0.0.0/8/8",
	"10.0.0.0/-1",
	"10.0.0.1:0",
	"10.0.0.1:65536",
	"10.0.0.1:",
	"10.0.0:80",
	"fd03::/129",
	"[fd03::/64",
	"fd03::/64]:80",
	"[fd03::1]:x",
	"example.org:80",
	"10.0.0.1 ",
])("no destination: %j", (text) =>
	expect(parseDestination(text)).toBeUndefined(),
);

describe("hostPorts", () => {
	const record = (more: Partial<PortRow>, podIP = "10.88.0.2") =>
		recordsOf(
			DIR,
			attached("4f2e", {
				...mapping("IPv4", "tcp"),
				hostPort: 8080,
				podIP,
				containerPort: 80,
				...more,
			}),
		);
	const natted = (target: string) =>
		syn(1, 120, { orig: FLOW, reply: `${target} > 192.0.2.7:40000` });
	test.each<[string, Record<string, string>, EntrySpec, boolean]>([
		["made without a rule", record({}), to(FLOW), true],
		["leading to a pod that is gone", record({}), natted("10.88.0.9:80"), true],
		[
			"leading to another port of the pod",
			record({}),
			natted("10.88.0.2:81"),
			true,
		],
		[
			"leading to the pod: it is the pod that does not answer",
			record({}),
			natted("10.88.0.2:80"),
			false,
		],
		[
			"one of ports in a row, leading to its own port of the pod",
			record({ hostPort: 8000, containerPort: 0x20, count: 100 }),
			natted("10.88.0.2:112"),
			false,
		],
		[
			"one of ports in a row, leading to another's port of the pod",
			record({ hostPort: 8000, containerPort: 0x20, count: 100 }),
			natted("10.88.0.2:113"),
			true,
		],
		["no attachment", {}, to(FLOW), false],
		["another port", record({ hostPort: 8081 }), to(FLOW), false],
		["a mapping of UDP", record({ proto: 17 }), to(FLOW), false],
		[
			"an address that is not the node's",
			record({}),
			to("192.0.2.7:1 > 198.51.100.9:8080"),
			false,
		],
		["the mapping's hostIP", record({ hostIP: "203.0.113.1" }), to(FLOW), true],
		["another hostIP", record({ hostIP: "203.0.113.10" }), to(FLOW), false],
		["the other family", record({ family: 10 }, "fd88::2"), to(FLOW), false],
	])("%s", async (_, files, spec, want) => {
		expect(await reaches(mapped(DIR), spec, files)).toBe(want);
	});
});
