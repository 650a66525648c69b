// The executable needs little, and must not do more: one capability, no process,
// no program, no environment but CNI's, no links followed, no raw control
// characters in the log.

import {
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
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
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../plugin/main.ts";
import { ended, mustSync, run, start } from "../support/exec.ts";
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

const GONE = { "cni.dev/valid-attachments": [] };

test.each<[string, Readonly<Record<string, unknown>>]>([
	["ADD", {}],
	["CHECK", {}],
	["STATUS", {}],
	["DEL", {}],
	["GC", GONE],
])(
	"%s without any capability succeeds, and the log says why it did nothing",
	async (verb, conf) => {
		if (verb === "GC") await invoke(world, "ADD");
		const ran = await invoke(world, verb, only(""), conf);
		expect([ran.code, ran.stdout === ""]).toEqual([0, verb !== "ADD"]);
		expect(ran.stderr).toMatch(
			new RegExp(`^level=warn msg=.* event=${verb} .*EPERM`),
		);
	},
);

test.each([
	["STATUS", "strictStatus", 50],
	["CHECK", "strictCheck", 5],
])(
	"%s without any capability fails if %s asks for it",
	async (verb, key, code) => {
		const conf = { [key]: true };
		const ran = await invoke(world, verb, only(""), conf);
		expect(ran.code).toBe(1);
		expect(JSON.parse(ran.stdout)).toMatchObject({ code });
		const able = await invoke(world, verb, only(",+net_admin"), conf);
		// the table holds stale entries, which CHECK then finds
		expect(able.stdout).toMatch(verb === "STATUS" ? /^$/ : /"code":100/);
	},
);

test("STATUS says once that the capability is missing, and once that it is back", async () => {
	const said: string[] = [];
	for (const caps of ["", "", ",+net_admin", ",+net_admin", ""]) {
		const { code, stderr } = await invoke(world, "STATUS", only(caps));
		expect(code).toBe(0);
		said.push(stderr.match(/msg="(.*?)"/)?.[1] ?? "");
	}
	const missing = "cannot use conntrack over netlink";
	expect(said).toEqual([
		...[missing, "", "conntrack can be used again", ""],
		missing,
	]);
});

test("an agent without CAP_NET_ADMIN installs the plugin, lives, and is not ready", async () => {
	const dir = mkdtempSync(join(scratch, "agent-"));
	for (const path of ["etc/cni/net.d", "opt/cni/bin"])
		mkdirSync(join(dir, path), { recursive: true });
	const plugins = [{ type: "bridge" }, { type: "portmap" }];
	for (const { type } of plugins)
		writeFileSync(join(dir, "opt/cni/bin", type), "", { mode: 0o755 });
	const list = join(dir, "etc/cni/net.d/10.conflist");
	writeFileSync(
		list,
		JSON.stringify({ name: "net", cniVersion: "1.0.0", plugins }),
	);
	const textfile = join(dir, "agent.prom");
	const agent = start(
		world.ns.inside([
			// it may still write where root is not the owner
			...only(",+dac_override"),
			...[EXECUTABLE, "install", "--watch", "--host-root", dir],
			...["--textfile", textfile, "--metrics-address", "127.0.0.1:9470"],
		]),
		{ stdio: "ignore" },
	);
	const end = ended(agent);
	try {
		await vi.waitUntil(() => existsSync(textfile), { timeout: 20_000 });
		expect(readFileSync(textfile, "utf8")).toMatch(
			/_configured 1\n(.*\n)*.*_ctnetlink_available 0\n/,
		);
		expect(readFileSync(list, "utf8")).toContain("conntrack-flush");
		const page = await fetched(world, "/readyz");
		expect(page).toMatch(/^503 (.*\n)*\[-\] conntrack over netlink\n.*EPERM/);
		expect(await fetched(world, "/healthz")).toBe("200 ok");
	} finally {
		agent.kill("SIGTERM");
	}
	expect((await end).code).toBe(0);
});

/** Returns the status and the text of a page that is served in the world. */
async function fetched({ ns }: World, path: string): Promise<string> {
	const script = `fetch("http://127.0.0.1:9470${path}").then(async (r) => console.log(r.status, await r.text()))`;
	const { stdout } = await run(ns.inside([process.execPath, "-e", script]));
	return stdout.trim();
}

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
