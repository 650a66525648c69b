// The npm package as a stranger has it: packed, installed into an empty project, compiled
// against with strict types, and run as root beside the executable on the same table.

import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../build/imports.ts";
import { AF_INET } from "../../src/net/ip.ts";
import { IPPROTO_UDP } from "../../src/net/proto.ts";
import { ended, must, type Ran, run, start } from "../support/exec.ts";
import { mapHostPorts } from "../support/hostports.ts";
import { createNamespace, ip, type Namespace } from "../support/netns.ts";
import { temporaryDirectory } from "../support/node.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";

const H = "203.0.113.1";
const OUT = join(ROOT, "build/out/npm");
const { version, devDependencies } = JSON.parse(
	readFileSync(join(ROOT, "package.json"), "utf8"),
);
const TARBALL = join(OUT, `conntrack-flush-${version}.tgz`);

let project: string;
let installed: string;
let node: Namespace;

beforeAll(async () => {
	await must(["make", "--silent", "npm"], { cwd: ROOT });
	project = temporaryDirectory("npm");
	installed = join(project, "node_modules/conntrack-flush");
	writeFileSync(join(project, "package.json"), '{ "type": "module" }');
	await must(
		[
			...["npm", "install", "--prefer-offline", "--no-audit", "--no-fund"],
			...["--ignore-scripts", TARBALL],
			`@types/node@${devDependencies["@types/node"]}`,
		],
		{ cwd: project },
	);
	node = await createNamespace("node");
	await ip(node, [`address add ${H}/32 dev lo`]);
	await mapHostPorts(
		node,
		[
			{
				family: AF_INET,
				proto: IPPROTO_UDP,
				hostPort: 8125,
				hostIP: null,
				podIP: "10.88.0.3",
				containerPort: 5353,
			},
		],
		"legacy",
	);
}, 180_000);
afterAll(undoAll);

/** Entries by their source port: stale, live, of another port, the node's own. */
const ENTRIES: Readonly<Record<number, string>> = {
	1: `-p udp -d ${H} --dport 8125 --dst-nat 10.88.0.2:5353`,
	2: `-p udp -d ${H} --dport 8125 --dst-nat 10.88.0.3:5353`,
	3: `-p udp -d ${H} --dport 53`,
	4: `-p tcp --state ESTABLISHED -d ${H} --dport 22`,
	5: `-p udp -d ${H} --dport 8125`,
};

async function fill(): Promise<void> {
	const lines = Object.entries(ENTRIES).map(
		([port, words]) =>
			`conntrack -I ${words} -s 192.0.2.7 --sport ${port} --timeout 300 --status SEEN_REPLY,ASSURED`,
	);
	await must(node.inside(["bash", "-ec", `conntrack -F\n${lines.join("\n")}`]));
}

const inProject = (...argv: readonly string[]): Promise<Ran> =>
	run(node.inside(argv), { cwd: project, input: "" });
const executable = (...argv: readonly string[]): Promise<Ran> =>
	run(node.inside([`${OUR_BIN}/conntrack-flush`, ...argv]), { input: "" });

interface Told {
	readonly value?: unknown;
	readonly error?: string;
}

/** Runs a line of a program, which has the library's exports, and returns what it returns. */
async function program(line: string): Promise<Told> {
	const file = join(project, "program.js");
	writeFileSync(
		file,
		`import * as library from "conntrack-flush";
const { count, flush, list, remove } = library;
const all = async (options) => { const found = []; for await (const e of list(options)) found.push(e); return found; };
const told = async () => { ${line} };
console.log(JSON.stringify(await told().then((value) => ({ value }), (e) => ({ error: e.name + ": " + e.message }))));
`,
	);
	const { stdout, stderr } = await inProject("node", file);
	expect(stderr).toBe("");
	return JSON.parse(stdout);
}

const sports = (entries: unknown): number[] =>
	(entries as { orig: { sport: number } }[])
		.map((e) => e.orig.sport)
		.sort((a, b) => a - b);
/** Returns the entries without what the time between two listings changes, in one order. */
const still = (entries: unknown): unknown[] =>
	(entries as { timeout: number; id: number }[])
		.map((e) => ({ ...e, timeout: 0 }))
		.sort((a, b) => a.id - b.id);
const listedBy = async (...flags: readonly string[]): Promise<unknown> =>
	JSON.parse((await executable("list", "-o", "json", ...flags)).stdout);

describe("the tarball", () => {
	const files = (): string[] =>
		readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((f) =>
			/\.\w+$|LICENSE/.test(f),
		);

	test("holds the code, its types, the examples and the licenses, and nothing else", () => {
		const others = files().filter((f) => !/^dist\/[\w.-]+\.js$/.test(f));
		expect(others.sort()).toEqual([
			"LICENSE",
			"README.md",
			"dist/index.d.ts",
			"examples/stale.ts",
			"examples/watch.ts",
			"licenses/ajv.txt",
			"package.json",
		]);
	});

	test("names no place of the machine that made it", () => {
		const naming = files().filter((f) => {
			const text = readFileSync(join(installed, f), "utf8");
			return text.includes(ROOT.replace(/\/$/, "")) || text.includes("test/");
		});
		expect(naming).toEqual([]);
	});

	test("says what it needs, and has no scripts", () => {
		const { scripts, devDependencies, dependencies, engines } = JSON.parse(
			readFileSync(join(installed, "package.json"), "utf8"),
		);
		expect({ scripts, devDependencies }).toEqual({});
		expect(Object.keys(dependencies)).toEqual(["fastest-levenshtein", "koffi"]);
		expect(engines.node).toBe(">=20.19");
	});

	test("its page describes every export, and every export has a doc comment", () => {
		const types = readFileSync(join(installed, "dist/index.d.ts"), "utf8");
		const [, names = ""] = /\nexport \{(.*)\};/.exec(types) ?? [];
		const exported = names.split(",").map((n) => n.replace("type", "").trim());
		expect(exported.length).toBeGreaterThan(8);
		const page = readFileSync(join(installed, "README.md"), "utf8");
		expect(exported.filter((n) => !page.includes(`\`${n}`))).toEqual([]);
		const bare = exported.filter(
			(n) =>
				!new RegExp(
					`\\*/\\n(declare |export )*(async )?(function|interface|class|type) ${n}\\b`,
				).test(types),
		);
		expect(bare).toEqual([]);
	});
});

describe("the examples", () => {
	beforeAll(async () => {
		cpSync(join(installed, "examples"), join(project, "src"), {
			recursive: true,
		});
		writeFileSync(
			join(project, "tsconfig.json"),
			JSON.stringify({
				compilerOptions: {
					strict: true,
					exactOptionalPropertyTypes: true,
					noUncheckedIndexedAccess: true,
					module: "nodenext",
					target: "es2023",
					rootDir: "src",
					outDir: "run",
				},
				include: ["src"],
			}),
		);
		const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
		await must(["node", tsc], { cwd: project });
	});

	test("are those of the page", () => {
		const page = readFileSync(join(installed, "README.md"), "utf8");
		for (const name of ["stale.ts", "watch.ts"])
			expect(page).toContain(readFileSync(join(project, "src", name), "utf8"));
	});

	test("stale lists what the executable calls stale", async () => {
		await fill();
		const { code, stdout, stderr } = await inProject("node", "run/stale.js");
		expect([code, stderr]).toEqual([0, ""]);
		const stale = (await listedBy("--stale")) as { why: string }[];
		expect(sports(stale)).toEqual([1, 5]);
		for (const { why } of stale) expect(stdout).toContain(`: ${why}\n`);
		expect(stdout).toMatch(/^other-pod: 1$/m);
		expect(stdout).toMatch(/^no-dnat: 1$/m);
	});

	test("watch tells what comes and goes, and ends by a signal", async () => {
		await fill();
		const child = start(node.inside(["node", "run/watch.js", "8125"]), {
			cwd: project,
		});
		let out = "";
		child.stdout?.on("data", (text) => {
			out += text;
		});
		const said = (line: RegExp): Promise<void> =>
			expect.poll(() => out, { timeout: 20_000 }).toMatch(line);
		await said(/^\+ udp 192\.0\.2\.7:1 -> 10\.88\.0\.2:5353 stale: /m);
		await said(/^\+ udp 192\.0\.2\.7:2 -> 10\.88\.0\.3:5353 live: /m);
		expect((await executable("flush", "--stale", "--rules")).code).toBe(0);
		await said(/^- udp 192\.0\.2\.7:1 -> 10\.88\.0\.2:5353 stale: /m);
		expect(out).not.toMatch(/^- udp 192\.0\.2\.7:2 /m);
		child.kill("SIGTERM");
		expect((await ended(child)).code).toBe(0);
	});
});

describe("the library", () => {
	test.each<[string, string, readonly string[]]>([
		["hostPorts", "{}", []],
		["everything", "{ all: true }", ["--all"]],
		["a port", "{ hostPort: 8125 }", ["8125"]],
		["ports", '{ hostPort: ["8000-9000", 53] }', ["8000-9000,53"]],
		["a client", '{ from: "192.0.2.0/24" }', ["--from", "192.0.2.0/24"]],
		["TCP", '{ all: true, proto: "tcp" }', ["--all", "--proto", "tcp"]],
		["what is stale", "{ stale: true }", ["--stale"]],
	])("lists %s as the executable does", async (_, options, flags) => {
		await fill();
		const { value } = await program(`return await all(${options})`);
		const want = still(await listedBy(...flags));
		expect(still(value)).toEqual(want);
		expect(want.length).toBeGreaterThan(0);
	});

	test("a reader that stops early ends the listing", async () => {
		await fill();
		const { value } = await program(
			"for await (const e of list({ all: true })) return e.verdict",
		);
		expect(value).toMatch(/^(stale|live|other)$/);
	});

	test("counts the table", async () => {
		await fill();
		expect(await program("return await count()")).toEqual({ value: 5 });
	});

	test("flushes what the executable would, and first only counts it", async () => {
		await fill();
		const { value: dry } = await program(
			'return await flush({ stale: true, rules: "engines", dryRun: true })',
		);
		expect(dry).toMatchObject({ found: 2, removed: 0 });
		expect(await left()).toEqual([1, 2, 3, 4, 5]);
		const { value } = await program(
			'return await flush({ stale: true, rules: "engines" })',
		);
		expect(value).toMatchObject({
			found: 2,
			removed: 2,
			reasons: { "other-pod": 1, "no-dnat": 1 },
		});
		expect(await left()).toEqual([2, 3, 4]);
	});

	test("removes exactly the entries that are given", async () => {
		await fill();
		const { value } = await program(
			"return await remove((await all({ hostPort: 8125 })).filter((e) => e.orig.sport === 2))",
		);
		expect(value).toEqual({ removed: 1, alreadyGone: 0 });
		expect(await left()).toEqual([1, 3, 4, 5]);
	});

	const left = async (): Promise<number[]> => sports(await listedBy("--all"));
});

describe("nothing that a program passes removes more than it names", () => {
	const rows: readonly (readonly [string, string, RegExp])[] = [
		["no options", "flush()", /flush needs a condition|undefined/],
		["no condition", "flush({})", /^UsageError: flush needs a condition/],
		[
			"options that only narrow",
			'flush({ proto: "udp", family: "ipv4", zone: 0 })',
			/^UsageError: flush needs a condition/,
		],
		[
			"a prefix of everything",
			'flush({ from: "0.0.0.0/0" })',
			/^UsageError: flush needs a condition/,
		],
		[
			"a slip in a name",
			"flush({ hostport: 8125, stale: true })",
			/^UsageError: unknown option: hostport$/,
		],
		[
			"a condition that is undefined",
			'flush({ hostPort: undefined, from: "192.0.2.7" })',
			/^UsageError: hostPort: undefined/,
		],
		[
			"a list of no ports",
			'flush({ hostPort: [], from: "192.0.2.7" })',
			/^UsageError: hostPort: an empty list/,
		],
		["port 0", "flush({ hostPort: 0 })", /^UsageError: hostPort: .*: 0$/],
		["a port too high", "flush({ hostPort: 70000 })", /hostPort: .*: 70000$/],
		[
			"a word for a boolean",
			'flush({ stale: "false" })',
			/^UsageError: stale: neither true nor false: false$/,
		],
		["an entry that is made up", "remove([{ id: 1 }])", /^TypeError: remove: /],
		[
			"a copy of an entry",
			"remove((await all({ all: true })).map((e) => ({ ...e })))",
			/^TypeError: remove: not an entry that list\(\) has yielded$/,
		],
		[
			"a listener's connection among others",
			"remove(await all({ all: true }))",
			/^TypeError: remove: a connection without NAT, to 203.0.113.1 port 22$/,
		],
	];
	let outcomes: readonly Told[] = [];
	beforeAll(async () => {
		await fill();
		const calls = rows.map(([, call]) => `async () => await ${call}`);
		const { value } = await program(`
			const outcomes = [];
			for (const call of [${calls.join(", ")}])
				outcomes.push(await call().then((value) => ({ value }), (e) => ({ error: e.name + ": " + e.message })));
			return outcomes;`);
		outcomes = value as readonly Told[];
	});

	test.each(rows.map(([name, , error], i) => [name, error, i] as const))(
		"%s",
		(_, error, i) =>
			expect(outcomes[i]).toEqual({ error: expect.stringMatching(error) }),
	);

	test("so all entries are still there", async () => {
		expect(outcomes).toHaveLength(rows.length);
		expect(sports(await listedBy("--all"))).toEqual([1, 2, 3, 4, 5]);
	});

	test("there is no other way in: no export names a message, a key or a socket", async () => {
		const { value } = await program("return Object.keys(library)");
		expect(value).toEqual(["UsageError", "count", "flush", "list", "remove"]);
		const paths = ["dist/index.js", "src/conntrack/messages.ts"];
		for (const path of paths) {
			const { error } = await program(
				`return Object.keys(await import("conntrack-flush/${path}"))`,
			);
			expect(error).toMatch(/not defined by "exports"/);
		}
	});
});

describe("the command line", () => {
	test.each<[string, readonly string[]]>([
		["list --stale", ["list", "--stale"]],
		["list --all -o wide", ["list", "--all", "-o", "wide"]],
		["flush --stale --rules -n", ["flush", "--stale", "--rules", "-n"]],
		["a wrong flag", ["list", "--stael"]],
		["top", ["top"]],
	])("%s says what the executable says", async (_, argv) => {
		await fill();
		const [ours, want] = [
			await inProject("node_modules/.bin/conntrack-flush", ...argv),
			await executable(...argv),
		];
		// a table also shows the seconds that are left
		const said = ({ code, stdout, stderr }: Ran): unknown => [
			code,
			stdout
				.replace(/\b\d+s\b/g, "s")
				.split("\n")
				.sort(),
			stderr,
		];
		expect(said(ours)).toEqual(said(want));
		expect(ours.stdout + ours.stderr).not.toBe("");
	});

	test("--version names Node in place of the engine", async () => {
		const { stdout } = await inProject("npx", "conntrack-flush", "--version");
		expect(stdout).toMatch(
			new RegExp(
				`^conntrack-flush ${version} \\(Node\\.js, build \\w{12}\\)\n$`,
			),
		);
	});

	test("install is refused: it would copy Node", async () => {
		const dir = temporaryDirectory("bin");
		const { code, stderr } = await inProject(
			...["node_modules/.bin/conntrack-flush", "install", "--bin-dir", dir],
		);
		expect(code).toBe(1);
		expect(stderr).toContain("it needs the executable");
		expect(readdirSync(dir)).toEqual([]);
	});
});
