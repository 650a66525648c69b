// `reconcile`: its flags, its output, and its loop. What it removes has its tests in
// test/unit/src/reconcile.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cli } from "../../../../src/cli/cli.ts";
import type { Host } from "../../../../src/host.ts";
import { BOOKS } from "../../../support/book.ts";
import { errorMessage } from "../../../support/entries.ts";
import type { FakeHostOptions } from "../../../support/fakehost.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
} from "../../../support/fakekernel.ts";
import { DNAT, mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	entriesOf,
	ROUTES,
	type Row,
	recordsOf,
} from "../../../support/unit/world.ts";

const { V, P, Q } = BOOKS.IPv4;
const IPCTNL_MSG_CT_DELETE = 0x0102;
const FILE = "/tmp/frontends.json";
const RECORDS = recordsOf(
	"/run/cni/conntrack-flush",
	attached("p", mapping("IPv4", "udp")),
);

const ROWS: Row[] = [
	{ orig: "C:1 > H:8125", reply: "Q:5353 > C:1", status: DNAT },
	{ orig: "C:2 > H:8125" },
	{ orig: "C:3 > H:8125", reply: "P:5353 > C:3", status: DNAT },
	{ orig: "C:4 > V:53", reply: "Q:5353 > C:4", status: DNAT },
	{ orig: "C:5 > V:53", reply: "P:5353 > C:5", status: DNAT },
	{ proto: "tcp", orig: "C:6 > V:53", reply: "Q:5353 > C:6", status: DNAT },
	{ orig: "C:7 > V:54", reply: "P:5353 > C:7", status: DNAT },
];
const frontend = (endpoint: string, port = 53) => ({
	name: `ns/dns:${port}`,
	ips: [V],
	port,
	endpoints: [endpoint],
});
const document = (...frontends: readonly object[]): string =>
	JSON.stringify({ frontends });
const DNS = document(frontend(`${P}:5353`));
const BOTH = document(frontend(`${P}:5353`), {
	...frontend(`${P}:5353`),
	protocol: "tcp",
});

interface Result {
	readonly code: number;
	readonly out: string;
	readonly err: string;
	readonly left: number[];
	readonly sleeps: number[];
	/** The host's calls that write files. */
	readonly written: string[];
}

/** Calls the command. `asleep` is called in each sleep, and returns true to end the loop. */
async function call(
	argv: readonly string[],
	options: FakeHostOptions & {
		readonly text?: string;
		readonly asleep?: (nth: number, host: Host) => boolean;
		readonly refuse?: (protocol: number) => string | undefined;
		readonly signalled?: () => boolean;
		readonly answer?: FakeKernelOptions["answer"];
	} = {},
): Promise<Result> {
	const kernel = fakeKernel({
		entries: entriesOf(ROWS),
		routes: ROUTES,
		...(options.refuse && { refuse: options.refuse }),
		...(options.answer && { answer: options.answer }),
	});
	const fake = fakeHost({
		netlink: kernel.netlink,
		files: { ...RECORDS, [FILE]: options.text ?? DNS },
		...options,
		argv: ["reconcile", ...argv],
	});
	const sleeps: number[] = [];
	let ended = false;
	const host: Host = {
		...fake,
		sleep(ms) {
			sleeps.push(ms);
			ended = options.asleep?.(sleeps.length, host) ?? true;
		},
		signal: () => (ended || options.signalled?.() ? "SIGTERM" : undefined),
	};
	const code = await cli(host);
	return {
		code,
		out: fake.written(1),
		err: fake.written(2),
		left: kernel.left(),
		sleeps,
		written: fake.calls.filter((c) => /^(write|append|rename)/.test(c)),
	};
}

describe("the sources", () => {
	test.each<[string, string[], number[]]>([
		["the records, if nothing is said", [], [3, 4, 5, 6, 7]],
		["a document alone", ["--frontends", FILE], [1, 2, 3, 5, 6, 7]],
		["both", ["--frontends", FILE, "--attachments"], [3, 5, 6, 7]],
	])("%s", async (_, argv, left) => {
		expect(await call(argv)).toMatchObject({ code: 0, err: "", left });
	});

	test("no records elsewhere", async () => {
		const { left, err } = await call(["--data-dir", "/elsewhere"]);
		expect(left).toEqual([1, 2, 3, 4, 5, 6, 7]);
		expect(err).toMatch(/^no port mapping is recorded in \/elsewhere or /);
	});

	test("a document from standard input", async () => {
		const { left } = await call(["--frontends", "-"], { stdin: DNS });
		expect(left).not.toContain(4);
	});

	test.each<[string, string[], number[]]>([
		["udp, if nothing is said", [], [1, 2, 3, 5, 6, 7]],
		["tcp alone", ["--proto", "tcp"], [1, 2, 3, 4, 5, 7]],
		["several", ["--proto", "tcp", "--proto", "udp"], [1, 2, 3, 5, 7]],
	])("of the protocols %s", async (_, argv, left) => {
		const called = await call(["--frontends", FILE, ...argv], { text: BOTH });
		expect(called).toMatchObject({ code: 0, left });
	});

	test("what is left out for its protocol is counted", async () => {
		const tcp = { ...frontend(`${P}:5353`), protocol: "tcp" };
		const say = async (...frontends: object[]) =>
			(await call(["--frontends", FILE], { text: document(...frontends) })).err;
		expect(await say(frontend(`${P}:5353`))).toBe("");
		expect(await say(frontend(`${P}:5353`), tcp)).toBe(
			"1 destination of tcp is left out; see --proto\n",
		);
		expect(
			await say(tcp, { ...tcp, port: 54 }, { ...tcp, protocol: "sctp" }),
		).toMatch(/^2 destinations of tcp, 1 of sctp are left out; see --proto\n/);
	});
});

describe("a cluster's Services", () => {
	const item = (kind: string, name: string, more: object) => ({
		kind,
		metadata: {
			namespace: "ns",
			name,
			labels: { "kubernetes.io/service-name": "dns" },
		},
		...more,
	});
	const service = (spec: object = {}) =>
		item("Service", "dns", {
			spec: {
				clusterIP: V,
				clusterIPs: [V],
				ports: [{ protocol: "UDP", port: 53 }],
				...spec,
			},
		});
	const slice = item("EndpointSlice", "dns-1", {
		addressType: "IPv4",
		ports: [{ protocol: "UDP", port: 5353 }],
		endpoints: [{ addresses: [P] }],
	});
	const list = (...items: object[]): string => JSON.stringify({ items });
	const CLUSTER = list(service(), slice);

	test.each<[string, string[], FakeHostOptions, number[]]>([
		["from a file", [FILE], {}, [1, 2, 3, 5, 6, 7]],
		["from standard input", ["-"], { stdin: CLUSTER }, [1, 2, 3, 5, 6, 7]],
		["with the records", [FILE, "--attachments"], {}, [3, 5, 6, 7]],
	])("%s", async (_, argv, options, left) =>
		expect(
			await call(["--services", ...argv], { text: CLUSTER, ...options }),
		).toMatchObject({ code: 0, err: "", left }),
	);

	test("of TCP, of which it has none: it says so", async () => {
		const argv = ["--services", FILE, "--proto", "tcp"];
		expect(await call(argv, { text: CLUSTER })).toMatchObject({
			code: 0,
			err: `no frontend of tcp is in ${FILE}; try --rules or --attachments\n`,
			left: [1, 2, 3, 4, 5, 6, 7],
		});
	});

	test.each<[string, string, RegExp]>([
		[
			"without slices",
			list(service()),
			/: \/tmp\/frontends\.json: no EndpointSlice in it, but 1 Service; /,
		],
		["that is cut", CLUSTER.slice(0, -9), /it ends early: did kubectl fail/],
		["that is empty", "", /empty: did kubectl fail/],
	])("a list %s is refused, and nothing is done", async (_, text, message) => {
		const { code, err, left } = await call(["--services", FILE], { text });
		expect([code, left.length]).toEqual([2, ROWS.length]);
		expect(err).toMatch(message);
	});

	test("both documents at once are a contradiction", async () => {
		const argv = ["--services", FILE, "--frontends", FILE];
		const { code, err } = await call(argv);
		expect(code).toBe(2);
		expect(err).toMatch(/--frontends and --services contradict each other/);
	});

	test("odd values are named, in a loop once, and not without end", async () => {
		const odd = list(
			service({
				externalIPs: [
					"",
					"\x1b[31m",
					...Array.from({ length: 30 }, (_, i) => `x${i}`),
				],
			}),
			slice,
		);
		const { code, err } = await call(
			["--services", FILE, "--interval", "10s", "--dry-run"],
			{ text: odd, asleep: (nth) => nth === 3 },
		);
		const lines = err.trim().split("\n");
		expect(code).toBe(0);
		expect(lines).toHaveLength(21);
		expect(lines[0]).toBe(
			'ns/dns: spec.externalIPs.0 is skipped: "" is no address',
		);
		expect(err).not.toContain("\x1b");
		expect(lines[20]).toBe("and 12 more of this kind");
	});

	test("a loop deletes nothing because a kind is missing, and believes no great loss at once", async () => {
		const many = Array.from({ length: 8 }, (_, i) => `10.88.1.${i}`);
		const more = (...ips: string[]) => ({
			...slice,
			endpoints: [P, ...ips].map((ip) => ({ addresses: [ip] })),
		});
		const empty = { ...slice, endpoints: [] };
		const { err, left } = await call(
			["--services", FILE, "--interval", "10s"],
			{
				text: list(service(), more(...many)),
				asleep: (nth, host) => {
					const texts = [
						list(service()),
						"",
						list(service(), empty),
						list(service(), more(...many)),
						list(service(), empty),
						list(service(), empty),
					];
					const text = texts[nth - 1];
					if (text !== undefined) host.writeFile(FILE, text, 0o600);
					return text === undefined;
				},
			},
		);
		expect(left).toEqual([1, 2, 3, 6, 7]);
		expect(err.match(/pass skipped/g)).toHaveLength(2);
		expect(
			err.match(/msg="much vanished at once".* missing=9 of=9/g),
		).toHaveLength(2);
		// 4 leads to nobody from the start; 5 is healthy until its endpoint is missing twice
		expect(err.match(/msg=flushed/g)).toHaveLength(2);
		expect(err.indexOf("missing=9")).toBeLessThan(
			err.lastIndexOf("msg=flushed"),
		);
	});
});

describe("the answer", () => {
	test("counts", async () => {
		expect((await call([])).out).toBe(
			"deleted 2 (1 no-dnat, 1 other-pod), gone before 0, kept 1, looked at 7\n",
		);
	});

	test("says what would go and why, and deletes nothing", async () => {
		const argv = ["--frontends", FILE, "--attachments", "--dry-run"];
		const { code, out, left } = await call(argv);
		expect(code).toBe(0);
		expect(left).toHaveLength(ROWS.length);
		expect(out.split("\n")).toEqual([
			`udp 192.0.2.7:1 > 203.0.113.1:8125: leads to ${Q}:5353, not to the pod (ns/p)`,
			"udp 192.0.2.7:2 > 203.0.113.1:8125: was made while no rule was there (ns/p)",
			`udp 192.0.2.7:4 > ${V}:53: leads to ${Q}:5353, no endpoint (ns/dns:53)`,
			"would delete 3 (1 no-dnat, 1 no-endpoint, 1 other-pod), kept 2, looked at 7",
			"",
		]);
	});

	test("is one line a find, whatever the document's names are", async () => {
		const text = document({ ...frontend(`${P}:1`), name: "a\nb\x1b[31m" });
		const { out } = await call(["--frontends", FILE, "-n"], { text });
		expect(out.split("\n")).toHaveLength(4);
		expect(out).not.toContain("\x1b");
	});
});

test("the schema of the document is printed, and nothing else is done", async () => {
	const { code, out, err, left } = await call(["--schema"]);
	expect([code, err, left.length]).toEqual([0, "", ROWS.length]);
	expect(JSON.parse(out)).toEqual(
		JSON.parse(readFileSync("src/reconcile/frontends.schema.json", "utf8")),
	);
});

describe("what is wrong", () => {
	test("removals that the kernel refuses, with the errno's name: exit 1", async () => {
		const called = await call([], {
			answer: ({ type, seq }) =>
				type === IPCTNL_MSG_CT_DELETE ? [errorMessage(16, seq)] : undefined,
		});
		expect(called.code).toBe(1);
		expect(called.err).toBe(
			"conntrack-flush: the kernel refused to remove 2 (EBUSY:2)\n",
		);
	});

	test.each<
		[string, string[], FakeHostOptions & { text?: string }, number, RegExp]
	>([
		["a file that is not there", ["--frontends", "/x"], {}, 1, /\/x: ENOENT/],
		[
			"a document that is wrong",
			["--frontends", FILE],
			{ text: '{"frontends":[{"nodePort":1}]}' },
			2,
			/: \/tmp\/frontends\.json: missing frontends\.0\.endpoints\n/,
		],
		[
			"records that cannot be read",
			[],
			{ fail: (c: string) => (c === "readDir" ? "EIO" : undefined) },
			1,
			/EIO/,
		],
		[
			"an interval of nothing",
			["--interval", "0"],
			{},
			2,
			/--interval: shorter than 1s: 0\n/,
		],
		[
			"standard input in a loop",
			["--interval", "1s", "--frontends", "-"],
			{},
			2,
			/can read again/,
		],
		["once in a loop", ["--interval", "1s", "--once"], {}, 2, /contradict/],
		[
			"a protocol that it does not know",
			["--proto", "icmp"],
			{},
			2,
			/udp, tcp, sctp/,
		],
		["an operand", ["x"], {}, 2, /takes no operand: x/],
	])("%s", async (_, argv, options, code, message) => {
		const called = await call(argv, options);
		expect([called.code, called.out, called.left.length]).toEqual([
			code,
			"",
			ROWS.length,
		]);
		expect(called.err).toMatch(message);
	});

	test("a table that cannot be read is a failure", async () => {
		const called = await call([], { refuse: () => "EPROTONOSUPPORT" });
		expect([called.code, called.out]).toEqual([1, ""]);
		expect(called.err).toMatch(/EPROTONOSUPPORT/);
	});
});

describe("the loop", () => {
	const looped = (
		asleep: (nth: number, host: Host) => boolean,
		more: Parameters<typeof call>[1] = {},
	): Promise<Result> =>
		call(["--frontends", FILE, "--interval", "10s"], {
			asleep,
			text: document(frontend(`${P}:5353`, 54)),
			...more,
		});

	test("ends with 0 at a signal", async () => {
		const { code, out, err, sleeps } = await looped((nth) => nth === 3);
		expect([code, out, err, sleeps.length]).toEqual([0, "", "", 3]);
	});

	test("ends at a signal that comes while the table is read", async () => {
		let opened = 0;
		const { code, sleeps } = await looped(() => true, {
			refuse: () => {
				opened++;
				return undefined;
			},
			signalled: () => opened > 0,
		});
		expect([code, sleeps]).toEqual([0, []]);
	});

	test.each<[string, Parameters<typeof call>[1], number, RegExp]>([
		["the table", { refuse: () => "EPERM" }, 1, /EPERM/],
		["the file", { text: "{" }, 2, /frontends\.json: not JSON/],
	])(
		"fails where %s cannot be read in the first pass",
		async (_, options, want, message) => {
			const { code, err, sleeps } = await looped(() => true, options);
			expect([code, sleeps]).toEqual([want, []]);
			expect(err).toMatch(/^conntrack-flush: /);
			expect(err).toMatch(message);
		},
	);

	test("of a dry run says each time what would go, and neither logs nor counts it as done", async () => {
		const { out, err, left, written } = await call(
			["--interval", "10s", "--dry-run"],
			{
				asleep: (nth) => nth === 2,
				directories: ["/run/cni/conntrack-flush/metrics"],
			},
		);
		expect([err, left.length, written]).toEqual(["", ROWS.length, []]);
		expect(out.match(/^udp .*: leads to /gm)).toHaveLength(2);
		expect(out.match(/^would delete 2 /gm)).toHaveLength(2);
	});

	test("ends where nobody reads any more what a dry run finds", async () => {
		let writes = 0;
		const { code, err, sleeps } = await call(
			["--interval", "10s", "--dry-run"],
			{
				asleep: (nth) => nth === 9,
				fail: (c) => (c === "write" && ++writes > 4 ? "EPIPE" : undefined),
			},
		);
		expect([code, err, sleeps.length]).toEqual([0, "", 1]);
	});

	test("sleeps the interval, give or take a tenth", async () => {
		const { sleeps } = await looped((nth) => nth === 50);
		expect(Math.min(...sleeps)).toBeGreaterThanOrEqual(9000);
		expect(Math.max(...sleeps)).toBeLessThanOrEqual(11_000);
		expect(new Set(sleeps).size).toBeGreaterThan(40);
	});

	test("reads the file each time", async () => {
		const { left } = await looped((nth, host) => {
			host.writeFile(
				FILE,
				document(frontend(`${P}:5353`, 54), frontend(`${P}:5353`)),
				0o600,
			);
			return nth === 2;
		});
		expect(left).toEqual([1, 2, 3, 5, 6, 7]);
	});

	test("takes what vanishes from it for deleted", async () => {
		const { left, err } = await looped((nth, host) => {
			host.writeFile(FILE, DNS, 0o600);
			return nth === 3;
		});
		expect(left).toEqual([1, 2, 3, 5, 6]);
		expect(err).toMatch(
			/^level=info msg=flushed event=reconcile .*deleted=2 kept=1 gone=0 .*reasons=no-endpoint:2 .*\n$/,
		);
	});

	test.each<[string, (host: Host) => void, RegExp]>([
		["is cut", (host) => host.writeFile(FILE, '{"fro', 0o600), /not JSON/],
		["is empty", (host) => host.writeFile(FILE, "", 0o600), /not JSON/],
		["is not there", (host) => host.unlink(FILE), /ENOENT/],
	])(
		"a pass whose file %s is skipped, and nothing is forgotten",
		async (_, spoil, message) => {
			const { code, err, left } = await looped((nth, host) => {
				if (nth === 1) spoil(host);
				if (nth === 2) host.writeFile(FILE, DNS, 0o600);
				return nth === 3;
			});
			expect([code, left]).toEqual([0, [1, 2, 3, 5, 6]]);
			const skipped = err.split("\n").filter((l) => l.includes("pass skipped"));
			expect(skipped).toHaveLength(1);
			expect(skipped[0]).toMatch(message);
		},
	);

	test("a pass in which the table cannot be read has said no farewell", async () => {
		let failing = false;
		const { left, err } = await looped(
			(nth, host) => {
				if (nth === 1) host.writeFile(FILE, DNS, 0o600);
				failing = nth < 4;
				return nth === 5;
			},
			{ refuse: () => (failing ? "ENOMEM" : undefined) },
		);
		expect(left).toEqual([1, 2, 3, 5, 6]);
		expect(err.match(/ENOMEM/g)).toHaveLength(3);
	});
});
