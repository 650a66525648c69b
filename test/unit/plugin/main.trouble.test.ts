// Trouble of any kind with conntrack and with the records: ADD and DEL succeed, with one
// line of warning and nothing but their result on stdout.

import { describe, expect, test } from "vitest";
import {
	concat,
	doneMessage,
	entryMessage,
	errorMessage,
	hex,
	message,
	u32,
} from "../../support/entries.ts";
import type { FakeKernelOptions, Request } from "../../support/fakekernel.ts";
import {
	type Called,
	type CallOptions,
	CONF,
	call,
	DIR,
	FILE,
	RESULT,
	TABLE,
} from "../../support/unit/calls.ts";

const GET = 0x0101;
const GET_STATS = 0x0105;
const DELETE = 0x0102;
const NEW = 0x0100;
const DEL = { ...CONF, on: "del" };

/** Returns the warnings and errors of the log, and expects every line to be a log line. */
function complaints({ err }: Called): string[] {
	const lines = err.split("\n").slice(0, -1);
	for (const line of lines) expect(line).toMatch(/^level=\w+ msg=/);
	return lines.filter((line) => /^level=(warn|error) /.test(line));
}

function expectSuccess(verb: string, called: Called): void {
	expect([called.code, called.out]).toEqual([
		0,
		verb === "ADD" ? `${JSON.stringify(RESULT)}\n` : "",
	]);
}

const on = (
	type: number,
	replies: (r: Request) => (Uint8Array | string)[],
): FakeKernelOptions => ({
	answer: (r) =>
		r.protocol === 12 && r.type === type ? replies(r) : undefined,
});

const KERNEL: readonly [string, FakeKernelOptions][] = [
	[
		"no netfilter netlink: socket() EPROTONOSUPPORT",
		{ refuse: () => "EPROTONOSUPPORT" },
	],
	["no more descriptors: socket() EMFILE", { refuse: () => "EMFILE" }],
	["no capability: EPERM", on(GET_STATS, ({ seq }) => [errorMessage(1, seq)])],
	[
		"no nf_conntrack_netlink: EINVAL",
		on(GET_STATS, ({ seq }) => [errorMessage(22, seq)]),
	],
	["no answer at all", on(GET_STATS, () => [])],
	[
		"statistics that are none",
		on(GET_STATS, ({ seq }) => [message({ type: GET_STATS, seq }, u32(0))]),
	],
	["ENOBUFS at the statistics", on(GET_STATS, () => ["ENOBUFS"])],
	[
		"a dump that is refused: EPERM",
		on(GET, ({ seq }) => [errorMessage(1, seq)]),
	],
	[
		"a dump that is refused: EBUSY",
		on(GET, ({ seq }) => [errorMessage(16, seq)]),
	],
	["a dump that is lost again and again: ENOBUFS", on(GET, () => ["ENOBUFS"])],
	[
		"a dump that is interrupted again and again: EINTR",
		on(GET, ({ seq }) => [doneMessage(seq, 4)]),
	],
	["a dump that falls silent", on(GET, () => [])],
	[
		"a dump that never ends",
		{
			recvMs: 50,
			...on(GET, ({ seq }) =>
				new Array<Uint8Array>(500).fill(
					entryMessage(TABLE[3] ?? { orig: "" }, seq),
				),
			),
		},
	],
	[
		"a dump that is cut",
		on(GET, ({ seq }) => [
			entryMessage(TABLE[0] ?? { orig: "" }, seq).subarray(0, 70),
		]),
	],
	[
		"a dump of garbage",
		on(GET, () => [hex("00000000 00000000 00000000 00000000")]),
	],
	[
		"a dump with a length that is not true",
		on(GET, ({ seq }) => [
			concat(
				u32(0xffffffff),
				entryMessage(TABLE[0] ?? { orig: "" }, seq).subarray(4),
			),
		]),
	],
	[
		"a dump that ends in an error",
		on(GET, ({ seq }) => [doneMessage(seq, 12)]),
	],
	[
		"removals that are refused: EBUSY",
		{
			answer: ({ type, seq, protocol }) =>
				protocol === 12 && (type === DELETE || type === NEW)
					? [errorMessage(16, seq)]
					: undefined,
		},
	],
	[
		"removals whose answers are lost",
		{
			answer: ({ type, protocol }) =>
				protocol === 12 && (type === DELETE || type === NEW)
					? ["ENOBUFS"]
					: undefined,
		},
	],
];

describe.each(["ADD", "DEL"])("%s", (verb) => {
	test.each(KERNEL)("succeeds and complains once: %s", async (_, kernel) => {
		const called = await call(verb, { kernel });
		expectSuccess(verb, called);
		expect(complaints(called), called.err).toHaveLength(1);
		expect(called.err).toContain("pod=ns/pod");
	});

	test("succeeds with undecodable entries in the table, and does the others", async () => {
		const undecodable = (seq: number) => [
			message({ type: NEW, seq }, hex("02000000")),
			message({ type: NEW, seq }, hex("02000000 ff000100")),
		];
		const called = await call(verb, {
			conf: verb === "ADD" ? CONF : DEL,
			kernel: on(GET, ({ seq }) => [
				...undecodable(seq),
				...TABLE.map((e) => entryMessage(e, seq)),
				doneMessage(seq),
			]),
		});
		expectSuccess(verb, called);
		expect(called.deleted).toEqual(verb === "ADD" ? [1, 2] : [3]);
		expect(called.err).toContain(" undecodable=2 ");
	});
});

describe("state", () => {
	const failing = (wanted: string, code: string): CallOptions["host"] => ({
		directories: [DIR],
		fail: (name, path) =>
			name === wanted && path.startsWith(DIR) ? code : undefined,
	});

	test.each([
		["mkdir", "EROFS"],
		["mkdir", "EACCES"],
		["mkdir", "ENOTDIR"],
		["writeFile", "ENOSPC"],
		["writeFile", "EROFS"],
		["writeFile", "ENAMETOOLONG"],
		["rename", "EIO"],
		["readDir", "EACCES"],
	])(
		"ADD succeeds and does its work when %s fails with %s",
		async (name, code) => {
			const called = await call("ADD", { host: failing(name, code) ?? {} });
			expectSuccess("ADD", called);
			expect(called.deleted).toEqual([1, 2]);
			expect(complaints(called)).toHaveLength(1);
			expect(called.err).toContain(code);
		},
	);

	test.each([
		["readFile", "EACCES"],
		["readFile", "EIO"],
		["readFile", "ELOOP"],
		["readFile", "ENAMETOOLONG"],
		["readDir", "EIO"],
	])(
		"DEL succeeds and does its work from the request when %s fails with %s",
		async (name, code) => {
			const called = await call("DEL", {
				conf: DEL,
				host: failing(name, code) ?? {},
			});
			expectSuccess("DEL", called);
			expect(called.deleted).toEqual([3]);
			expect(complaints(called).join()).toContain(code);
		},
	);

	test.each(["EROFS", "EACCES", "EIO"])(
		"DEL succeeds when the record cannot be dropped: %s",
		async (code) => {
			const { host } = await call("ADD", { kernel: { entries: [] } });
			const called = await call("DEL", {
				conf: DEL,
				host: {
					...failing("unlink", code),
					files: Object.fromEntries(host.files),
				},
			});
			expectSuccess("DEL", called);
			expect(called.deleted).toEqual([3]);
			expect(complaints(called)).toHaveLength(1);
		},
	);

	test.each([
		["cut", '{"version":1,"network":"pod'],
		["foreign", "[null, 7]"],
		["empty", ""],
	])(
		"a record that is %s is none: DEL does its work and complains of nothing",
		async (_, text) => {
			const called = await call("DEL", {
				conf: DEL,
				host: { files: { [FILE]: text } },
			});
			expectSuccess("DEL", called);
			expect(called.deleted).toEqual([3]);
			expect(complaints(called)).toEqual([]);
		},
	);

	test("a record of another version is named: DEL does its work", async () => {
		const called = await call("DEL", {
			conf: DEL,
			host: { files: { [FILE]: '{"version":9}' } },
		});
		expectSuccess("DEL", called);
		expect(called.deleted).toEqual([3]);
		expect(complaints(called)).toHaveLength(1);
		expect(complaints(called).join()).toContain(`record=${FILE} version=9`);
	});

	test("a dataDir that is a file", async () => {
		for (const verb of ["ADD", "DEL"]) {
			const called = await call(verb, { host: { files: { [DIR]: "" } } });
			expectSuccess(verb, called);
			expect(complaints(called)).toHaveLength(verb === "ADD" ? 1 : 0);
		}
	});

	test("a log file that cannot be written gives its line to standard error", async () => {
		const conf = { ...CONF, logFile: "/var/log/x.log" };
		const called = await call("ADD", { conf });
		expectSuccess("ADD", called);
		expect(called.deleted).toEqual([1, 2]);
		expect(called.err).toMatch(/^level=info msg=flushed .*\n$/);
	});

	test("standard error that is closed", async () => {
		for (const verb of ["ADD", "DEL"]) {
			const called = await call(verb, {
				host: {
					fail: (name, path) =>
						name === "write" && path === "2" ? "EPIPE" : undefined,
				},
				kernel: { refuse: () => "EPROTONOSUPPORT" },
			});
			expectSuccess(verb, called);
		}
	});
});
