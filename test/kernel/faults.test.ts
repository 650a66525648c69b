// Every system call that a verb lives on, refused: the verb's result is right,
// one line says why, the directory of records holds nothing damaged, and nothing
// is forgotten: the next call does what this one could not.

import {
	mkdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeAll, stuff } from "../support/stuffed.ts";
import {
	CALLS,
	type CallName,
	createScene,
	enact,
	invoke,
	LEAVING,
	namesOf,
	OTHERS,
	OWN,
	outcomeOf,
	PREV_RESULT,
	reset,
	stateOf,
} from "./kill.scene.ts";
import type { World } from "./model.world.ts";

let world: World;
beforeAll(async () => {
	world = await createScene();
});
afterAll(closeAll);

/** `strace -e inject=…`, for calls on a path of ours where one is given. */
function injecting(call: string, error: string, path?: string): string[] {
	const on = path === undefined ? [] : ["-P", `${world.dataDir}${path}`];
	const inject = `inject=${call}:error=${error}`;
	return ["strace", "-f", "-qq", "-o", "/dev/null", ...on, "-e", inject];
}

const RECORD = "/modelnet:pod:eth0.json";
interface Row {
	readonly name: CallName;
	readonly call: string;
	readonly error: string;
	readonly path?: string;
}
const rows = (
	names: readonly CallName[],
	call: string,
	errors: readonly string[],
	path?: string,
): Row[] =>
	names.flatMap((name) =>
		errors.map((error) => ({
			...{ name, call, error },
			...(path !== undefined && { path }),
		})),
	);

const ALL: readonly CallName[] = ["ADD", ...LEAVING];
const DELS = LEAVING.filter((name) => CALLS[name].verb === "DEL");
const TABLE: readonly Row[] = [
	...rows(
		["ADD"],
		"openat",
		["ENOSPC", "EROFS", "EACCES", "EMFILE", "EIO"],
		`${RECORD}.tmp`,
	),
	...rows(["ADD"], "write", ["ENOSPC", "EDQUOT", "EIO"], `${RECORD}.tmp`),
	...rows(["ADD"], "fchmod", ["EPERM"], `${RECORD}.tmp`),
	...rows(["ADD"], "rename", ["ENOSPC", "EROFS", "EACCES"], `${RECORD}.tmp`),
	...rows(["ADD"], "mkdir", ["EROFS", "EACCES", "ENOSPC", "ELOOP"], ""),
	...rows(ALL, "socket", ["EPERM", "EPROTONOSUPPORT", "EMFILE", "ENOBUFS"]),
	...rows(ALL, "bind", ["ENOMEM"]),
	...rows(ALL, "sendto", ["EPERM", "ENOBUFS", "ECONNREFUSED", "EAGAIN"]),
	...rows(ALL, "recvmsg", ["EPERM", "ENOMEM"]),
	...rows(DELS, "openat", ["EIO", "EACCES", "EMFILE"], RECORD),
	...rows(DELS, "read", ["EIO"], RECORD),
	...rows(LEAVING, "unlink", ["EROFS", "EACCES", "EBUSY"], RECORD),
];

const lines = (stderr: string): string[] =>
	stderr.split("\n").filter((line) => /level=(warn|error)/.test(line));

describe.each(ALL)("%s", (name) => {
	const { verb } = CALLS[name];
	const own = TABLE.filter((row) => row.name === name).map((row) => ({
		...row,
		title: `${row.call} refused by ${row.error}${row.path === undefined ? "" : ` on ${row.path || "the directory"}`}`,
	}));
	test.each(own)("$title", async ({ call, error, path }) => {
		await reset(world, name);
		const before = await stateOf(world);
		const { code, stdout, stderr } = await enact(
			world,
			name,
			injecting(call, error, path),
		);
		const told = lines(stderr);
		expect({ code, told: told.length }, stderr).toEqual({
			code: 0,
			// GC says what its flush could not do, and what that leaves
			told: verb === "GC" && path === undefined ? 2 : 1,
		});
		for (const line of told) expect(line).toContain(error);
		expect(stdout).toBe(
			verb === "ADD" ? `${JSON.stringify(PREV_RESULT)}\n` : "",
		);
		// a record is whole, or as it was, or not there; stateOf parses all of them
		const after = await stateOf(world);
		for (const [file, record] of Object.entries(after.files))
			expect([
				before.files[file] ?? record,
				gone(before.files[file]),
			]).toContainEqual(record);
		// a DEL that failed for want of a socket is known to those who come
		if (verb === "DEL" && path === undefined)
			expect(after.files).toEqual({
				[RECORD.slice(1)]: gone(before.files[RECORD.slice(1)]),
			});
		// and the next one, with nothing refused, finds its way
		const last: CallName = verb === "ADD" ? "DEL that deletes" : name;
		const next = await enact(world, last);
		expect({ code: next.code, told: lines(next.stderr) }).toEqual({
			code: 0,
			told: [],
		});
		const end = await stateOf(world);
		expect(end.files).toEqual({});
		if (verb !== "ADD") expect(end.entries).toEqual(outcomeOf(name).entries);
	});

	// The answers that were lost are asked for again; work is done once.
	test.each([2, 3])("the socket overflows at receive %i", async (nth) => {
		await reset(world, name);
		const overflow = ["strace", "-f", "-qq", "-o", "/dev/null"];
		overflow.push("-e", `inject=recvmsg:error=ENOBUFS:when=${nth}`);
		const { code, stdout, stderr } = await enact(world, name, overflow);
		expect(code).toBe(0);
		expect(stdout).toBe(
			verb === "ADD" ? `${JSON.stringify(PREV_RESULT)}\n` : "",
		);
		expect(lines(stderr)).toEqual([]);
		const { entries, files } = await stateOf(world);
		expect(entries).toEqual(outcomeOf(name).entries);
		expect(Object.keys(files)).toEqual(verb === "ADD" ? [RECORD.slice(1)] : []);
	});
});

// what runtimes ask, and take an error for a pod or a node that is broken
describe.each([
	["CHECK", "strictCheck", 5],
	["STATUS", "strictStatus", 50],
] as const)("%s", (verb, key, code) => {
	const refusals = [
		...["EPERM", "EPROTONOSUPPORT", "EMFILE"].map((e) => ["socket", e]),
		...["EPERM", "ECONNREFUSED"].map((e) => ["sendto", e]),
		...["EPERM", "ENOMEM"].map((e) => ["recvmsg", e]),
		["bind", "ENOMEM"],
	];
	test.each(refusals)(
		"%s refused by %s fails it only if it is strict",
		async (call = "", error = "") => {
			await reset(world, "ADD");
			const before = await stateOf(world);
			const refused = injecting(call, error);
			const ran = await invoke(world, verb, refused);
			expect([ran.code, ran.stdout]).toEqual([0, ""]);
			expect(lines(ran.stderr)).toEqual([expect.stringContaining(error)]);
			const strict = await invoke(world, verb, refused, { [key]: true });
			expect(JSON.parse(strict.stdout)).toMatchObject({ code });
			expect(await stateOf(world)).toEqual(before);
		},
	);

	test.each(["EROFS", "EACCES", "ENOSPC"])(
		"a directory of records that refuses all by %s fails nothing",
		async (error) => {
			await reset(world, "ADD");
			const calls = "openat,mkdir,unlink,rename";
			const sealed = injecting(calls, error, "");
			for (const file of ["unusable", "turn"])
				sealed.splice(5, 0, "-P", `${world.dataDir}/${file}`);
			expect((await invoke(world, verb, sealed)).code).toBe(0);
			// and without capabilities as well
			sealed.push("setpriv", "--bounding-set=-all", "--inh-caps=-all");
			const ran = await invoke(world, verb, sealed);
			expect([ran.code, ran.stdout]).toEqual([0, ""]);
			expect(ran.stderr).toContain("EPERM");
		},
	);
});

test("GC succeeds where the records cannot be read, says so, and drops none", async () => {
	await reset(world, "GC");
	const before = await stateOf(world);
	const unreadable = injecting("getdents64", "EACCES", "");
	const { code, stdout, stderr } = await enact(world, "GC", unreadable);
	expect([code, stdout]).toEqual([0, ""]);
	expect(lines(stderr)).toEqual([expect.stringContaining("EACCES")]);
	expect(await stateOf(world)).toEqual(before);
});

function gone(record: unknown): unknown {
	return { ...(record as object), gone: true };
}

// whoever comes next: the runtime's DEL again, or the runtime's GC
test.each(["DEL that deletes", "GC"] as const)(
	"what a DEL could not remove, %s removes",
	async (name) => {
		await reset(world, "DEL that deletes");
		await enact(world, "DEL that deletes", injecting("socket", "EMFILE"));
		expect((await stateOf(world)).entries).toEqual(
			namesOf([...OWN, ...OTHERS]),
		);
		expect((await enact(world, name)).code).toBe(0);
		expect(await stateOf(world)).toEqual({
			...outcomeOf(name),
			files: {},
		});
	},
);

test("what a DEL could not remove protects nothing: the next pod's ADD takes it for stale", async () => {
	const next = await createScene("10.88.0.4");
	await reset(next, "DEL that deletes");
	await enact(next, "DEL that deletes", injecting("socket", "EMFILE"));
	const conf = { prevResult: { ips: [{ address: "10.88.0.4/16" }] } };
	expect((await invoke(next, "ADD", [], conf)).code).toBe(0);
	expect((await stateOf(next)).entries).toEqual(namesOf(OTHERS));
});

// the rules tell more than records, which only say whose pods are dead
test("ADD does its work without the records of others, and says so", async () => {
	await reset(world, "ADD");
	const { code, stderr } = await enact(
		world,
		"ADD",
		injecting("getdents64", "EIO", ""),
	);
	expect(code).toBe(0);
	expect(lines(stderr)).toEqual([expect.stringContaining("EIO")]);
	expect((await stateOf(world)).entries).toEqual(outcomeOf("ADD").entries);
});

describe("a log that nobody takes away holds nothing up", () => {
	const WHAT = [
		"standard error",
		"the log file",
		"the metrics spool",
		"the departures",
	] as const;
	const rows = ALL.flatMap((name) =>
		WHAT.map((what) => [`${name}, ${what}`, name, what] as const),
	);
	test.each(rows)("%s", async (_, name, what) => {
		await reset(world, name);
		const outside = join(world.dataDir, "..", `stuffed-${process.pid}`);
		const metrics = join(world.dataDir, "metrics");
		const pipe = {
			"standard error": outside,
			"the log file": outside,
			"the metrics spool": join(metrics, "journal"),
			"the departures": join(world.dataDir, "departed"),
		}[what];
		if (what === "the metrics spool") mkdirSync(metrics);
		rmSync(pipe, { force: true });
		stuff(pipe);
		const { verb, conf } = CALLS[name];
		const before = ["timeout", "--signal=KILL", "10"];
		if (what === "standard error")
			before.push("sh", "-c", 'exec 2>"$0" "$@"', pipe);
		const { code, ms, stderr } = await invoke(world, verb, before, {
			...conf,
			logLevel: "debug",
			...(what === "the log file" && { logFile: pipe }),
		});
		rmSync(pipe);
		rmSync(metrics, { recursive: true, force: true });
		expect(code).toBe(0);
		expect(ms).toBeLessThan(3000);
		// lines that the file does not take are said elsewhere
		if (what === "the log file") expect(stderr).toContain("msg=");
		const { entries } = await stateOf(world);
		expect(entries).toEqual(outcomeOf(name).entries);
	});
});

test("the metrics spool is not written through a link", async () => {
	await reset(world, "ADD");
	const victim = join(world.dataDir, "..", `victim-${process.pid}`);
	writeFileSync(victim, "precious");
	mkdirSync(join(world.dataDir, "metrics"));
	symlinkSync(victim, join(world.dataDir, "metrics", "journal"));
	expect((await invoke(world, "ADD")).code).toBe(0);
	rmSync(join(world.dataDir, "metrics"), { recursive: true });
	expect(readFileSync(victim, "utf8")).toBe("precious");
	rmSync(victim);
});

describe("a record of a tebibyte is foreign", () => {
	const huge = (name: string): void => {
		writeFileSync(join(world.dataDir, name), "");
		truncateSync(join(world.dataDir, name), 2 ** 40);
	};
	const limited = ["prlimit", "--as=67108864"];

	test("DEL works from its request, says so once, and takes it away", async () => {
		await reset(world, "DEL that deletes");
		huge(RECORD.slice(1));
		const { code, stderr } = await enact(world, "DEL that deletes", limited);
		expect({ code, told: lines(stderr).length }, stderr).toEqual({
			code: 0,
			told: 1,
		});
		expect(stderr).toContain("EFBIG");
		expect(await stateOf(world)).toEqual({
			...outcomeOf("DEL that deletes"),
			files: {},
		});
	});

	/** Calls the verb beside another's record. */
	const beside = async (name: "ADD" | "GC"): Promise<readonly string[]> => {
		await reset(world, name);
		const other = "modelnet:other:eth0.json";
		huge(other);
		const { code, stderr } = await enact(world, name, limited);
		rmSync(join(world.dataDir, other));
		expect({ code, told: lines(stderr) }).toEqual({ code: 0, told: [] });
		return (await stateOf(world)).entries;
	};

	test("ADD passes over another's", async () => {
		expect(await beside("ADD")).toEqual(outcomeOf("ADD").entries);
	});

	// the other may have the dead pod's address: what the rules do not disprove stays
	test("GC passes over another's, and no entry goes that would not go without it", async () => {
		const entries = await beside("GC");
		expect(entries).toEqual(
			expect.arrayContaining([...outcomeOf("GC").entries]),
		);
	});
});

describe("a dataDir that cannot be used is told of once", () => {
	const DIRS: readonly (readonly [string, string, (path: string) => void])[] = [
		["a link to itself", "ELOOP", (path) => symlinkSync(path, path)],
		[
			"a link to nothing",
			"ENOENT",
			(path) => symlinkSync(`${path}-none`, path),
		],
		["a file", "EEXIST", (path) => writeFileSync(path, "")],
	];
	test.each(DIRS)("%s", async (_, error, make) => {
		const dataDir = join(world.dataDir, "..", `unusable-${process.pid}`);
		make(dataDir);
		try {
			for (const name of ALL.filter((n) => CALLS[n].verb !== "GC")) {
				await reset(world, name);
				const { verb, conf } = CALLS[name];
				const { code, stderr } = await invoke(world, verb, [], {
					...conf,
					dataDir,
				});
				const told = lines(stderr);
				expect(code).toBe(0);
				if (verb === "ADD" || error === "ELOOP")
					expect(told, `${name}: ${stderr}`).toHaveLength(1);
				else expect(told).toEqual([]);
				if (verb === "ADD" || told.length > 0) expect(told[0]).toContain(error);
				expect((await stateOf(world)).entries).toEqual(outcomeOf(name).entries);
			}
		} finally {
			rmSync(dataDir);
		}
	});
});
