// The command line: what the executable is without CNI_COMMAND.

import { describe, expect, test } from "vitest";
import { writeRecord } from "../../../../src/state/store.ts";
import { EPOCH, type FakeHost } from "../../../support/fakehost.ts";
import {
	type CallOptions,
	call,
	DIR,
	expectUntouched,
} from "../../../support/unit/calls.ts";
import { ENTRIES, records } from "../../../support/unit/garbage.ts";

describe("the command line's gc", () => {
	/** The records are made at 1 s, of which the list comes `HOUR` later. */
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
		expect([called.code, called.left, called.gone]).toEqual([0, records, gone]);
		expect(called.out).toBe(`dropped ${3 - records.length}\n`);
	});

	const again = async (host: FakeHost, containerID: string): Promise<void> => {
		// as a second ADD writes it
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
		expect(called.gone).toEqual([4]);
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
		[
			"1 s, where that is enough",
			["--older-than", "1s"],
			"-",
			1000,
			["a", "b"],
		],
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
		const called = await run(
			["--data-dir", "/elsewhere", "--valid", "-"],
			"a\n",
		);
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

	test("says what failed and exits 1, nothing forgotten", async () => {
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
});

describe("the command line", () => {
	const run = (...argv: string[]) =>
		call("", { env: { CNI_COMMAND: undefined }, host: { argv } });
	test.each([["--help"], ["-h"], []])("%s shows its usage", async (...argv) => {
		const called = await run(...argv);
		expect([called.code, called.err]).toEqual([0, ""]);
		expect(called.out).toMatch(/^ +gc {2}/m);
	});

	test.each([
		["gc", "--help"],
		["gc", "--valid", "x", "-h"],
		["help", "gc"],
	])(
		"%s %s shows what the command does and changes nothing",
		async (...argv) => {
			const called = await run(...argv);
			expect([called.code, called.err]).toEqual([0, ""]);
			expect(called.out).toMatch(/^Usage: conntrack-flush gc \[flags\]\n/);
			expect(called.out).toMatch(/\n {2}--valid FILE\n/);
			expect(called.host.calls).toEqual([]);
		},
	);

	test.each([
		[["gcc"], "unknown command: gcc\nDid you mean gc?"],
		[["LIST"], "unknown command: LIST\nDid you mean list?"],
		[["--verison"], "unknown command: --verison\nDid you mean --version?"],
		[["version"], "unknown command: version\nDid you mean --version?"],
		[["-V"], "unknown command: -V\nDid you mean --version?"],
		[["hepl"], "unknown command: hepl\nDid you mean help?"],
		[["gc", "--val", "x"], "unknown flag: --val\nDid you mean --valid?"],
		[["gc", "--all"], "unknown flag: --all\nSee conntrack-flush gc --help."],
		[
			["completion", "bsh"],
			"completion needs one of bash, zsh, fish\nDid you mean bash?",
		],
		[["gc", "--vald", "x"], "unknown flag: --vald\nDid you mean --valid?"],
		[["gc", "x"], "gc takes no operand: x\nSee conntrack-flush gc --help."],
	])("%j: says what to type instead", async (argv, text) => {
		const called = await run(...argv);
		expect([called.code, called.out]).toEqual([2, ""]);
		expect(called.err).toBe(`conntrack-flush: ${text}\n`);
	});

	test.each([["frobnicate"], ["--frob"], [""]])(
		"does not know %j: exit 2",
		async (word) => {
			const called = await run(word);
			expect([called.code, called.out]).toEqual([2, ""]);
			expect(called.err).toBe(
				`conntrack-flush: unknown command: ${word}\nSee conntrack-flush --help.\n`,
			);
		},
	);

	// every object inherits these names, a table of commands too
	const INHERITED = ["constructor", "__proto__", "toString", "hasOwnProperty"];
	test.each(
		INHERITED.flatMap((name): [string[], string][] => [
			[[name], `unknown command: ${name}\nSee conntrack-flush --help.`],
			[
				[name, "--help"],
				`unknown command: ${name}\nSee conntrack-flush --help.`,
			],
			[
				["help", name],
				`unknown command: ${name}\nSee conntrack-flush --help.`,
			],
			[
				["completion", name],
				"completion needs one of bash, zsh, fish\nSee conntrack-flush completion --help.",
			],
			[
				["gc", `--${name}`],
				`unknown flag: --${name}\nSee conntrack-flush gc --help.`,
			],
			[
				["list", "--proto", name],
				`--proto: not one of udp, tcp, sctp, all: ${name}\nSee conntrack-flush list --help.`,
			],
		]),
	)("%j: an inherited name is no word of ours", async (argv, text) => {
		const called = await run(...argv);
		expect([called.code, called.out]).toEqual([2, ""]);
		expect(called.err).toBe(`conntrack-flush: ${text}\n`);
	});

	test("touches nothing", async () => {
		for (const word of ["--help", "--version", "x"])
			expect((await run(word)).host.calls).toEqual([]);
	});
});

describe("records that cannot be read", () => {
	const BAD = {
		"/run/cni/conntrack-flush/x:y:z.json": "{",
		"/run/cni/conntrack-flush/podnet:4f2e:eth0.json": '{"version":9}',
	};
	const WARNING =
		"2 records in /run/cni/conntrack-flush cannot be read, and are passed over\n";
	const run = async (argv: readonly string[]) =>
		call("", {
			env: { CNI_COMMAND: undefined },
			conf: "a\n",
			kernel: { entries: [] },
			host: {
				argv,
				files: { ...(await records("a")), ...BAD },
				signal: () => "SIGTERM",
			},
		});

	test.each([
		[["list"]],
		[["flush", "--stale"]],
		[["reconcile"]],
		[["gc", "--valid", "-"]],
		[["sweep"]],
	])("%j says how many it passes over", async (argv) => {
		const { code, err } = await run(argv);
		expect([code, err]).toEqual([0, WARNING]);
	});

	test.each([[["flush", "--pod-ip", "10.88.0.9"]], [["sweep", "--all"]]])(
		"%j, which reads none, has nothing to say of them",
		async (argv) => expect((await run(argv)).err).toBe(""),
	);
});
