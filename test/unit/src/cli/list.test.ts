// `list`: the entries of a table that it shows, and how it prints them.

import { afterEach, describe, expect, test } from "vitest";
import { cli } from "../../../../src/cli/cli.ts";
import type { EntrySpec } from "../../../support/entries.ts";
import {
	type FakeHost,
	fakeHost,
	sysError,
} from "../../../support/fakehost.ts";
import { fakeKernel } from "../../../support/fakekernel.ts";
import { natRules } from "../../../support/natrules.ts";
import {
	type CallOptions,
	call,
	expectUntouched,
	ROUTES,
} from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";

/** The ids: 2 is live, 3 stale, 4 made without a rule, 5 passing by, 6 another port's. */
const ENTRIES: readonly EntrySpec[] = [
	{
		id: 2,
		orig: "192.0.2.7:2 > 203.0.113.1:8125",
		reply: "10.88.0.2:5353 > 192.0.2.7:2",
		status: ["DST_NAT", "SEEN_REPLY", "ASSURED"],
	},
	{
		id: 3,
		orig: "192.0.2.7:3 > 203.0.113.1:8125",
		reply: "10.88.0.9:5353 > 192.0.2.7:3",
		status: ["DST_NAT"],
		zone: 7,
	},
	{ id: 4, orig: "192.0.2.7:4 > 203.0.113.1:8125" },
	{ id: 5, orig: "10.88.0.3:5 > 198.51.100.9:8125" },
	{
		id: 6,
		proto: "tcp",
		orig: "192.0.2.7:6 > 203.0.113.1:8080",
		reply: "10.88.0.9:80 > 192.0.2.7:6",
		status: ["DST_NAT"],
	},
];

/** The rule of the recorded pod. */
const RULES = natRules("udp local:8125 > 10.88.0.2:5353");

async function list(argv: string[], more: Partial<CallOptions> = {}) {
	const called = await call("", {
		env: { CNI_COMMAND: undefined, ...more.env },
		kernel: { entries: ENTRIES, rules: RULES, ...more.kernel },
		host: { argv: ["list", ...argv], files: await records("a"), ...more.host },
	});
	expectUntouched(called);
	return called;
}

const ports = (out: string): number[] =>
	[...out.matchAll(/192\.0\.2\.7:(\d)|10\.88\.0\.3:(\d) /g)].map(([, a, b]) =>
		Number(a ?? b),
	);

describe("shows", () => {
	test.each<[string, string[], number[]]>([
		["the entries of recorded hostPorts", [], [2, 3, 4]],
		["those of them that are stale", ["--stale"], [3, 4]],
		["those of them in a zone", ["--zone", "7"], [3]],
		["those of them of a protocol", ["--proto", "tcp"], []],
		["those of a hostPort", ["--host-port", "8080"], [6]],
		[
			"none of a hostPort in another protocol",
			["--host-port", "8080", "--proto", "udp", "--proto", "sctp"],
			[],
		],
		["not what passes by to the same port", ["--host-port", "8125"], [2, 3, 4]],
		["what leads to a pod", ["--pod-ip", "10.88.0.9"], [3, 6]],
		["what a client sends", ["--from", "192.0.2.7"], [2, 3, 4, 6]],
		["what it sends from some ports", ["--from", "192.0.2.7:3-4"], [3, 4]],
		["what is sent to a destination", ["--to", "198.51.100.0/24:8125"], [5]],
		["what rules send to a port", ["--leads-to", ":80"], [6]],
		["what comes back to a client", ["--answered-at", "192.0.2.7:2"], [2]],
		[
			"those of several hostPorts",
			["--host-port", "8000-8080,8125"],
			[2, 3, 4, 6],
		],
		["those of many ports", ["--host-port", "1-65535"], [2, 3, 4, 6]],
		["those of a port without its flag", ["8080"], [6]],
		["those of ports without their flag", ["8080", "8125"], [2, 3, 4, 6]],
		["what rules send to a pod", ["pod"], [2]],
		["the same by the whole name", ["--pod", "ns/pod"], [2]],
		["every entry", ["--all"], [2, 3, 4, 5, 6]],
		["every entry of a port", ["--all", "--host-port", "8125"], [2, 3, 4, 5]],
		[
			"every entry of the other family: none",
			["--all", "--family", "ipv6"],
			[],
		],
	])("%s", async (_, argv, want) => {
		const called = await list(argv);
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(ports(called.out)).toEqual(want);
	});
});

describe("entries of other protocols", () => {
	const OTHERS: readonly EntrySpec[] = [
		{
			proto: "icmp",
			orig: "192.0.2.7:77 > 203.0.113.1:8",
			reply: "203.0.113.1:77 > 192.0.2.7:0",
		},
		{ proto: "icmpv6", orig: "[fd07::7]:78 > [fd03::1]:128" },
		{ proto: 47, orig: "192.0.2.7:0 > 203.0.113.1:0" },
		{ proto: 50, orig: "192.0.2.7:0 > 203.0.113.1:0", origZone: 9 },
		{ proto: "udplite", orig: "192.0.2.7:9 > 203.0.113.1:8125" },
		{ proto: 99, orig: "192.0.2.7:0 > 203.0.113.1:0" },
	];
	const kernel = { entries: [...ENTRIES, ...OTHERS], rules: RULES };
	const shown = async (...argv: string[]) => {
		const { out } = await list(argv, { kernel });
		const lines = out.trimEnd().split("\n");
		return {
			protos: lines.slice(1, -1).map((line) => line.split(/ +/)[1]),
			out,
			summary: lines.at(-1),
		};
	};
	const NAMES = ["icmp", "icmpv6", "gre", "esp", "udplite", "99"];

	test.each<[string, string[], string[], string]>([
		[
			"are counted where they are not shown",
			[],
			["udp", "udp", "udp"],
			"3 entries: 2 stale, 1 live; 6 of other protocols are not shown, list --all shows them",
		],
		[
			"are counted if they agree with what is given",
			["--from", "192.0.2.0/24", "--zone", "9"],
			[],
			"no entries; 1 of other protocols is not shown, list --all shows them",
		],
		[
			"are not counted in another family",
			["--family", "ipv6"],
			[],
			"no entries; 1 of other protocols is not shown, list --all shows them",
		],
		[
			"are shown with all protocols",
			["--all", "--proto", "all"],
			["udp", "udp", "udp", "udp", "tcp", ...NAMES],
			"11 entries: 2 stale, 1 live, 8 other",
		],
		[
			"are no protocols of hostPorts",
			["--proto", "all"],
			["udp", "udp", "udp"],
			"3 entries: 2 stale, 1 live",
		],
		[
			"are shown with --all",
			["--all"],
			["udp", "udp", "udp", "udp", "tcp", ...NAMES],
			"11 entries: 2 stale, 1 live, 8 other",
		],
		["are shown by name", ["--proto", "icmp"], ["icmp"], "1 entry: 1 other"],
		[
			"are shown by number, beside those of hostPorts",
			["--proto", "99", "--proto", "udp"],
			["udp", "udp", "udp", "99"],
			"4 entries: 2 stale, 1 live, 1 other",
		],
		[
			"are narrowed as others are",
			["--all", "--family", "ipv6"],
			["icmpv6"],
			"1 entry: 1 other",
		],
		[
			"are found by their zone",
			["--all", "--zone", "9"],
			["esp"],
			"1 entry: 1 other",
		],
		["are never stale", ["--stale"], ["udp", "udp"], "2 entries: 2 stale"],
		[
			"are none of a hostPort",
			["--all", "--host-port", "8125"],
			["udp", "udp", "udp", "udp"],
			"4 entries: 2 stale, 1 live, 1 other",
		],
	])("%s", async (_, argv, protos, summary) => {
		const found = await shown(...argv);
		expect(found.protos).toEqual(protos);
		expect(found.summary).toBe(summary);
	});

	test("say what they are, and have no port that is none", async () => {
		const { out } = await shown("--all");
		expect(out).toContain("203.0.113.1 echo request id 77 ");
		expect(out).toContain("fd03::1 echo request id 78 ");
		expect(out).toMatch(/ esp +192\.0\.2\.7 +203\.0\.113\.1 +203\.0\.113\.1 /);
		expect(out).toContain("no hostPort is of icmp");
		expect(out).not.toContain(":0 ");
	});

	test("are objects for programs", async () => {
		const { out } = await list(["--proto", "icmp", "-o", "json"], { kernel });
		expect(JSON.parse(out)).toMatchObject([
			{
				proto: "icmp",
				orig: { src: "192.0.2.7", dst: "203.0.113.1" },
				icmp: { id: 77, type: 8, code: 0 },
				timeout: 30,
			},
		]);
		expect(out).not.toContain("sport");
	});
});

describe("prints", () => {
	test("a table and what it adds up to", async () => {
		const { out } = await list(["--all"]);
		expect(out).toBe(`\
VERDICT  PROTO  FROM         TO                 LEADS TO           WHY
live     udp    192.0.2.7:2  203.0.113.1:8125   10.88.0.2:5353     leads to ns/pod
stale    udp    192.0.2.7:3  203.0.113.1:8125   10.88.0.9:5353     sends to 10.88.0.9, which no recorded pod has; the live pod is ns/pod at 10.88.0.2, for 0 s
stale    udp    192.0.2.7:4  203.0.113.1:8125   203.0.113.1:8125   came while no rule was there, and ends on the node itself; the live pod is ns/pod at 10.88.0.2, for 0 s
other    udp    10.88.0.3:5  198.51.100.9:8125  198.51.100.9:8125  goes to 198.51.100.9, which the hostPort is not mapped on
other    tcp    192.0.2.7:6  203.0.113.1:8080   10.88.0.9:80       no rule sends 203.0.113.1:8080 anywhere
5 entries: 2 stale, 1 live, 2 other
`);
	});

	test("a wider one", async () => {
		const { out } = await list(["--zone", "7", "-o", "wide"]);
		expect(out).toMatch(
			/^VERDICT {2}PROTO {2}FROM .* {2}STATE {6}LEFT {2}MARK {2}ZONE {2}WHY\n/,
		);
		expect(out).toMatch(/ {2}UNREPLIED {2}30s {3}0x0 {3}7 {5}sends to /);
		expect(out).toMatch(/\n1 entry: 1 stale\n$/);
	});

	test("an array for programs", async () => {
		const found = JSON.parse((await list(["--output", "json"])).out);
		expect(found).toHaveLength(3);
		expect(found[1]).toEqual({
			verdict: "stale",
			reason: "other-pod",
			why: expect.stringContaining("the live pod is ns/pod"),
			family: "ipv4",
			proto: "udp",
			orig: { src: "192.0.2.7", sport: 3, dst: "203.0.113.1", dport: 8125 },
			reply: { src: "10.88.0.9", sport: 5353, dst: "192.0.2.7", dport: 3 },
			status: ["CONFIRMED", "DST_NAT", "SRC_NAT_DONE", "DST_NAT_DONE"],
			timeout: 30,
			mark: 0,
			zone: 7,
			id: 3,
			attachment: {
				network: "podnet",
				containerID: "a",
				ifname: "eth0",
				pod: "ns/pod",
			},
		});
	});

	test.each([["-ojson"], ["-o=json"], ["--output=json"], ["--output", "json"]])(
		"the same however it is said: %s %s",
		async (...argv) =>
			expect(JSON.parse((await list(argv)).out)).toHaveLength(3),
	);

	test("an object a line", async () => {
		const { out } = await list(["-o", "jsonl"]);
		const lines = out.trimEnd().split("\n");
		expect(lines.map((line) => JSON.parse(line).id)).toEqual([2, 3, 4]);
	});

	test.each([
		["table", "no entries\n"],
		["wide", "no entries\n"],
		["json", "[]\n"],
		["jsonl", ""],
	])("nothing as %s where there is nothing", async (format, want) => {
		const { out } = await list(["--zone", "9", "-o", format]);
		expect(out).toBe(want);
	});

	test.each([["table"], ["json"]])(
		"more rows than are printed at a time, as %s, in as many writes as needed",
		async (format) => {
			const many = Array.from({ length: 1001 }, (_, i) => ({
				id: i + 1,
				orig: `192.0.2.7:${i + 1} > 203.0.113.1:8125`,
			}));
			let writes = 0;
			const { out } = await list(["-o", format], {
				kernel: { entries: many },
				host: {
					argv: ["list", "-o", format],
					files: await records("a"),
					fail: (c, fd) => {
						if (c === "write" && fd === "1") writes++;
						return undefined;
					},
				},
			});
			expect(out.match(/192\.0\.2\.7/g)?.length).toBeGreaterThanOrEqual(1001);
			if (format === "json") expect(JSON.parse(out)).toHaveLength(1001);
			expect(writes).toBeLessThan(15);
		},
	);
});

describe("on a terminal", () => {
	const look = async (
		argv: string[],
		env: Record<string, string> = {},
		columns = 80,
	) =>
		list([], {
			env: { CNI_COMMAND: undefined, ...env },
			host: { argv: ["list", ...argv], files: await records("a"), columns },
		});

	test("what does not fit stands below its row, in lines that do", async () => {
		const { out } = await look(["--all"], { NO_COLOR: "1" });
		expect(out).toBe(`\
VERDICT  PROTO  FROM         TO                 LEADS TO
live     udp    192.0.2.7:2  203.0.113.1:8125   10.88.0.2:5353
    leads to ns/pod
stale    udp    192.0.2.7:3  203.0.113.1:8125   10.88.0.9:5353
    sends to 10.88.0.9, which no recorded pod has; the live pod is ns/pod at
    10.88.0.2, for 0 s
stale    udp    192.0.2.7:4  203.0.113.1:8125   203.0.113.1:8125
    came while no rule was there, and ends on the node itself; the live pod is
    ns/pod at 10.88.0.2, for 0 s
other    udp    10.88.0.3:5  198.51.100.9:8125  198.51.100.9:8125
    goes to 198.51.100.9, which the hostPort is not mapped on
other    tcp    192.0.2.7:6  203.0.113.1:8080   10.88.0.9:80
    no rule sends 203.0.113.1:8080 anywhere
5 entries: 2 stale, 1 live, 2 other
`);
	});

	test("what fits stands where it would stand without one", async () => {
		const { out } = await look(["--proto", "udp"], { NO_COLOR: "1" }, 200);
		expect(out).toBe((await list(["--proto", "udp"])).out);
	});

	test("one that does not know its width is taken for wide", async () => {
		const { out } = await look(["--all"], {}, 0);
		expect(out).toMatch(/^VERDICT .* WHY\n/);
		expect(out).toContain("\n\x1b[32mlive");
	});

	test("the verdicts are in colour, and stand where they would stand without", async () => {
		const out = (await look(["--all"], {}, 300)).out.replaceAll("\x1b", "^");
		const plain = await list(["--all"]);
		expect(
			out.match(/^\^\[(31mstale|32mlive|2mother)\^\[0m {2,}/gm),
		).toHaveLength(5);
		expect(out.replace(/\^\[\d*m/g, "")).toBe(plain.out);
	});

	test.each([
		["NO_COLOR is set", ["--all"], { NO_COLOR: "1" }],
		["it is for programs", ["--all", "-o", "json"], {}],
	])("there is no colour if %s", async (_, argv, env) =>
		expect((await look(argv, env)).out).not.toContain("\x1b"),
	);
});

describe("without records", () => {
	test("says what else there is to ask for", async () => {
		const called = await list([], {
			host: { argv: ["list"], files: {} },
			kernel: { rules: natRules() },
		});
		expect([called.code, called.out, called.err]).toEqual([
			0,
			"no entries\n",
			"no port mapping is recorded in /run/cni/conntrack-flush or cached in /var/lib/cni; try --host-port, --from, --pod or --all\n",
		]);
	});

	test("shows the ports that an engine publishes, and then says nothing more", async () => {
		const entry = {
			proto: "udp",
			orig: "192.0.2.7:1 > 203.0.113.1:8125",
			reply: "172.17.0.5:5353 > 192.0.2.7:1",
			status: ["DST_NAT"],
		} as const;
		const called = await list([], {
			host: { argv: ["list"], files: {} },
			kernel: {
				entries: [entry],
				rules: natRules("udp local:8125 > 172.17.0.5:5353 docker"),
			},
		});
		expect(called.out).toContain("(docker)");
		expect(called.out).toContain("1 entry: 1 live");
		expect(called.err).toBe("");
	});

	test("knows no reason, and shows what is asked for", async () => {
		const argv = ["list", "--host-port", "8125"];
		const called = await list([], {
			host: { argv, files: {} },
			kernel: { rules: natRules() },
		});
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.out).toMatch(/\n3 entries: 3 other\n$/);
	});

	test("knows the reason from the rules", async () => {
		const argv = ["list", "--host-port", "8125"];
		const called = await list([], { host: { argv, files: {} } });
		// what is in a zone is not judged by the rules alone
		expect(called.out).toMatch(/\n3 entries: 1 stale, 1 live, 1 other\n$/);
	});
});

describe("again and again", () => {
	/** What happens after each listing. */
	let between: ((fake: FakeHost) => void) | undefined;
	afterEach(() => {
		between = undefined;
	});

	/** Lists again and again, and ends after so many listings. */
	const watch = async (
		looks: number,
		columns: number | undefined,
		...argv: string[]
	) => {
		const { netlink } = fakeKernel({
			entries: ENTRIES,
			routes: ROUTES,
			rules: RULES,
		});
		const files = await records("a");
		const fake = fakeHost({
			netlink,
			files,
			argv: ["list", "--watch", ...argv],
			...(columns && { columns }),
		});
		const sleeps: number[] = [];
		const code = await cli({
			...fake,
			sleep(ms) {
				sleeps.push(ms);
				between?.(fake);
			},
			signal: () => (sleeps.length < looks ? undefined : "SIGTERM"),
		});
		return { code, sleeps, out: fake.written(1), err: fake.written(2) };
	};

	test("with a line between, until a signal comes: exit 0", async () => {
		const called = await watch(3, undefined, "--stale", "--interval", "500ms");
		expect(called).toMatchObject({ code: 0, err: "", sleeps: [500, 500, 500] });
		expect(called.out.split("\n\nVERDICT")).toHaveLength(3);
	});

	test("in place of what a terminal showed before", async () => {
		const { out } = await watch(2, 80, "--stale");
		expect(out.split("\x1b[2J\x1b[HVERDICT")).toHaveLength(3);
		expect(out.startsWith("\x1b[2J")).toBe(true);
	});

	test("a pod with the address that it has when it is replaced, and what it had before", async () => {
		between = (fake) => {
			for (const [path, text] of fake.files)
				fake.writeFile(path, text.replaceAll("10.88.0.2", "10.88.0.9"), 0o600);
		};
		const { out } = await watch(2, undefined, "ns/pod");
		expect(out.split("\n\n").map(ports)).toEqual([[2], [2, 3, 6]]);
	});

	test("a pod that is no longer known keeps its addresses", async () => {
		between = (fake) => {
			for (const path of fake.files.keys())
				if (path.endsWith(".json")) fake.unlink(path);
		};
		const { code, out, err } = await watch(2, undefined, "ns/pod");
		expect([code, err]).toEqual([0, ""]);
		expect(out.split("\n\n").map(ports)).toEqual([[2], [2]]);
	});

	test("an object a line stays that", async () => {
		const { out } = await watch(2, 80, "-o", "jsonl");
		expect(
			out
				.trimEnd()
				.split("\n")
				.map((l) => JSON.parse(l).id),
		).toEqual([2, 3, 4, 2, 3, 4]);
	});
});

describe("fails", () => {
	test.each<[string, string[], string]>([
		[
			"families that cannot go together",
			["--pod-ip", "fd88::2", "--family", "ipv4"],
			"the addresses and --family are not of one address family\nSee conntrack-flush list --help.",
		],
		[
			"a format that there is not",
			["-o", "jsn"],
			"--output: not one of table, wide, json, jsonl: jsn\nDid you mean json?",
		],
		[
			"a pause that is none",
			["--watch", "--interval", "0"],
			"--interval: shorter than 100ms: 0\nSee conntrack-flush list --help.",
		],
		[
			"a pause of nothing that recurs",
			["--interval", "1s"],
			"--interval is for --watch\nSee conntrack-flush list --help.",
		],
		[
			"a switch with a value",
			["--stale=false"],
			"--stale takes no value: false\nSee conntrack-flush list --help.",
		],
		[
			"a short switch with a value",
			["-w=0"],
			"-w takes no value: 0\nSee conntrack-flush list --help.",
		],
		[
			"two values where one can hold",
			["-o", "json", "--output=wide"],
			"--output was given 2 times\nSee conntrack-flush list --help.",
		],
		[
			"a value that begins with a hyphen",
			["--host-port", "-5"],
			"--host-port: not a port: -5\nSee conntrack-flush list --help.",
		],
		[
			"a flag where a value belongs",
			["--host-port", "--stale"],
			"--host-port needs a value\nSee conntrack-flush list --help.",
		],
		[
			"a relative directory",
			["--data-dir", "run"],
			"--data-dir: not an absolute path: run\nSee conntrack-flush list --help.",
		],
		[
			"a port that is none",
			["--host-port", "70000"],
			"--host-port: not a port: 70000\nSee conntrack-flush list --help.",
		],
		[
			"an address that is none",
			["--pod-ip", "10.88.0"],
			"--pod-ip: not an address, a prefix or ports (10.88.0.2, 10.88.0.0/16, :53, 10.88.0.2:53, [fd00::2]:53): 10.88.0\nSee conntrack-flush list --help.",
		],
	])("with exit 2: %s", async (_, argv, message) => {
		const called = await list(argv);
		expect([called.code, called.out, called.err]).toEqual([
			2,
			"",
			`conntrack-flush: ${message}\n`,
		]);
	});

	test("with exit 1 and advice where it may not look", async () => {
		const called = await list([], {
			host: {
				argv: ["list"],
				netlink: () => {
					throw sysError("EPERM", "socket");
				},
			},
		});
		expect([called.code, called.out]).toEqual([1, ""]);
		expect(called.err).toMatch(
			/EPERM\nCAP_NET_ADMIN is missing .*: run as root on the node, or give the container NET_ADMIN and hostNetwork\.\n$/,
		);
	});

	test("not at all where the reader has seen enough", async () => {
		const called = await list([], {
			host: {
				argv: ["list"],
				files: await records("a"),
				fail: (c) => (c === "write" ? "EPIPE" : undefined),
			},
		});
		expect([called.code, called.err]).toEqual([0, ""]);
	});
});
