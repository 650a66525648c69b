// The executable needs little, and must not do more: one capability, no process,
// no program, no environment but CNI's, no links followed, no raw control
// characters in the log.

import {
	existsSync,
	linkSync,
	lstatSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { main } from "../../plugin/main.ts";
import { mustSync, run } from "../support/exec.ts";
import { fakeHost } from "../support/fakehost.ts";
import { nameOfFlow, readNames } from "../support/flow.ts";
import { CONF, createScene, invoke, reset, STALE } from "./kill.scene.ts";
import { callConf, callEnv, EXECUTABLE, type World } from "./model.world.ts";

let world: World;
let scratch: string;
beforeAll(async () => {
	world = await createScene();
	scratch = mkdtempSync(join(tmpdir(), "conntrack-flush-caps-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));
beforeEach(() => reset(world, "ADD"));

const RECORD = "modelnet:pod:eth0.json";
const only = (caps: string): string[] => [
	"setpriv",
	`--bounding-set=-all${caps}`,
	`--inh-caps=-all${caps}`,
	"--no-new-privs",
];

test.each([
	["CAP_NET_ADMIN alone is enough", ",+net_admin", 0],
	["no capability is not", "", 1],
])("%s", async (_, caps, warnings) => {
	const { code, stderr } = await invoke(world, "ADD", only(caps));
	expect(code).toBe(0);
	expect(stderr.match(/level=warn/g)?.length ?? 0, stderr).toBe(warnings);
	const left = await readNames(world.ns);
	const stale = STALE.filter((f) => left.has(nameOfFlow(f)));
	expect(stale.length).toBe(warnings === 0 ? 0 : STALE.length);
	if (warnings > 0) expect(stderr).toContain("EPERM");
});

test("STATUS says that the capability is missing", async () => {
	const { code, stdout } = await invoke(world, "STATUS", only(""));
	expect(code).toBe(1);
	expect(JSON.parse(stdout)).toMatchObject({ code: 50 });
	expect((await invoke(world, "STATUS", only(",+net_admin"))).code).toBe(0);
});

test.each(["ADD", "DEL", "CHECK", "GC", "STATUS"])(
	"%s makes no process and runs no program",
	async (verb) => {
		const file = join(scratch, `trace-${verb}`);
		const calls = "trace=process,network";
		const conf = { "cni.dev/valid-attachments": [] };
		await invoke(world, verb, ["strace", "-f", "-o", file, "-e", calls], conf);
		const trace = readFileSync(file, "utf8");
		expect(trace.match(/\bexecve(at)?\(/g)).toEqual(["execve("]);
		expect(trace).not.toMatch(/\b(clone3?|v?fork)\(/);
		expect(trace).not.toMatch(/\bsocket\(AF_(?!NETLINK)/);
		// GC has nothing to look for here
		if (verb !== "GC") expect(trace).toContain("socket(AF_NETLINK");
	},
);

test("directory 0700 and records 0600, whatever the umask", async () => {
	for (const mask of ["000", "077", "777"]) {
		const dataDir = join(scratch, `new-${mask}`, "deep");
		const { code, stderr } = await run(
			world.ns.inside(["sh", "-c", `umask ${mask}; exec ${EXECUTABLE}`]),
			{ input: callConf(dataDir, CONF), env: callEnv("ADD", "pod") },
		);
		expect({ code, warn: stderr.includes("level=warn") }).toEqual({
			code: 0,
			warn: false,
		});
		expect(statSync(dataDir).mode & 0o077).toBe(0);
		expect(statSync(join(dataDir, RECORD)).mode & 0o777).toBe(0o600);
	}
});

/** Returns the names of the records, finished or not. */
function recordsIn({ dataDir }: World): string[] {
	return readdirSync(dataDir).filter((name) => name.includes(".json"));
}

const PLANTS = {
	link: symlinkSync,
	"hard link": linkSync,
	FIFO: (_: string, path: string) => mustSync(["mkfifo", path]),
};
const PLANTED = (["link", "hard link", "FIFO"] as const).flatMap((what) => [
	{ what, where: "the temporary file", name: `${RECORD}.tmp` },
	{ what, where: "the record", name: RECORD },
]);

test.each(
	PLANTED.flatMap((row) => [
		{ ...row, isLink: false, dir: "the directory" },
		{ ...row, isLink: true, dir: "a directory that is itself a link" },
	]),
)(
	"a $what in place of $where leads nowhere and holds nothing up, in $dir",
	async ({ what, name, isLink }) => {
		const victim = join(scratch, "victim");
		writeFileSync(victim, "precious", { mode: 0o644 });
		PLANTS[what](victim, join(world.dataDir, name));
		const dataDir = isLink ? join(scratch, `${what} ${name}`) : world.dataDir;
		if (isLink) symlinkSync(world.dataDir, dataDir);
		const before = ["timeout", "--signal=KILL", "10"];
		const { code, stdout, stderr } = await invoke(world, "ADD", before, {
			dataDir,
		});
		expect(code).toBe(0);
		expect(JSON.parse(stdout)).toEqual(CONF.prevResult);
		expect(stderr).not.toContain("cannot record");
		expect(readFileSync(victim, "utf8")).toBe("precious");
		expect(statSync(victim).mode & 0o777).toBe(0o644);
		const record = lstatSync(join(world.dataDir, RECORD));
		expect({ isFile: record.isFile(), mode: record.mode & 0o777 }).toEqual({
			isFile: true,
			mode: 0o600,
		});
		expect(recordsIn(world)).toEqual([RECORD]);
		expect((await invoke(world, "DEL", before, { dataDir })).code).toBe(0);
		expect(readFileSync(victim, "utf8")).toBe("precious");
		expect(recordsIn(world)).toEqual([]);
	},
);

test("a dataDir that is a link to nowhere is not made, and ADD succeeds", async () => {
	const dataDir = join(scratch, "dangling");
	const nowhere = join(scratch, "nowhere");
	symlinkSync(nowhere, dataDir);
	const { code, stderr } = await invoke(world, "ADD", [], { dataDir });
	expect(code).toBe(0);
	expect(stderr).toContain("cannot record the attachment");
	expect(existsSync(nowhere)).toBe(false);
});

test.each(["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"])(
	"%s asks for CNI's environment only",
	async (verb) => {
		const asked = new Set<string>();
		const host = fakeHost({
			env: callEnv(verb, "pod"),
			stdin: callConf("/run/x", { ...CONF, "cni.dev/valid-attachments": [] }),
		});
		const env = (name: string): string | undefined => {
			asked.add(name);
			return host.env(name);
		};
		await main({ ...host, env });
		expect(asked.has("CNI_COMMAND")).toBe(true);
		expect([...asked].filter((name) => !name.startsWith("CNI_"))).toEqual([]);
	},
);

test.each([
	["a new line", "\n"],
	["escape", "\u001b[31m"],
	["carriage return", "\r"],
	["delete", "\u007f"],
	["the C1 control that begins a sequence", "\u009b31m"],
	["line separator", "\u2028"],
	["override that turns the rest around", "\u202e"],
	["isolate that turns the rest around", "\u2067"],
])("no raw %s from a pod's name in the log", async (_, evil) => {
	const { stderr } = await run(world.ns.inside([EXECUTABLE]), {
		input: callConf(world.dataDir, CONF),
		env: {
			...callEnv("ADD", "pod"),
			CNI_ARGS: `K8S_POD_NAMESPACE=ns;K8S_POD_NAME=a${evil}b`,
		},
	});
	expect(stderr).toContain("pod=");
	expect(stderr.trimEnd()).not.toContain(evil);
	expect(stderr.trimEnd().split("\n").length).toBe(1);
});
