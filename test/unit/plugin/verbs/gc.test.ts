// GC: attachments whose DEL never came. The rows of the collection itself are in
// test/unit/src/flush/gc.test.ts.

import { describe, expect, test } from "vitest";
import {
	type CallOptions,
	call,
	DIR,
	errorOf,
	expectUntouched,
	recordsIn,
} from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { ENTRIES, entry, records } from "../../../support/unit/garbage.ts";
import { attached, cachedFile } from "../../../support/unit/world.ts";

const VALID = "cni.dev/valid-attachments";
const OLD = "cni.dev/attachments";
const GC = { cniVersion: "1.1.0", name: "podnet", type: "conntrack-flush" };
const one = (containerID: string, ifname = "eth0") => ({ containerID, ifname });

const collect = async (conf: object, more: CallOptions = {}) => {
	const files = await records("a", "b", "c");
	const called = await call("GC", {
		conf: { ...GC, ...conf },
		kernel: { entries: ENTRIES },
		...more,
		host: { files, ...more.host },
	});
	const left = recordsIn(called.host).map(
		(path) => path.slice(DIR.length + 1).split(":")[1],
	);
	return { called, left };
};

describe("GC", () => {
	test.each<[string, object, string[], number[]]>([
		[
			"nothing where all are valid",
			{ [VALID]: [one("a"), one("b"), one("c")] },
			["a", "b", "c"],
			[],
		],
		["the one that is not", { [VALID]: [one("a"), one("c")] }, ["a", "c"], [3]],
		["all where none is", { [VALID]: [] }, [], [2, 3, 4]],
		[
			"by the key that libcni wrote before",
			{ [OLD]: [one("a")] },
			["a"],
			[3, 4],
		],
		[
			"by both keys",
			{ [VALID]: [one("a")], [OLD]: [one("b")] },
			["a", "b"],
			[4],
		],
		[
			"one whose interface is another",
			{ [VALID]: [one("a", "eth1"), one("b"), one("c")] },
			["b", "c"],
			[2],
		],
		["all where a Go runtime has none left", { [VALID]: null }, [], [2, 3, 4]],
	])("drops %s", async (_, conf, records, gone) => {
		const { called, left } = await collect(conf);
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(left).toEqual(records);
		expect(called.deleted).toEqual(gone);
		expect(called.kernel.retired.size).toBe(0);
	});

	test("leaves the attachments of other networks alone", async () => {
		const { called, left } = await collect({ name: "other", [VALID]: [] });
		expect([called.code, left, called.deleted]).toEqual([
			0,
			["a", "b", "c"],
			[],
		]);
		expect(called.kernel.requests).toEqual([]);
	});

	test("leaves the flows of a valid pod that has got a dead one's address", async () => {
		const files = { ...(await records("dead")), ...(await records("live")) };
		const called = await call("GC", {
			conf: { ...GC, [VALID]: [one("live")] },
			host: { files },
			kernel: { entries: [entry(2)] },
		});
		expect(called.deleted).toEqual([]);
		expect(recordsIn(called.host)).toEqual([`${DIR}/podnet:live:eth0.json`]);
	});

	test.each<[string, object, boolean]>([
		["a valid pod of this network", {}, true],
		["a pod of this network that is not valid", { containerID: "old" }, false],
		["a pod of another network", { network: "other", containerID: "x" }, true],
		["a pod of another address", { mappings: [] }, false],
		[
			"a pod whose namespace is gone",
			{ network: "other", netns: "/run/netns/gone" },
			false,
		],
	])(
		"knows from libcni's cache who has got a dead one's address: %s",
		async (_, change, isKept) => {
			const udp = { ...mapping("IPv4", "udp"), hostPort: 8125 };
			const pod = { ...attached("live", udp), network: "podnet", ...change };
			const called = await call("GC", {
				conf: { ...GC, [VALID]: [one("live")] },
				host: {
					files: {
						...(await records("dead")),
						...cachedFile(pod),
						"/run/netns/another": "",
					},
				},
				kernel: { entries: [entry(2)] },
			});
			expect(called.deleted).toEqual(isKept ? [] : [2]);
			expect(recordsIn(called.host)).toEqual([]);
		},
	);

	test.each<[string, object]>([
		["nothing is dead", { [VALID]: [one("a"), one("b"), one("c")] }],
		["there is no entry", { [VALID]: [] }],
	])("reads no cache if %s", async (_, conf) => {
		const { called } = await collect(conf, { kernel: { entries: [] } });
		expect(called.code).toBe(0);
		expect(called.host.calls.filter((c) => c.includes("/var/lib"))).toEqual([]);
	});

	test.each<[string, object, string]>([
		["there is no list", {}, `missing ${VALID}`],
		["it is no list", { [VALID]: {} }, `invalid ${VALID}: {}`],
		[
			"an item is none",
			{ [VALID]: [one("a"), null] },
			`invalid ${VALID}[1]: null`,
		],
		[
			"an item has no container",
			{ [VALID]: [{ ifname: "eth0" }] },
			`invalid ${VALID}[0]: {"ifname":"eth0"}`,
		],
		[
			"an item's container is empty",
			{ [VALID]: [one("a"), one("")] },
			`invalid ${VALID}[1]: {"containerID":"","ifname":"eth0"}`,
		],
		[
			"an item's interface is empty",
			{ [VALID]: [one("a", "")] },
			`invalid ${VALID}[0]: {"containerID":"a","ifname":""}`,
		],
		[
			"an item has a number for interface",
			{ [OLD]: [{ containerID: "a", ifname: 0 }] },
			`invalid ${OLD}[0]: {"containerID":"a","ifname":0}`,
		],
	])("is error 7 where %s, and drops nothing", async (_, conf, msg) => {
		const { called, left } = await collect(conf);
		expect(errorOf(called)).toMatchObject({ code: 7, msg });
		expect(left).toEqual(["a", "b", "c"]);
		expectUntouched(called);
	});

	test("succeeds where the table cannot be read, says so, and keeps the records for the next time", async () => {
		const { called, left } = await collect(
			{ [VALID]: [] },
			{ kernel: { entries: ENTRIES, refuse: () => "EPROTONOSUPPORT" } },
		);
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(called.err).toMatch(
			/^level=warn msg="cannot flush" event=GC .*EPROTONOSUPPORT.*\nlevel=warn msg="cannot collect all that is dead" event=GC .*dropped=0 .*EPROTONOSUPPORT.*\n$/,
		);
		expect(left).toEqual(["a", "b", "c"]);
	});

	test("goes on where a record cannot be dropped, and says so in one line", async () => {
		const fail = (name: string, path: string) =>
			name === "unlink" && path.includes(":b:") ? "EROFS" : undefined;
		const { called, left } = await collect({ [VALID]: [] }, { host: { fail } });
		expect([called.code, called.out]).toEqual([0, ""]);
		const complaints = called.err.match(/level=warn .*/g);
		expect(complaints).toHaveLength(1);
		expect(complaints?.[0]).toMatch(
			/msg="cannot collect all that is dead" event=GC .*dropped=2 .*EROFS/,
		);
		expect(left).toEqual(["b"]);
		expect(called.deleted).toEqual([2, 3, 4]);
	});

	test("succeeds where the records cannot be read, and says so", async () => {
		const fail = (name: string, path: string) =>
			name === "readDir" && path === DIR ? "EACCES" : undefined;
		const { called, left } = await collect({ [VALID]: [] }, { host: { fail } });
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(called.err).toMatch(
			/^level=warn msg="cannot collect all that is dead" event=GC .*EACCES.*\n$/,
		);
		expect(left).toEqual(["a", "b", "c"]);
		expect(called.deleted).toEqual([]);
	});

	test("without records opens no socket", async () => {
		const called = await call("GC", { conf: { ...GC, [VALID]: [] } });
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
		expect(called.kernel.requests).toEqual([]);
	});
});
