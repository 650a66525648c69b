// The same damage to the executable itself: standard input, and the files of the
// directory of records. No signal, no hang, no memory beyond the limit.

import {
	existsSync,
	mkdirSync,
	readdirSync,
	rmdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DATA_DIR } from "../../src/defaults.ts";
import { createWorld, type World } from "../kernel/model.world.ts";
import { flushTable } from "../support/conntrack.ts";
import { must, type Ran } from "../support/exec.ts";
import { flowOf, insert, readNames } from "../support/flow.ts";
import { random } from "../support/random.ts";
import { DOCUMENT, faultOf, VERBS } from "./answer.ts";
import { answer } from "./executable.ts";
import {
	damaged,
	FOR_SECONDS,
	forSeconds,
	SECONDS,
	SEED,
	spoiled,
} from "./mutate.ts";

const text = new TextEncoder();
const PARALLEL = 2;
/** Entries that have nothing to do with any request here. */
const BYSTANDERS = [
	flowOf({ sport: 6021, dst: "198.51.100.9", replySrc: "198.51.100.9" }),
	flowOf({ sport: 6022, replySrc: "10.88.0.77", dport: 31_125 }),
];

let world: World;
beforeAll(async () => {
	world = await createWorld();
	await flushTable(world.ns);
	await insert(world.ns, BYSTANDERS);
});

// a document whose dataDir was damaged away is recorded where all are
afterAll(() => {
	for (const name of existsSync(DATA_DIR) ? readdirSync(DATA_DIR) : [])
		if (name.endsWith(":4f2e:eth0.json")) rmSync(join(DATA_DIR, name));
});

async function expectBystanders(): Promise<void> {
	expect((await readNames(world.ns)).size).toBe(BYSTANDERS.length);
}

function check(hint: string, verb: string, input: Uint8Array, got: Ran): void {
	const { code, signal, stdout: out, stderr } = got;
	let fault: string | undefined = signal ?? undefined;
	try {
		fault ??= faultOf(verb, new TextDecoder().decode(input), { code, out });
	} catch (e) {
		fault = String(e);
	}
	if (fault !== undefined)
		expect.fail(
			`${hint} ${verb}: ${fault.slice(0, 1000)}\nstdin ${new TextDecoder().decode(input).slice(0, 1500)}\nstdout ${out.slice(0, 1000)}\nstderr ${stderr.slice(0, 500)}`,
		);
}

const DEEP = 200_000;
test.each<[string, Uint8Array]>([
	["nothing", new Uint8Array()],
	["a byte order mark", text.encode("\ufeff{}")],
	["bytes that are no UTF-8", Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)],
	["a deep array", text.encode("[".repeat(DEEP))],
	["a deep array that ends", text.encode("[".repeat(DEEP) + "]".repeat(DEEP))],
	["deep objects", text.encode('{"a":'.repeat(DEEP))],
	[
		"a deep prevResult",
		text.encode(
			`{"cniVersion":"1.0.0","name":"n","prevResult":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}}`,
		),
	],
	["one long string", text.encode(`{"name":"${"x".repeat(256 << 10)}"}`)],
	[
		"a long number",
		text.encode(
			`{"cniVersion":"1.0.0","name":"n","prevResult":${"9".repeat(1 << 20)}}`,
		),
	],
	["zeros", new Uint8Array(1 << 20)],
])("standard input: %s", async (name, input) => {
	for (const verb of VERBS) {
		const got = await answer(world, verb, input);
		check(name, verb, input, got);
	}
});

test(
	"damaged configurations on the executable's standard input",
	FOR_SECONDS,
	async () => {
		let tried = 0;
		await forSeconds(SECONDS, async (seed) => {
			const one = async (n: number): Promise<void> => {
				const r = random(seed * PARALLEL + n);
				const verb = r.pick(VERBS);
				const input = spoiled(r, { ...DOCUMENT, dataDir: world.dataDir });
				check(
					`FUZZ_SEED=${seed}`,
					verb,
					input,
					await answer(world, verb, input),
				);
				tried++;
			};
			await Promise.all(Array.from({ length: PARALLEL }, (_, n) => one(n)));
		});
		await expectBystanders();
		console.log(`seed ${SEED}: ${tried} calls`);
	},
);

const RECORD = {
	version: 1,
	network: "podnet",
	containerID: "4f2e",
	ifname: "eth0",
	pod: "ns/pod",
	added: 1000,
	mappings: [
		{
			family: 2,
			proto: 17,
			podIP: "10.88.0.2",
			hostPort: 8125,
			hostIP: null,
			containerPort: 5353,
		},
		{
			family: 10,
			proto: 6,
			podIP: "fd88::2",
			hostPort: 8125,
			hostIP: "fd03::1",
			containerPort: 5353,
		},
	],
	pods: [{ family: 2, proto: 17, podIP: "10.88.0.2" }],
};

test("damaged records: every verb goes on", FOR_SECONDS, async () => {
	let tried = 0;
	const words = text.encode(
		JSON.stringify({
			...DOCUMENT,
			dataDir: world.dataDir,
			"cni.dev/valid-attachments": [],
		}),
	);
	await forSeconds(SECONDS, async (seed) => {
		const r = random(seed);
		for (const name of readdirSync(world.dataDir))
			rmSync(join(world.dataDir, name), { recursive: true });
		const files = ["podnet:4f2e:eth0.json", "podnet:dead:eth0.json", "x.json"];
		const contents = files.map((name) => {
			const id = name.split(":")[1] ?? "x";
			const bytes = spoiled(r, { ...RECORD, containerID: id });
			const content = r.chance(0.1) ? damaged(r, r.bytes(300)) : bytes;
			writeFileSync(join(world.dataDir, name), content);
			return `${name}: ${new TextDecoder().decode(content).slice(0, 700)}`;
		});
		for (const verb of r.pick([["DEL"], ["ADD"], ["GC"], ["ADD", "GC"]])) {
			const hint = `FUZZ_SEED=${seed}\n${contents.join("\n")}\n`;
			const got = await answer(world, verb, words);
			check(hint, verb, words, got);
			// a record that cannot be dropped is GC's to report
			const isReported = verb === "GC" && got.stdout.includes('"code":5,');
			if (!isReported)
				expect(got.code, `${hint} ${verb}`.slice(0, 2000)).toBe(0);
			tried++;
		}
	});
	await expectBystanders();
	console.log(`seed ${SEED}: ${tried} calls`);
});

const OTHER = "podnet:dead:eth0.json";
const [V4] = RECORD.mappings;
const asFile = (over: object): string =>
	JSON.stringify({
		...RECORD,
		containerID: "dead",
		mappings: [V4],
		pods: [],
		...over,
	});
// "Foreign files are never fatal": GC that fails on one fails at every call
test.each<[string, string, string]>([
	[
		"an address that is none",
		OTHER,
		asFile({ mappings: [{ ...V4, podIP: "x" }] }),
	],
	[
		"a port that is none",
		OTHER,
		asFile({ mappings: [{ ...V4, hostPort: 70_000 }] }),
	],
	["a port of 0", OTHER, asFile({ mappings: [{ ...V4, containerPort: 0 }] })],
	[
		"a record under another's name",
		OTHER,
		asFile({ containerID: "x".repeat(300) }),
	],
	["a lone surrogate in a name", OTHER, asFile({ ifname: "\ud800" })],
])(
	"a record that nobody wrote does not stop GC: %s",
	async (_, name, content) => {
		for (const old of readdirSync(world.dataDir))
			rmSync(join(world.dataDir, old), { recursive: true });
		writeFileSync(join(world.dataDir, name), content);
		await insert(world.ns, [flowOf({})]);
		const { runtimeConfig: __, ...rest } = DOCUMENT;
		const words = {
			...rest,
			dataDir: world.dataDir,
			"cni.dev/valid-attachments": [],
		};
		const got = await answer(world, "GC", text.encode(JSON.stringify(words)));
		await flushTable(world.ns);
		await insert(world.ns, BYSTANDERS);
		expect({ code: got.code, out: got.stdout.slice(0, 300) }).toEqual({
			code: 0,
			out: "",
		});
	},
);

test("a directory among the records does not hide the others", async () => {
	for (const old of readdirSync(world.dataDir))
		rmSync(join(world.dataDir, old), { recursive: true });
	mkdirSync(join(world.dataDir, "x.json"));
	const words = { ...DOCUMENT, dataDir: world.dataDir };
	const got = await answer(world, "ADD", text.encode(JSON.stringify(words)));
	rmdirSync(join(world.dataDir, "x.json"));
	expect(got.stderr).not.toContain("level=warn");
});

test("a FIFO among the records does not hold a verb up", async () => {
	for (const old of readdirSync(world.dataDir))
		rmSync(join(world.dataDir, old), { recursive: true });
	await must(["mkfifo", join(world.dataDir, "x.json")]);
	const words = { ...DOCUMENT, dataDir: world.dataDir };
	const got = await answer(world, "ADD", text.encode(JSON.stringify(words)));
	rmSync(join(world.dataDir, "x.json"));
	expect({ code: got.code, signal: got.signal }).toEqual({
		code: 0,
		signal: null,
	});
});
