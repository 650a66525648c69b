// `flush`: the entries that it removes, the counts that it prints, and what it refuses.

import { describe, expect, test } from "vitest";
import {
	datagram,
	doneMessage,
	type EntrySpec,
	entryMessage,
	errorMessage,
} from "../../../support/entries.ts";
import type { Reply, Request } from "../../../support/fakekernel.ts";
import {
	type CallOptions,
	call,
	expectUntouched,
} from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import { attached, cachedFile } from "../../../support/unit/world.ts";

/** The ids: 2 is live, 3 stale, 4 passing by, 5 TCP to a pod that is gone, 6 a listener's. */
const ENTRIES: readonly EntrySpec[] = [
	{
		id: 2,
		orig: "192.0.2.7:2 > 203.0.113.1:8125",
		reply: "10.88.0.2:5353 > 192.0.2.7:2",
		status: ["DST_NAT"],
	},
	{
		id: 3,
		orig: "192.0.2.7:3 > 203.0.113.10:8125",
		reply: "10.88.0.9:5353 > 192.0.2.7:3",
		status: ["DST_NAT"],
	},
	{ id: 4, orig: "10.88.0.3:4 > 198.51.100.9:8125" },
	{
		id: 5,
		proto: "tcp",
		orig: "192.0.2.7:5 > 203.0.113.1:8125",
		reply: "10.88.0.9:80 > 192.0.2.7:5",
		status: ["DST_NAT"],
	},
	{
		id: 6,
		proto: "tcp",
		orig: "192.0.2.7:6 > 203.0.113.1:8125",
		status: ["SEEN_REPLY", "ASSURED"],
	},
];

const IPCTNL_MSG_CT_DELETE = 0x0102;

async function flush(
	argv: string[],
	env: Readonly<Record<string, string>> = {},
	more: Partial<CallOptions> = {},
) {
	return call("", {
		env: { CNI_COMMAND: undefined, ...env },
		kernel: { entries: ENTRIES, ...more.kernel },
		host: { argv: ["flush", ...argv], files: await records("a"), ...more.host },
	});
}

describe("an address that is not the node's", () => {
	const WARNING =
		"198.51.100.9 is no address of this node: what passes through this node to that address and port is meant, healthy or not\n";
	const AWAY = ["--host-port", "8125", "--host-ip", "198.51.100.9"];
	test.each<[string, string[], number[], string]>([
		["what passes through to it goes, with a warning", AWAY, [4], WARNING],
		["a dry run warns too", [...AWAY, "--dry-run"], [], WARNING],
		[
			"the node's own is no reason to warn",
			["--host-port", "8125", "--host-ip", "203.0.113.10"],
			[3],
			"",
		],
		[
			"nor is any address",
			["--host-port", "8125", "--host-ip", "0.0.0.0"],
			[2, 3],
			"",
		],
		[
			"nor is what a rule has sent to a pod",
			[...AWAY, "--pod-ip", "10.88.0.9"],
			[],
			"",
		],
		["nor is what is stale", [...AWAY, "--stale"], [], ""],
	])("%s", async (_, argv, gone, warning) => {
		const { err, kernel } = await flush(argv);
		expect(err).toBe(warning);
		const left = ENTRIES.map(({ id }) => id).filter(
			(id) => !gone.includes(id ?? 0),
		);
		expect(kernel.left()).toEqual(left);
	});
});

/** Answers every removal with an errno. */
const refuse =
	(errno: number) =>
	(r: Request): readonly Reply[] | undefined =>
		r.type === IPCTNL_MSG_CT_DELETE ? [errorMessage(errno, r.seq)] : undefined;

/** Answers a dump with three entries, and then fails. */
const halfWay = (r: Request): readonly Reply[] | undefined =>
	r.protocol === 12 && r.type === 0x0101
		? [
				datagram(...ENTRIES.slice(0, 3).map((e) => entryMessage(e, r.seq))),
				"ENOMEM",
			]
		: undefined;

describe("removes", () => {
	test.each<[string, string[], Record<string, string>, number[], number]>([
		["what came to a hostPort", ["--host-port", "8125"], {}, [2, 3], 1],
		[
			"what came to it on an address",
			["--host-port", "8125", "--host-ip", "203.0.113.10"],
			{},
			[3],
			2,
		],
		[
			"what came to it in TCP, but no listener's connections",
			["--host-port", "8125", "--proto", "tcp"],
			{},
			[5],
			1,
		],
		[
			"what came to it in any protocol",
			["--host-port", "8125", "--proto", "all"],
			{},
			[2, 3, 5],
			2,
		],
		[
			"what came to it in each protocol that is given",
			["--host-port", "8125", "--proto", "udp", "--proto", "tcp"],
			{},
			[2, 3, 5],
			2,
		],
		["what rules send to a pod", ["--pod-ip", "10.88.0.9"], {}, [3], 2],
		[
			"what rules send to a pod in any protocol",
			["--pod-ip", "10.88.0.9", "--proto", "all"],
			{},
			[3, 5],
			3,
		],
		["what is stale", ["--stale"], {}, [3], 2],
		[
			"what is stale of an address: nothing here",
			["--stale", "--host-ip", "203.0.113.1"],
			{},
			[],
			3,
		],
		[
			"what is stale and leads to a pod",
			["--stale", "--pod-ip", "10.88.0.9"],
			{},
			[3],
			2,
		],
		[
			"nothing that is live, if only what is stale is to go",
			["--stale", "--pod-ip", "10.88.0.2"],
			{},
			[],
			3,
		],
		[
			"nothing in another zone",
			["--host-port", "8125", "--zone", "7"],
			{},
			[],
			3,
		],
		[
			"nothing of the other family",
			["--host-port", "8125", "--family", "ipv6"],
			{},
			[],
			0,
		],
		["what a client sent", ["--from", "192.0.2.7"], {}, [2, 3], 1],
		[
			"what a client sent in any protocol, but no listener's connections",
			["--from", "192.0.2.0/24", "--proto", "all"],
			{},
			[2, 3, 5],
			2,
		],
		["what was sent to a destination", ["--to", "198.51.100.9"], {}, [4], 2],
		[
			"what was sent to some ports of any host",
			["--to", ":8000-8125"],
			{},
			[2, 3, 4],
			0,
		],
		[
			"what leads to a port",
			["--leads-to", "10.88.0.0/16:5353"],
			{},
			[2, 3],
			1,
		],
		["what is answered at a port", ["--answered-at", ":3-4"], {}, [3, 4], 1],
		["what came to one of several ports", ["8000-8124,8125"], {}, [2, 3], 1],
		[
			"what leads to a pod by its name, and not what the environment says",
			["pod"],
			{ TARGET_PORT: "53" },
			[2],
			2,
		],
		[
			"what is stale and leads to a pod by its name: nothing",
			["--stale", "--pod", "ns/pod"],
			{},
			[],
			3,
		],
		[
			"what the environment says, as an init container's",
			[],
			{ TARGET_IP: "203.0.113.10", TARGET_PORT: "8125" },
			[3],
			2,
		],
		[
			"what a flag says in place of the environment",
			["--host-port", "8125"],
			{ TARGET_IP: "203.0.113.10", TARGET_PORT: "53" },
			[2, 3],
			1,
		],
		[
			"what is stale, whatever the environment says",
			["--stale"],
			{ TARGET_IP: "203.0.113.1", TARGET_PORT: "53" },
			[3],
			2,
		],
		[
			"what leads to a pod, whatever the environment says",
			["--pod-ip", "10.88.0.9"],
			{ TARGET_IP: "203.0.113.1", TARGET_PORT: "none" },
			[3],
			2,
		],
	])("%s", async (_, argv, env, gone, kept) => {
		const called = await flush(argv, env);
		expect([called.code, called.err, called.deleted]).toEqual([0, "", gone]);
		expect(called.out).toBe(
			`deleted ${gone.length}, already gone 0, kept ${kept}\n`,
		);
	});

	test("nothing from an empty table, and that is no failure", async () => {
		const called = await flush(["--stale"], {}, { kernel: { entries: [] } });
		expect([called.code, called.err, called.out]).toEqual([
			0,
			"",
			"deleted 0, already gone 0, kept 0\n",
		]);
	});

	test("and counts for a program", async () => {
		const called = await flush(["--host-port", "8125", "-o", "json"]);
		expect(JSON.parse(called.out)).toEqual({
			deleted: 2,
			alreadyGone: 0,
			kept: 1,
			scanned: 5,
			ms: 0,
		});
	});

	test("and counts apart what went by itself since it was read", async () => {
		const called = await flush(
			["--host-port", "8125"],
			{},
			{
				kernel: { entries: ENTRIES, answer: refuse(2) },
			},
		);
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.out).toBe("deleted 0, already gone 2, kept 1\n");
	});
});

describe("a dry run", () => {
	test("shows what would go and why, and removes nothing", async () => {
		const called = await flush(["--host-port", "8125", "--dry-run"]);
		expectUntouched(called);
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.out).toBe(`\
VERDICT  PROTO  FROM         TO                 LEADS TO        WHY
live     udp    192.0.2.7:2  203.0.113.1:8125   10.88.0.2:5353  leads to ns/pod
stale    udp    192.0.2.7:3  203.0.113.10:8125  10.88.0.9:5353  sends to 10.88.0.9, which no recorded pod has; the live pod is ns/pod at 10.88.0.2, for 0 s
would delete 2, keep 1
`);
	});

	test("of what is stale shows nothing else", async () => {
		const called = await flush(["--stale", "-n"]);
		expectUntouched(called);
		expect(called.out.match(/^stale /gm)).toHaveLength(1);
		expect(called.out).toMatch(/\nwould delete 1, keep 2\n$/);
	});

	test("is an array of entries for a program", async () => {
		const called = await flush(["--stale", "-n", "-o", "json"]);
		expectUntouched(called);
		expect(JSON.parse(called.out)).toMatchObject([
			{ id: 3, verdict: "stale", reason: "other-pod" },
		]);
	});
});

describe("more than one hostPort of this node", () => {
	const WIDE = ["--from", "192.0.2.7"];
	const WHOM = "2 entries: 1 to 10.88.0.2 (ns/pod), 1 to 10.88.0.9";
	const asked = async (argv: string[], stdin: string, more = {}) =>
		flush(
			argv,
			{},
			{
				host: {
					argv: ["flush", ...argv],
					files: await records("a"),
					columns: 80,
					terminals: [0, 1, 2],
					stdin,
					...more,
				},
			},
		);

	test("a dry run says how many entries of whom would go", async () => {
		const called = await flush([...WIDE, "-n"]);
		expectUntouched(called);
		expect(called.out).toMatch(
			new RegExp(`\\n${WHOM.replace(/[()]/g, ".")}\nwould delete 2, keep 1\n$`),
		);
	});

	test.each<[string, string[]]>([
		["of one hostPort", ["8125", "-n"]],
		["of what is stale", ["--stale", ...WIDE, "-n"]],
		["where there is nothing", ["--from", "192.0.2.8", "-n"]],
		["of an address of the node", ["8125", "--host-ip", "203.0.113.1", "-n"]],
	])("but not %s", async (_, argv) =>
		expect((await flush(argv)).out).not.toMatch(/entr(y|ies): /),
	);

	test.each<[string, number, number[], string, string]>([
		["y\n", 0, [2, 3], "deleted 2, already gone 0, kept 1\n", ""],
		["n\n", 1, [], "", "nothing removed\n"],
		["\n", 1, [], "", "nothing removed\n"],
		["", 1, [], "", "nothing removed\n"],
	])(
		"is asked about on a terminal: %j",
		async (answer, code, gone, out, end) => {
			const called = await asked(WIDE, answer);
			expect([called.code, called.deleted, called.out]).toEqual([
				code,
				gone,
				out,
			]);
			expect(called.err).toBe(
				`this removes ${WHOM}, healthy or not, and what comes until you answer\nremove them? [y/N] ${end}`,
			);
		},
	);

	test.each<[string, string[], number[]]>([
		["one hostPort", ["8125"], [2, 3]],
		["what is stale", ["--stale"], [3]],
		["what is stale and of a client", ["--stale", ...WIDE], [3]],
		["what --yes says", [...WIDE, "--yes"], [2, 3]],
		["what -y says", ["-y", "pod"], [2]],
		["a dry run", [...WIDE, "-n"], []],
		["nothing", ["--from", "192.0.2.8"], []],
	])("nobody is asked about %s", async (_, argv, gone) => {
		const called = await asked(argv, "n\n");
		expect([called.code, called.err, called.deleted]).toEqual([0, "", gone]);
	});

	test.each<[string, string[]]>([
		["a range of ports", ["8125-8126"]],
		["two ports", ["8125", "53"]],
		["a pod's address by the old flag", ["--pod-ip", "10.88.0.2"]],
		[
			"a hostPort of an address that is not the node's",
			["8125", "--host-ip", "198.51.100.9"],
		],
	])("%s is asked about too", async (_, argv) => {
		const called = await asked(argv, "n\n");
		expect([called.code, called.deleted]).toEqual([1, []]);
	});

	test("what comes after a look that found nothing stays", async () => {
		let looks = 0;
		const kernel = {
			entries: ENTRIES,
			answer: (r: Request): readonly Reply[] | undefined =>
				r.protocol === 12 && r.type === 0x0101 && looks++ === 0
					? [doneMessage(r.seq)]
					: undefined,
		};
		const later = await flush(
			WIDE,
			{},
			{
				kernel,
				host: {
					argv: ["flush", ...WIDE],
					files: await records("a"),
					columns: 80,
					terminals: [0, 1, 2],
					stdin: "n\n",
				},
			},
		);
		expect(looks).toBeGreaterThan(1);
		expect([later.code, later.deleted, later.err]).toEqual([0, [], ""]);
		expect(later.out).toMatch(/^deleted 0, already gone 0, /);
	});
});

describe("refuses, exit 2, nothing removed:", () => {
	const NOTHING =
		"flush needs a condition: a port of this node, a pod, --from, --to, --leads-to, --answered-at or --stale";
	test.each<[string, string[], Record<string, string>, string]>([
		["no condition", [], {}, NOTHING],
		["an address alone", ["--host-ip", "203.0.113.1"], {}, NOTHING],
		[
			"an address alone, which keeps the environment out",
			["--host-ip", "203.0.113.1"],
			{ TARGET_PORT: "8125" },
			NOTHING,
		],
		["a protocol alone", ["--proto", "all"], {}, NOTHING],
		["a zone alone", ["--zone", "0"], {}, NOTHING],
		["a prefix that is everywhere", ["--from", "0.0.0.0/0"], {}, NOTHING],
		[
			"a pod whose variable is empty",
			["--pod", "", "--from", "192.0.2.7"],
			{},
			"--pod: not a pod or container that this node knows:  (it knows ns/pod)",
		],
		[
			"more in the environment than one port",
			[],
			{ TARGET_PORT: "8000-8125" },
			"TARGET_PORT: not a port: 8000-8125",
		],
		["a dry run of everything", ["--dry-run"], {}, NOTHING],
		["TARGET_IP alone", [], { TARGET_IP: "203.0.113.1" }, NOTHING],
		[
			"a TARGET_PORT that is none",
			[],
			{ TARGET_PORT: "udp" },
			"TARGET_PORT: not a port: udp",
		],
		[
			"a TARGET_IP that is none",
			[],
			{ TARGET_PORT: "53", TARGET_IP: "node-1" },
			"TARGET_IP: not an IP address: node-1",
		],
		[
			"a word that belongs to nothing",
			["--stale", "statsd"],
			{},
			"neither a port nor a pod or container that this node knows: statsd (it knows ns/pod)",
		],
	])("%s", async (_, argv, env, message) => {
		const called = await flush(argv, env);
		expectUntouched(called);
		expect([called.code, called.out, called.err]).toEqual([
			2,
			"",
			`conntrack-flush: ${message}\nSee conntrack-flush flush --help.\n`,
		]);
	});
});

describe("fails with exit 1", () => {
	test("where the kernel refuses a removal, and says how many", async () => {
		const called = await flush(
			["--host-port", "8125"],
			{},
			{
				kernel: { entries: ENTRIES, answer: refuse(95) },
			},
		);
		expect([called.code, called.deleted]).toEqual([1, []]);
		expect(called.out).toBe("deleted 0, already gone 0, kept 1\n");
		expect(called.err).toBe(
			"conntrack-flush: the kernel refused to remove 2 (EOPNOTSUPP:2)\n",
		);
	});

	test("where it stops half-way, and says what it did until then", async () => {
		const called = await flush(
			["--host-port", "8125"],
			{},
			{ kernel: { entries: ENTRIES, answer: halfWay } },
		);
		expect([called.code, called.deleted]).toEqual([1, [2, 3]]);
		expect(called.out).toBe("deleted 2, already gone 0, kept 1\n");
		expect(called.err).toMatch(/ENOMEM/);
	});

	test.each([["--dry-run"], []])(
		"where it has no right to, with advice and no counts: %s",
		async (...argv) => {
			const called = await flush(
				["--stale", ...argv],
				{},
				{
					kernel: {
						entries: ENTRIES,
						answer: (r) =>
							r.protocol === 12 ? [errorMessage(1, r.seq)] : undefined,
					},
				},
			);
			expect([called.code, called.out]).toEqual([1, ""]);
			expect(called.err).toBe(
				"conntrack-flush: count entries: EPERM\nCAP_NET_ADMIN is missing in this network namespace's user namespace: run as root on the node, or give the container NET_ADMIN and hostNetwork.\n",
			);
		},
	);
});

test("--stale spares a pod that only libcni's cache knows", async () => {
	const pod = attached("unrecorded", {
		...mapping("IPv4", "udp"),
		podIP: "10.88.0.9",
	});
	const cached = cachedFile(pod, { dir: "/var/lib/cni/results" });
	const files = { ...(await records("a")), ...cached };
	const argv = ["flush", "--stale", "--proto", "udp"];
	const called = await flush([], {}, { host: { argv, files } });
	expect([called.code, called.deleted]).toEqual([0, []]);
	// without the cache, an entry that leads there is stale
	const alone = await flush(argv.slice(1));
	expect(alone.deleted).toEqual([3]);
});
