// DEL as a runtime calls it: alone, late, again, and in both arrangements.

import { describe, expect, test } from "vitest";
import { readConf } from "../../../../plugin/cni/conf.ts";
import { del } from "../../../../plugin/verbs/del.work.ts";
import { errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import {
	type Called,
	type CallOptions,
	CONF,
	call,
	DIR,
	FILE,
	MAPPING,
	ROUTES,
	recordsIn,
	TABLE,
} from "../../../support/unit/calls.ts";

const DELETE = { ...CONF, on: "del" };
const WITHOUT_RESULT = {
	cniVersion: "0.3.1",
	name: "podnet",
	type: "conntrack-flush",
	on: "del",
};

/** The files after an ADD. */
async function added(
	env: Record<string, string> = {},
	files: Record<string, string> = {},
	at = 1,
): Promise<Record<string, string>> {
	const called = await call("ADD", {
		conf: { ...CONF, on: "add" },
		env,
		host: { files, clock: { ms: at } },
		kernel: { entries: [] },
	});
	return Object.fromEntries(called.host.files);
}

describe("ports that do not fit into the memory", () => {
	/** It ends as the engine does when the memory is used up. */
	const TOO_MUCH = {
		get hostPort(): number {
			throw null;
		},
	};
	test("are those of the whole pod", async () => {
		const clock = { ms: 1000 };
		const kernel = fakeKernel({ clock, entries: TABLE, routes: ROUTES });
		const host = fakeHost({
			clock,
			netlink: kernel.netlink,
			files: await added(),
		});
		const conf = await readConf(
			"DEL",
			{ ...DELETE, runtimeConfig: { portMappings: [TOO_MUCH] } },
			"",
		);
		await del(host, { containerID: "4f2e", ifname: "eth0", args: "" }, conf);
		expect(kernel.left()).toEqual([1, 2, 4]);
		expect(host.written(2)).toMatch(
			/^level=warn msg="too many ports, so it is about the whole pod" .*error="out of memory"\nlevel=info msg=flushed .*deleted=1 /,
		);
		expect(recordsIn(host)).toEqual([]);
	});
});

describe("DEL", () => {
	test("alone in the chain retires what leads to the pod, drops the record, and says so in one line", async () => {
		const called = await call("DEL", { host: { files: await added() } });
		expect([called.code, called.out]).toEqual([0, ""]);
		expect([...called.kernel.retired]).toEqual([[3, 2]]);
		expect(called.deleted).toEqual([]);
		expect(recordsIn(called.host)).toEqual([]);
		expect(called.err).toMatch(
			/^level=info msg=flushed event=DEL network=podnet container=4f2e pod=ns\/pod .*retired=1 .*\n$/,
		);
		expect(called.err.match(/\n/g)).toHaveLength(1);
	});

	test("retires for as long as it is told to", async () => {
		const { kernel } = await call("DEL", {
			conf: { ...CONF, retireSeconds: 60 },
		});
		expect([...kernel.retired]).toEqual([[3, 60]]);
	});

	test("behind portmap's rules, with on=del, deletes at once", async () => {
		const called = await call("DEL", { conf: DELETE });
		expect(called.deleted).toEqual([3]);
		expect(called.kernel.retired.size).toBe(0);
	});

	test.each<[string, object]>([
		["without prevResult and without runtimeConfig", WITHOUT_RESULT],
		["without prevResult", { ...DELETE, prevResult: undefined }],
		["with a prevResult that is empty", { ...DELETE, prevResult: {} }],
		[
			"with a prevResult without addresses",
			{ ...DELETE, prevResult: { cniVersion: "1.0.0", ips: [] } },
		],
		["without runtimeConfig", { ...DELETE, runtimeConfig: undefined }],
	])("works from the record %s", async (_, conf) => {
		const called = await call("DEL", { conf, host: { files: await added() } });
		expect([called.code, called.out]).toEqual([0, ""]);
		expect(called.deleted).toEqual([3]);
		expect(recordsIn(called.host)).toEqual([]);
	});

	test("works without its namespace, which no longer exists", async () => {
		const { deleted } = await call("DEL", {
			conf: DELETE,
			env: { CNI_NETNS: undefined },
		});
		expect(deleted).toEqual([3]);
	});

	test("works from the request where there is no record", async () => {
		const called = await call("DEL", { conf: DELETE });
		expect(called.deleted).toEqual([3]);
		expect(called.err).not.toContain("level=warn");
	});

	test("takes the record's mappings besides the request's", async () => {
		const entries = [
			...TABLE,
			{
				id: 9,
				orig: "192.0.2.7:9 > 203.0.113.1:53",
				reply: "10.88.0.2:53 > 192.0.2.7:9",
			},
		];
		const files = await added();
		const conf = {
			...DELETE,
			runtimeConfig: {
				portMappings: [{ ...MAPPING, hostPort: 53, containerPort: 53 }],
			},
		};
		const called = await call("DEL", {
			conf,
			host: { files },
			kernel: { entries },
		});
		expect(called.deleted).toEqual([3, 9]);
	});

	test("leaves out a mapping that is none, says so, and does the others", async () => {
		const conf = {
			...DELETE,
			runtimeConfig: { portMappings: [null, MAPPING] },
		};
		const called = await call("DEL", { conf });
		expect([called.code, called.deleted]).toEqual([0, [3]]);
		expect(called.err).toMatch(
			/^level=warn msg="invalid portMappings\[0\]: null" /,
		);
	});

	test("handles no protocol of the record that is not handled any more", async () => {
		const called = await call("DEL", {
			conf: { ...WITHOUT_RESULT, protocols: ["tcp"] },
			host: { files: await added() },
		});
		expect(called.deleted).toEqual([]);
		expect(recordsIn(called.host)).toEqual([]);
	});

	const BEFORE = { ...CONF, on: "add", name: "former" };
	test.each<[string, object]>([
		["without prevResult", { ...DELETE, prevResult: undefined }],
		["with prevResult", DELETE],
		["as the only plugin item", CONF],
	])(
		"of a pod whose network was renamed since works from its record, %s",
		async (_, conf) => {
			const env = { CNI_IFNAME: "eth1" };
			const add = await call("ADD", {
				conf: BEFORE,
				kernel: { entries: [] },
			});
			const other = await call("ADD", {
				conf: { ...BEFORE, prevResult: { ips: [{ address: "10.88.0.9/16" }] } },
				env,
				host: { files: Object.fromEntries(add.host.files) },
				kernel: { entries: [] },
			});
			const files = Object.fromEntries(other.host.files);
			const called = await call("DEL", { conf, host: { files } });
			const retired = [...called.kernel.retired].map(([id]) => id);
			expect([...called.deleted, ...retired]).toEqual([3]);
			// the other interface of the container is another attachment
			expect(recordsIn(called.host)).toEqual(
				recordsIn(other.host).filter((path) => path.includes("eth1")),
			);
		},
	);

	test("of a pod whose network was renamed since keeps its one record if it cannot finish", async () => {
		const add = await call("ADD", { conf: BEFORE, kernel: { entries: [] } });
		const called = await call("DEL", {
			conf: DELETE,
			host: { files: Object.fromEntries(add.host.files) },
			kernel: { refuse: () => "EPROTONOSUPPORT" },
		});
		expect(recordsIn(called.host)).toEqual(recordsIn(add.host));
		expect([...called.host.files.values()].join()).toContain('"gone":true');
	});

	test("a second time finds nothing, and says nothing of it", async () => {
		const called = await call("DEL", { conf: WITHOUT_RESULT });
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
		expect(called.kernel.requests).toEqual([]);
	});

	test("of scope pod removes what any rule sends to the pod", async () => {
		const entries = [
			...TABLE,
			{
				id: 9,
				orig: "192.0.2.7:9 > 10.96.0.10:80",
				reply: "10.88.0.2:8080 > 192.0.2.7:9",
			},
		];
		const conf = { ...DELETE, scope: "pod", runtimeConfig: undefined };
		const called = await call("DEL", { conf, kernel: { entries } });
		expect(called.deleted).toEqual([3, 9]);
	});
});

describe("a late or repeated DEL", () => {
	const LATER = { CNI_CONTAINERID: "later" };

	test("leaves the flows of the pod that has got the address and the port since", async () => {
		const files = await added(LATER, await added({}, {}, 1), 2);
		const called = await call("DEL", { conf: DELETE, host: { files } });
		expect([called.code, called.deleted]).toEqual([0, []]);
		expect(recordsIn(called.host)).toEqual([FILE.replace("4f2e", "later")]);
	});

	test("says so in the log", async () => {
		const files = await added(LATER, await added({}, {}, 1), 2);
		const { err } = await call("DEL", { conf: DELETE, host: { files } });
		expect(err).toContain("deleted=0 kept=4 keptByRules=1");
	});

	test("leaves them even if its own record is absent", async () => {
		const files = await added(LATER, {}, 2);
		expect(
			(await call("DEL", { conf: DELETE, host: { files } })).deleted,
		).toEqual([]);
	});

	test("of the newer pod is not kept from its work by a record that nobody dropped", async () => {
		const files = await added(LATER, await added({}, {}, 1), 2);
		const called = await call("DEL", {
			conf: DELETE,
			env: LATER,
			host: { files },
		});
		expect(called.deleted).toEqual([3]);
	});

	test("of scope pod leaves the address to whoever has it since", async () => {
		const files = await added(LATER, {}, 2);
		const conf = { ...DELETE, scope: "pod" };
		expect((await call("DEL", { conf, host: { files } })).deleted).toEqual([]);
	});
});

describe("a DEL that cannot remove what leads to the pod", () => {
	const SILENT = { refuse: () => "EPROTONOSUPPORT" };
	const recordIn = (files: Record<string, string>) =>
		JSON.parse(files[FILE] ?? "null");
	const failed = async (more: Parameters<typeof call>[1] = {}) => {
		const files = await added();
		const called = await call("DEL", {
			conf: DELETE,
			kernel: SILENT,
			...more,
			host: { files, ...more.host },
		});
		expect([called.code, called.out]).toEqual([0, ""]);
		return { called, files, left: Object.fromEntries(called.host.files) };
	};

	test("keeps the record as unfinished, and complains once", async () => {
		const { called, files, left } = await failed();
		expect(recordsIn(called.host)).toEqual([FILE]);
		expect(recordIn(left)).toEqual({ ...recordIn(files), gone: true });
		expect(called.err.match(/level=(warn|error)/g)).toHaveLength(1);
	});

	test("keeps it too where the kernel refuses single removals", async () => {
		const { left } = await failed({
			conf: CONF,
			kernel: {
				answer: (r) =>
					r.type === 0x0100 ? [errorMessage(12, r.seq)] : undefined,
			},
		});
		expect(recordIn(left)).toMatchObject({ gone: true });
	});

	// as of a pod that is older than the plugin
	test("where there is no record, records what the request says", async () => {
		const { left: files } = await failed({ host: { files: {} } });
		expect(recordIn(files)).toMatchObject({ gone: true, added: 0 });
		const called = await call("DEL", { conf: WITHOUT_RESULT, host: { files } });
		expect(called.deleted).toEqual([3]);
		expect(recordsIn(called.host)).toEqual([]);
	});

	test("late, of a pod whose address another has by now, harms that one neither then nor later", async () => {
		const others = await added({ CNI_CONTAINERID: "later" }, {}, 2);
		const { left: files } = await failed({ host: { files: others } });
		for (const conf of [DELETE, WITHOUT_RESULT])
			expect((await call("DEL", { conf, host: { files } })).deleted).toEqual(
				[],
			);
	});

	test("with nothing to look after, records nothing", async () => {
		const { left } = await failed({
			conf: { ...DELETE, prevResult: undefined },
			host: { files: {} },
		});
		expect(left).toEqual({});
	});

	test.each(["writeFile", "rename", "mkdir"])(
		"deletes the record if it cannot be marked as unfinished: %s",
		async (call) => {
			const fail = (name: string) => (name === call ? "ENOSPC" : undefined);
			const { called } = await failed({ host: { files: await added(), fail } });
			expect(recordsIn(called.host)).toEqual([]);
			expect(called.err).toContain("ENOSPC");
		},
	);

	test.each<[string, object]>([
		["that is the same again", DELETE],
		["that has only the record", WITHOUT_RESULT],
	])("is finished by a DEL %s", async (_, conf) => {
		const { left: files } = await failed();
		const called = await call("DEL", { conf, host: { files } });
		expect([called.code, called.deleted]).toEqual([0, [3]]);
		expect(recordsIn(called.host)).toEqual([]);
	});

	test("is finished by GC, whatever the runtime takes for valid", async () => {
		const { left: files } = await failed();
		const conf = {
			...WITHOUT_RESULT,
			cniVersion: "1.1.0",
			"cni.dev/valid-attachments": [{ containerID: "4f2e", ifname: "eth0" }],
		};
		const called = await call("GC", { conf, host: { files } });
		expect([called.code, called.out, called.deleted]).toEqual([0, "", [3]]);
		expect(recordsIn(called.host)).toEqual([]);
	});

	test("is tried by GC again and again", async () => {
		const { left: files } = await failed();
		const conf = {
			...WITHOUT_RESULT,
			cniVersion: "1.1.0",
			"cni.dev/valid-attachments": [],
		};
		const called = await call("GC", { conf, host: { files }, kernel: SILENT });
		expect(called.code).toBe(0);
		expect(called.err).toContain("cannot collect all that is dead");
		expect(Object.fromEntries(called.host.files)).toEqual(files);
	});

	test("leaves a record that has no say in the next pod's ADD", async () => {
		const narrow = {
			...CONF,
			runtimeConfig: { portMappings: [{ ...MAPPING, hostIP: "203.0.113.10" }] },
		};
		const entries = [
			{
				id: 9,
				orig: "192.0.2.7:9 > 203.0.113.10:8125",
				reply: "10.88.0.2:5353 > 192.0.2.7:9",
			},
		];
		const add = await call("ADD", { conf: narrow, kernel: { entries: [] } });
		let files = Object.fromEntries(add.host.files);
		const next = {
			conf: {
				...CONF,
				prevResult: { ips: [{ address: "10.88.0.3/16" }] },
			},
			env: { CNI_CONTAINERID: "next" },
			kernel: { entries },
		};
		expect((await call("ADD", { ...next, host: { files } })).deleted).toEqual(
			[],
		);
		const del = await call("DEL", {
			conf: narrow,
			kernel: SILENT,
			host: { files },
		});
		files = Object.fromEntries(del.host.files);
		expect((await call("ADD", { ...next, host: { files } })).deleted).toEqual([
			9,
		]);
	});

	test("of the pod that comes back in the same container begins anew", async () => {
		const { left: files } = await failed();
		const add = await call("ADD", { host: { files } });
		expect(recordIn(Object.fromEntries(add.host.files))).not.toHaveProperty(
			"gone",
		);
	});
});

describe("a clock that jumps", () => {
	const LATER = { CNI_CONTAINERID: "later" };
	const SUCCESSOR = FILE.replace("4f2e", "later");

	test.each([
		["the wall clock, to the past", -1e12],
		["the wall clock, to the future", 1e12],
	])("means nothing: %s", async (_, by) => {
		let files = await added({}, {}, 1);
		files = await added(LATER, files, 2);
		const late = await call("DEL", {
			conf: DELETE,
			host: { files, wallMs: by },
		});
		expect(late.deleted).toEqual([]);
		files = Object.fromEntries(late.host.files);
		expect(recordsIn(late.host)).toEqual([SUCCESSOR]);
		const own = await call("DEL", {
			conf: DELETE,
			env: LATER,
			host: { files, wallMs: -by },
		});
		expect(own.deleted).toEqual([3]);
	});

	// this takes a directory that outlives a boot
	test("the monotonic one, back to its beginning: a late DEL spares the successor", async () => {
		let files = await added({}, {}, 5_000_000);
		files = await added(LATER, files, 500);
		const late = await call("DEL", { conf: DELETE, host: { files } });
		expect(late.deleted).toEqual([]);
		expect(recordsIn(late.host)).toEqual([SUCCESSOR]);
	});
});

describe("DEL opens no socket, touches no file and says nothing", () => {
	test.each<[string, object]>([
		["without prevResult", { prevResult: undefined }],
		["without port mappings", { runtimeConfig: {} }],
	])("with on=add and %s, for on=del to find", async (_, without) => {
		const called = await call("DEL", {
			conf: { ...CONF, on: "add", ...without },
			host: { files: await added() },
		});
		expect([called.code, called.out, called.err, called.host.calls]).toEqual([
			0,
			"",
			"",
			[],
		]);
		expect(recordsIn(called.host)).toHaveLength(1);
	});

	test.each<[string, object]>([
		[
			"without port mappings and record",
			{ ...DELETE, runtimeConfig: undefined },
		],
	])("%s, but for looking for its record", async (_, conf) => {
		const called = await call("DEL", { conf });
		expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
		expect(called.host.calls).toEqual([`readFile ${FILE}`]);
	});

	test.each<[string, object]>([
		[
			"with other protocols only",
			{
				...DELETE,
				runtimeConfig: { portMappings: [{ ...MAPPING, protocol: "tcp" }] },
			},
		],
		["with mappings but no address", { ...DELETE, prevResult: undefined }],
	])(
		"%s, but for looking for its record, in other networks too",
		async (_, conf) => {
			const called = await call("DEL", { conf });
			expect([called.code, called.out, called.err]).toEqual([0, "", ""]);
			expect(called.host.calls).toEqual([`readFile ${FILE}`, `readDir ${DIR}`]);
		},
	);
});

/** ADD by the plugin item behind portmap, DEL by both items, in the order of a chain. */
describe("the two plugin items of the split arrangement", () => {
	const ADD = { ...CONF, on: "add" };
	type Files = Record<string, string>;
	const filesOf = ({ host }: Called): Files => Object.fromEntries(host.files);
	const drop = async (
		files: Files,
		more: object = {},
		conf: object = {},
		kernel: NonNullable<CallOptions["kernel"]> = {},
	) => {
		const first = await call("DEL", {
			conf: { ...ADD, ...conf },
			host: { files },
		});
		expect([first.code, first.out, first.err, first.deleted]).toEqual([
			...[0, "", "", []],
		]);
		expect(first.kernel.requests).toEqual([]);
		const second = await call("DEL", {
			conf: { ...DELETE, ...conf, ...more },
			host: { files: filesOf(first) },
			kernel,
		});
		expect([second.code, second.out]).toEqual([0, ""]);
		return { first, second };
	};

	test("leave no entry and no record", async () => {
		const { first, second } = await drop(await added());
		expect(recordsIn(first.host)).toEqual([FILE]);
		expect(second.deleted).toEqual([3]);
		expect(recordsIn(second.host)).toEqual([]);
	});

	test.each<[string, object]>([
		["prevResult", { prevResult: undefined }],
		["port mappings", { runtimeConfig: undefined }],
	])("work from the record without %s", async (_, conf) => {
		const { first, second } = await drop(await added(), {}, conf);
		expect(first.host.files.size).toBe(1);
		expect(second.deleted).toEqual([3]);
		expect(recordsIn(second.host)).toEqual([]);
	});

	test("of which one stands alone leave a record that says that its DEL has come", async () => {
		const files = await added();
		const called = await call("DEL", { conf: ADD, host: { files } });
		expect([called.code, called.err, called.deleted]).toEqual([0, "", []]);
		expect(JSON.parse(filesOf(called)[FILE] ?? "")).toEqual({
			...JSON.parse(files[FILE] ?? ""),
			gone: true,
			deferredAt: 1000,
		});
	});

	test.each<[string, number, object, number]>([
		["a minute later the next DEL deletes it", 61_000, {}, 1],
		["a minute is not over: it stays", 60_999, {}, 2],
		["a DEL of another network lets it be", 99_000, { name: "other" }, 2],
		["after a boot the next DEL deletes it", 999, {}, 1],
	])(
		"of which one stands alone leave no pile of records: %s",
		async (_, ms, more, left) => {
			const conf = { ...ADD, ...more };
			const files = filesOf(
				await call("DEL", { conf: ADD, host: { files: await added() } }),
			);
			const env = { CNI_CONTAINERID: "next" };
			const next = await call("ADD", {
				conf,
				env,
				host: { files, clock: { ms: ms - 1 } },
				kernel: { entries: [] },
			});
			const called = await call("DEL", {
				conf,
				env,
				host: { files: filesOf(next), clock: { ms } },
			});
			expect([called.code, called.err]).toEqual([0, ""]);
			expect(recordsIn(called.host)).toHaveLength(left);
		},
	);

	test("let a record be that the other item could not finish", async () => {
		const { second } = await drop(
			await added(),
			{},
			{},
			{
				refuse: () => "EPROTONOSUPPORT",
			},
		);
		const files = filesOf(second);
		expect(JSON.parse(files[FILE] ?? "")).not.toHaveProperty("deferredAt");
		const env = { CNI_CONTAINERID: "next" };
		const later = await added(env, files, 99_999);
		const called = await call("DEL", {
			conf: ADD,
			env,
			host: { files: later, clock: { ms: 100_000 } },
		});
		expect(filesOf(called)[FILE]).toBe(files[FILE]);
	});

	test("have their time anew if DEL comes again", async () => {
		let files = await added();
		for (const ms of [2000, 99_000]) {
			const host = { files, clock: { ms } };
			files = filesOf(await call("DEL", { conf: ADD, host }));
			expect(JSON.parse(files[FILE] ?? "").deferredAt).toBe(ms);
		}
	});

	test("note one departure", async () => {
		const { second } = await drop(await added());
		expect(second.host.files.get(`${DIR}/departed`)).toMatch(
			/^\[\d+,"ns\/pod",\["10.88.0.2"\]\]\n$/,
		);
	});

	test.each<[string, string, Files, number[]]>([
		["is gone: it is no successor", "former", { "/run/netns/x": "" }, [3]],
		["may be there: it is one", "former", {}, []],
		["is there: it is one", "former", { "/run/netns/ghost": "" }, []],
	])(
		"without a record of their own meet one of another network, whose namespace %s",
		async (_, name, namespaces, deleted) => {
			const ghost = await call("ADD", {
				conf: { ...ADD, name },
				env: { CNI_CONTAINERID: "ghost", CNI_NETNS: "/run/netns/ghost" },
				kernel: { entries: [] },
			});
			const files = { ...filesOf(ghost), ...namespaces };
			const { second } = await drop(files);
			expect(second.deleted).toEqual(deleted);
		},
	);

	test("are not kept from their work by an older record of another network", async () => {
		const ghost = await call("ADD", {
			conf: { ...ADD, name: "former" },
			env: { CNI_CONTAINERID: "ghost", CNI_NETNS: "" },
			host: { clock: { ms: 1 } },
			kernel: { entries: [] },
		});
		const { second } = await drop(await added({}, filesOf(ghost), 2));
		expect(second.deleted).toEqual([3]);
		expect(recordsIn(second.host)).toEqual(recordsIn(ghost.host));
	});

	const LATER = { CNI_CONTAINERID: "later" };
	const successor = FILE.replace("4f2e", "later");

	test("leave the flows of a pod that has got the address since", async () => {
		const files = await added(LATER, await added({}, {}, 1), 2);
		const { second } = await drop(files);
		expect(second.deleted).toEqual([]);
		expect(recordsIn(second.host)).toEqual([successor]);
	});

	test("also when they come a second time", async () => {
		const files = await added(LATER, await added({}, {}, 1), 2);
		const { second } = await drop(filesOf((await drop(files)).second));
		expect(second.deleted).toEqual([]);
		expect(recordsIn(second.host)).toEqual([successor]);
	});

	test("are not kept from their work by an older record that nobody dropped", async () => {
		const before = { CNI_CONTAINERID: "before" };
		const files = await added({}, await added(before, {}, 1), 2);
		const { second } = await drop(files);
		expect(second.deleted).toEqual([3]);
		expect(recordsIn(second.host)).toEqual([]);
	});

	test("leave older records of other addresses and other networks", async () => {
		const conf = { ...CONF, on: "add" };
		const ips = [{ interface: 0, address: "10.88.0.3/16" }];
		const prevResult = { ...CONF.prevResult, ips };
		let files: Files = {};
		for (const [containerID, more] of [
			["elsewhere", { name: "other" }],
			["neighbour", { prevResult }],
		] as const)
			files = filesOf(
				await call("ADD", {
					conf: { ...conf, ...more },
					env: { CNI_CONTAINERID: containerID },
					host: { files, clock: { ms: 1 } },
					kernel: { entries: [] },
				}),
			);
		const there = Object.keys(files);
		const { second } = await drop(await added({}, files, 2));
		expect(recordsIn(second.host)).toEqual(there);
	});

	test("with directories of their own leave a record that decides nothing, but know no successor", async () => {
		const own = { dataDir: "/run/other" };
		const files = await added(LATER, await added({}, {}, 1), 2);
		const { second } = await drop(files, own);
		expect(recordsIn(second.host)).toEqual([FILE, successor]);
		expect(filesOf(second)[FILE]).toContain('"gone":true');
		expect(second.deleted).toEqual([3]); // README: they must share it
	});

	test.each(["mkdir", "writeFile", "rename"])(
		"delete a record that cannot be marked: %s",
		async (call_) => {
			const fail = (name: string) => (name === call_ ? "ENOSPC" : undefined);
			const called = await call("DEL", {
				conf: ADD,
				host: { files: await added(), fail },
			});
			expect([called.code, called.err]).toEqual([0, ""]);
			expect(recordsIn(called.host)).toEqual([]);
		},
	);

	test.each(["EROFS", "EACCES"])(
		"a record that cannot be dropped is one line of warning: %s",
		async (code) => {
			const called = await call("DEL", {
				conf: ADD,
				host: {
					files: await added(),
					fail: (name) =>
						["unlink", "mkdir"].includes(name) ? code : undefined,
				},
			});
			expect([called.code, called.out]).toEqual([0, ""]);
			expect(called.err).toMatch(
				new RegExp(`^level=warn msg="cannot forget .*${code}.*\n$`),
			);
		},
	);
});

describe("one attachment after another", () => {
	test("ADD, DEL, ADD leaves one record, and no entry that leads elsewhere", async () => {
		const { host } = await call("DEL", {
			host: { files: await added() },
			kernel: { entries: [] },
		});
		expect(recordsIn(host)).toEqual([]);
		const files = await added(
			{ CNI_CONTAINERID: "next" },
			Object.fromEntries(host.files),
		);
		expect(recordsIn(fakeHost({ files }))).toEqual([
			FILE.replace("4f2e", "next"),
		]);
	});

	test("two interfaces of one container are two attachments", async () => {
		const interfaces = [{ name: "eth1", sandbox: "/run/netns/x" }];
		const conf = { ...CONF, prevResult: { ...CONF.prevResult, interfaces } };
		const env = { CNI_IFNAME: "eth1" };
		const second = await call("ADD", {
			conf,
			env,
			host: { files: await added() },
		});
		const files = Object.fromEntries(second.host.files);
		expect(Object.keys(files)).toHaveLength(2);
		const called = await call("DEL", {
			conf: WITHOUT_RESULT,
			env,
			host: { files },
		});
		expect(recordsIn(called.host)).toEqual([FILE]);
	});
});
