// The options of the library's functions: what they mean to the core, and that whatever is
// no option, or no value of one, is named and refused.

import { describe, expect, test } from "vitest";
import {
	type FlushOptions,
	type ListOptions,
	readFlushOptions,
	readListOptions,
} from "../../../npm/options.ts";
import { UsageError } from "../../../src/cli/usage.ts";
import { fakeHost } from "../../support/fakehost.ts";

const host = fakeHost({});
const list = (options: object) => readListOptions(host, options as ListOptions);
const flush = (options: object) =>
	readFlushOptions(host, options as FlushOptions);

describe("what is left out", () => {
	test("is any in a list, and of no condition at all", () => {
		const { selection, protos, all, stale, cache, context } = list({});
		expect(selection.protos).toEqual([17, 6, 132]);
		expect(selection.hostPorts).toEqual([]);
		expect([protos, all, stale]).toEqual([[], false, false]);
		expect(cache.dir).toBe("/var/lib/cni");
		expect(context.dataDir).toBe("/run/cni/conntrack-flush");
	});

	test("is UDP in a flush of a condition, and any in a flush of what is stale", () => {
		expect(flush({ hostPort: 8125 }).selection.protos).toEqual([17]);
		expect(flush({ stale: true }).selection.protos).toEqual([17, 6, 132]);
	});
});

describe("a value means what it means on the command line", () => {
	test.each<[unknown, readonly (readonly [number, number])[]]>([
		[8125, [[8125, 8125]]],
		["8125", [[8125, 8125]]],
		["8000-8010", [[8000, 8010]]],
		[
			[8125, "9000-9001"],
			[
				[8125, 8125],
				[9000, 9001],
			],
		],
	])("hostPort %j", (hostPort, spans) => {
		const { hostPorts } = list({ hostPort }).selection;
		expect(hostPorts.map(({ first, last }) => [first, last])).toEqual(spans);
	});

	test("places, families, zones and protocols", () => {
		const { selection } = list({
			from: "192.0.2.0/24",
			to: ":53",
			leadsTo: "10.88.0.2:5353",
			proto: ["udp", "tcp"],
			family: "ipv4",
			zone: 0,
		});
		expect(selection.from?.net?.bits).toBe(24);
		expect(selection.to?.ports).toEqual({ first: 53, last: 53 });
		expect(selection.leadsTo?.net?.ip).toBe("10.88.0.2");
		expect(selection.protos).toEqual([17, 6]);
		expect(selection.zone).toBe(0);
	});

	test("a list takes protocols that portmap does not map", () => {
		expect(list({ proto: "icmp" }).protos).toEqual([[1]]);
	});

	test("rules and dryRun", () => {
		expect(flush({ stale: true, rules: "all", dryRun: true })).toMatchObject({
			rules: "all",
			dryRun: true,
		});
	});
});

describe("is refused, and named", () => {
	test.each<[string, object, string]>([
		["a slip in a name", { hostport: 8125 }, "unknown option: hostport"],
		["an option of list", { hostPort: 1, all: true }, "unknown option: all"],
		["undefined", { hostPort: undefined }, "hostPort: undefined; leave"],
		["null", { from: null }, "from: null; leave the key out"],
		["an empty list", { hostPort: [] }, "hostPort: an empty list; leave"],
		["a port that is none", { hostPort: 65536 }, "65536"],
		["a part of a port", { hostPort: 1.5 }, "1.5"],
		["a place that is none", { from: "here" }, "here"],
		["a family that is none", { hostPort: 1, family: "ipx" }, "ipx"],
		["a zone that is none", { hostPort: 1, zone: 65536 }, "65536"],
		["an object", { hostPort: {} }, "hostPort: neither a string nor a number"],
		[
			"a flag that is a word",
			{ stale: "yes" },
			"stale: neither true nor false",
		],
		["no condition", {}, "flush needs a condition"],
		["only a protocol", { proto: "udp" }, "flush needs a condition"],
		["rules for other entries", { hostPort: 1, rules: "all" }, "rules is for"],
		["rules of nobody", { stale: true, rules: "mine" }, "mine"],
		["a protocol without ports", { hostPort: 1, proto: "icmp" }, "icmp"],
		["a pod that is unknown", { pod: "default/none" }, "default/none"],
	])("%s", (_, options, words) => {
		expect(() => flush(options)).toThrow(UsageError);
		expect(() => flush(options)).toThrow(words);
	});
});
