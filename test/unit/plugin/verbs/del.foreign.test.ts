// DEL of a pod whose record another version of the plugin wrote, or that was cut: what is
// known otherwise stands for it, and the log says which record it is.

import { describe, expect, test } from "vitest";
import { CONF, call, FILE, recordsIn } from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached, cachedFile } from "../../../support/unit/world.ts";

const WITHOUT_RESULT = {
	cniVersion: "0.3.1",
	name: "podnet",
	type: "conntrack-flush",
	on: "del",
};
const WHOLE = { ...CONF, on: "del" };
/** The shape of a version that does not exist yet. */
const LATER = {
	version: 2,
	network: "podnet",
	containerID: "4f2e",
	ifname: "eth0",
	pod: "ns/pod",
	added: 1,
	ways: [{ podIP: "10.88.0.2" }],
};
const CACHED = cachedFile({
	...attached("4f2e", mapping("IPv4", "udp")),
	network: "podnet",
});
const later = JSON.stringify(LATER);
const without = JSON.stringify({ ...LATER, ways: [] });
const OTHER = "is of another version of the plugin";

test.each<[string, object, string, Record<string, string>, number[], string]>([
	[
		"without prevResult: all that leads to the addresses in it",
		WITHOUT_RESULT,
		later,
		{},
		[3],
		"all that leads to the pod's addresses",
	],
	[
		"without prevResult: the ports in libcni's cache",
		WITHOUT_RESULT,
		without,
		CACHED,
		[3],
		"the ports in libcni's cache",
	],
	["with the whole request", WHOLE, without, {}, [3], "the request alone"],
])("%s", async (_, conf, record, files, deleted, instead) => {
	const called = await call("DEL", {
		conf,
		host: { files: { [FILE]: record, ...files } },
	});
	expect([called.code, called.out]).toEqual([0, ""]);
	expect(called.deleted).toEqual(deleted);
	expect(recordsIn(called.host)).toEqual([]);
	const [warning = "", flushed = "", ...more] = called.err.split("\n");
	expect(warning).toBe(
		`level=warn msg="the attachment's record ${OTHER}" event=DEL network=podnet container=4f2e pod=ns/pod record=${FILE} version=2 instead="${instead}"`,
	);
	expect(flushed).toMatch(/^level=info msg=flushed .*deleted=1 /);
	expect(more).toEqual([""]);
});

test("nothing is known: it says so, removes nothing, and keeps the record for a version that knows", async () => {
	const called = await call("DEL", {
		conf: WITHOUT_RESULT,
		host: { files: { [FILE]: without } },
	});
	expect([called.code, called.out, called.deleted]).toEqual([0, "", []]);
	expect(called.err).toMatch(
		/^level=warn .*version=2 instead="the request alone"\n$/,
	);
	expect(recordsIn(called.host)).toEqual([FILE]);
});

test("a record that was cut is told apart, and its addresses count", async () => {
	const called = await call("DEL", {
		conf: WITHOUT_RESULT,
		host: { files: { [FILE]: later.slice(0, -1) } },
	});
	expect(called.deleted).toEqual([3]);
	expect(called.err).toMatch(
		`level=warn msg="the attachment's record cannot be read" event=DEL network=podnet container=4f2e pod=ns/pod record=${FILE} instead="all that leads to the pod's addresses"\n`,
	);
});

test("an entry that leads to the pod past its hostPorts goes too, but none of a protocol that is not handled", async () => {
	const flow = (id: number, proto: "udp" | "tcp", port: number) => ({
		id,
		proto,
		orig: `192.0.2.7:${id} > 203.0.113.1:${port}`,
		reply: `10.88.0.2:5353 > 192.0.2.7:${id}`,
	});
	const { deleted } = await call("DEL", {
		conf: WITHOUT_RESULT,
		host: { files: { [FILE]: later } },
		kernel: {
			entries: [flow(1, "udp", 8125), flow(2, "udp", 9), flow(3, "tcp", 8125)],
		},
	});
	expect(deleted).toEqual([1, 2]);
});

describe("where the table cannot be used", () => {
	test("the record is written anew, as one whose DEL is unfinished", async () => {
		const called = await call("DEL", {
			conf: WITHOUT_RESULT,
			host: {
				files: { [FILE]: later },
				netlink() {
					throw new Error("EPERM");
				},
			},
		});
		expect(called.code).toBe(0);
		expect(JSON.parse(called.host.files.get(FILE) ?? "")).toMatchObject({
			version: 1,
			gone: true,
			pods: [{ podIP: "10.88.0.2" }],
		});
	});
});

test("a plugin item that acts on ADD alone leaves it to the next one", async () => {
	const called = await call("DEL", {
		conf: { ...CONF, on: "add" },
		host: { files: { [FILE]: later } },
	});
	expect([called.code, called.err, recordsIn(called.host)]).toEqual([
		0,
		"",
		[FILE],
	]);
});

test("an ADD of the same attachment makes the record anew", async () => {
	const { host } = await call("ADD", {
		conf: { ...CONF, on: "add" },
		host: { files: { [FILE]: later } },
	});
	expect(JSON.parse(host.files.get(FILE) ?? "")).toMatchObject({ version: 1 });
});
