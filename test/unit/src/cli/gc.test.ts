// `gc`: the list that it reads, the records that it deletes, and its exit codes.

import { expect, test } from "vitest";
import { writeRecord } from "../../../../src/state/store.ts";
import { EPOCH, type FakeHost } from "../../../support/fakehost.ts";
import {
	type CallOptions,
	call,
	DIR,
	expectUntouched,
} from "../../../support/unit/calls.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";
import { attached, cachedFile } from "../../../support/unit/world.ts";

/** The records are made at 1 s; the list comes this much later. */
const HOUR = 3_600_000;
const run = async (
	argv: string[],
	stdin: string | ((host: FakeHost) => string) = "",
	more: CallOptions["host"] = {},
) => {
	const files = {
		...(await records("a", "b", "c")),
		"/tmp/valid": "a\nc eth0\n",
	};
	const called = await call("", {
		env: { CNI_COMMAND: undefined },
		conf: typeof stdin === "string" ? stdin : "",
		kernel: { entries: ENTRIES },
		host: {
			...(typeof stdin === "function" && { stdin }),
			argv: ["gc", ...argv],
			files,
			clock: { ms: 1000 + HOUR },
			...more,
		},
	});
	const left = [...called.host.files.keys()]
		.filter((p) => p.endsWith(".json"))
		.map((path) => path.split(":")[1]);
	return { ...called, left };
};

test.each<[string, string[], string, string[], number[]]>([
	["a file", ["--valid", "/tmp/valid"], "", ["a", "c"], [3]],
	["stdin", ["--valid", "-"], "b\n", ["b"], [2, 4]],
	[
		"stdin with blank lines, spaces and carriage returns",
		["--valid", "-"],
		"\n  a  \r\n\nb\teth0\n",
		["a", "b"],
		[4],
	],
	[
		"an interface that is another's",
		["--valid", "-"],
		"a eth1\nb\nc\n",
		["b", "c"],
		[2],
	],
])("takes its list from %s", async (_, argv, stdin, records, gone) => {
	const called = await run(argv, stdin);
	expect([called.code, called.left, called.deleted]).toEqual([
		0,
		records,
		gone,
	]);
	expect(called.out).toBe(`dropped ${3 - records.length}\n`);
});

test.each<[string, string[], number[]]>([
	["keeps its entries", [], []],
	["is not known, if the cache is elsewhere", ["--cni-cache-dir", "/x"], [3]],
])(
	"a pod without a record that has got a dead one's address %s",
	async (_, argv, gone) => {
		const heir = attached("heir", {
			...mapping("IPv4", "udp"),
			podIP: "10.88.0.3",
		});
		const files = {
			...(await records("a", "b", "c")),
			...cachedFile(heir),
			// the dead one's DEL never came
			...cachedFile({
				...heir,
				network: "podnet",
				containerID: "b",
				mappings: [],
			}),
		};
		const called = await run(["--valid", "-", ...argv], "a\nc\n", { files });
		expect([called.left, called.deleted]).toEqual([["a", "c"], gone]);
	},
);

const again = async (host: FakeHost, containerID: string): Promise<void> => {
	// a second ADD writes the record like this
	writeRecord(host, DIR, {
		...{ network: "podnet", containerID, ifname: "eth0", pod: undefined },
		...{ added: host.ticks(), mappings: [], podTargets: [] },
	});
};

test("leaves alone what is recorded while it reads the list", async () => {
	const called = await run(["--valid", "-", "--older-than", "0"], (host) => {
		again(host, "new");
		again(host, "b");
		return "a\n";
	});
	expect(called.left.sort()).toEqual(["a", "b", "new"]);
	expect(called.deleted).toEqual([4]);
	expect(called.out).toBe("dropped 1\n");
});

test("leaves alone what is recorded anew while it looks at the table", async () => {
	let host: FakeHost | undefined;
	const called = await run(
		["--valid", "-"],
		(h) => {
			host = h;
			return "a\n";
		},
		{
			fail: (name, path) => {
				if (name === "unlink" && path.includes(":b:") && host) {
					const h = host;
					host = undefined;
					again(h, "c");
				}
				return undefined;
			},
		},
	);
	expect(called.left.sort()).toEqual(["a", "c"]);
	expect(called.out).toBe("dropped 1\n");
});

test.each<[string, string[], string, number, string[]]>([
	["5 minutes", [], "-", 300_000, ["a", "b"]],
	["almost 5 minutes", [], "-", 299_999, ["a", "b", "c"]],
	["1 s, where that is enough", ["--older-than", "1s"], "-", 1000, ["a", "b"]],
	["0 s, where that is enough", ["--older-than", "0"], "-", 0, ["a", "b"]],
	["an hour more than the list", [], "/tmp/new", HOUR, ["a", "b"]],
	["an hour, but less than the list", [], "/tmp/old", HOUR, ["a", "b", "c"]],
])(
	"a pod may not be listed before it has started: records older by %s",
	async (_, argv, valid, age, left) => {
		const called = await run(["--valid", valid, ...argv], "a\nb\n", {
			clock: { ms: 1000 + age },
			stat: (path) => ({
				mtimeMs: EPOCH + (path === "/tmp/old" ? 0 : 1000 + age),
			}),
			files: {
				...(await records("a", "b", "c")),
				"/tmp/new": "a\nb\n",
				"/tmp/old": "a\nb\n",
			},
		});
		expect([called.code, called.left]).toEqual([0, left]);
	},
);

test.each<[string, string[], string[]]>([
	["another network", ["--network", "other"], ["a", "b", "c"]],
	["theirs", ["--network", "podnet"], ["a"]],
	["several", ["--network", "other", "--network", "podnet"], ["a"]],
	["none named: every network", [], ["a"]],
])("is kept to networks: %s", async (_, argv, left) => {
	const called = await run(["--valid", "-", ...argv], "a\n");
	expect([called.code, called.left]).toEqual([0, left]);
});

test("looks in the directory that it is told", async () => {
	const called = await run(["--data-dir", "/elsewhere", "--valid", "-"], "a\n");
	expect([called.code, called.out, called.left]).toEqual([
		0,
		"dropped 0\n",
		["a", "b", "c"],
	]);
});

test.each<[string, string[], string, RegExp]>([
	["no list", [], "", /gc needs --valid/],
	["a flag without its value", ["--valid"], "", /--valid needs a value/],
	["a word that it does not know", ["--all", "x"], "", /unknown flag: --all/],
	[
		"an empty list, more likely a command that failed",
		["--valid", "-"],
		"\n \n",
		/names no attachment/,
	],
	[
		"a list that is something else",
		["--valid", "-"],
		"error: cannot connect to CRI\n",
		/not an ID/,
	],
])(
	"is a mistake of the caller, exit 2, nothing changed: %s",
	async (_, argv, stdin, text) => {
		const called = await run(argv, stdin);
		expect([called.code, called.out]).toEqual([2, ""]);
		expect(called.err).toMatch(text);
		expectUntouched(called);
	},
);

test("is a failure, exit 1, where the list cannot be read", async () => {
	const called = await run(["--valid", "/tmp/none"]);
	expect([called.code, called.out]).toEqual([1, ""]);
	expect(called.err).toMatch(/^conntrack-flush: .*ENOENT/);
	expectUntouched(called);
});

test("says what failed and exits 1, no record deleted", async () => {
	const called = await run(["--valid", "-"], "a\n", {
		netlink: () => {
			throw Object.assign(new Error("socket: EPERM"), {
				code: "EPERM",
				errno: 1,
				syscall: "socket",
			});
		},
	});
	expect(called.code).toBe(1);
	expect(called.left).toEqual(["a", "b", "c"]);
	expect(called.err).toContain("EPERM");
});
