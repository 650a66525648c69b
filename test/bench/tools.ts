// The programs that must be built or installed: the C programs, the plugin, the peers.

import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join, relative, resolve } from "node:path";
import { must, run } from "../support/exec.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const OUT = join(ROOT, "build/out/bench");
const FLOOR = join(import.meta.dirname, "floor");
/** The newest. */
export const PORTMAP_VERSION = "1.9.1";
const PORTMAP = `github.com/containernetworking/plugins/plugins/meta/portmap@v${PORTMAP_VERSION}`;

export interface Tools {
	readonly out: string;
	readonly nothing: string;
	readonly dump: string;
	readonly flush: string;
	readonly fill: string;
	readonly run: string;
	readonly plugin: string;
	/** Undefined: not there, and `missing` says why. */
	readonly portmapDistro: string | undefined;
	readonly portmapNew: string | undefined;
	readonly conntrack: string | undefined;
	readonly strace: string | undefined;
	readonly missing: readonly string[];
}

export function which(name: string): string | undefined {
	const path = `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
	return path
		.split(delimiter)
		.map((dir) => join(dir, name))
		.find((file) => existsSync(file));
}

export async function floors(): Promise<
	Pick<Tools, "out" | "nothing" | "dump" | "flush" | "fill" | "run">
> {
	mkdirSync(OUT, { recursive: true });
	const compile = async (name: string, ...more: string[]): Promise<string> => {
		const to = join(OUT, name);
		const sources = [`${name}.c`, ...more].map((file) => join(FLOOR, file));
		await must([
			"cc",
			"-O2",
			"-static",
			"-Wall",
			"-Wextra",
			"-pthread",
			"-o",
			to,
			...sources,
		]);
		return to;
	};
	return {
		out: OUT,
		nothing: await compile("nothing"),
		dump: await compile("dump"),
		flush: await compile("flush"),
		fill: await compile("fill"),
		run: await compile("run", "stall.c"),
	};
}

/** The newest portmap, built once; its version is in the file's name. */
async function portmapNew(missing: string[]): Promise<string | undefined> {
	const version = `v${PORTMAP_VERSION}`;
	const file = join(OUT, `portmap-${version}`);
	if (existsSync(file)) return file;
	if (which("go") === undefined) {
		missing.push(
			`portmap ${version}: NOT MEASURED, go is not installed (apt-get install golang-go)`,
		);
		return undefined;
	}
	const dir = join(OUT, "portmap");
	mkdirSync(dir, { recursive: true });
	writeFileSync(join(dir, "go.mod"), "module bench\n\ngo 1.24\n");
	const env = {
		...process.env,
		GOFLAGS: "-mod=mod",
		GOBIN: dir,
		CGO_ENABLED: "0",
	};
	const built = await run(["go", "install", PORTMAP], {
		env,
		cwd: dir,
		timeoutMs: 0,
	});
	if (built.code !== 0) {
		missing.push(
			`portmap ${version}: NOT MEASURED, go install failed: ${built.stderr.trim()}`,
		);
		return undefined;
	}
	await must(["mv", join(dir, "portmap"), file]);
	return file;
}

/** Says what to do before anything can be measured. */
export class Unprepared extends Error {}

/** Throws Unprepared if something is missing without which nothing can be measured. */
function demand(plugin: string): void {
	const missing = [
		...["cc", "ip"]
			.filter((name) => which(name) === undefined)
			.map((name) => `${name} is not installed`),
		...[plugin, join(ROOT, "build/gen/conf.validate.js")]
			.filter((file) => !existsSync(file))
			.map((file) => `${relative(ROOT, file)} is not built (make build)`),
	];
	if (missing.length > 0) throw new Unprepared(missing.join("\n"));
}

export async function tools(plugin: string, peers: boolean): Promise<Tools> {
	demand(resolve(ROOT, plugin));
	const missing: string[] = [];
	const present = (
		file: string | undefined,
		why: string,
	): string | undefined => {
		if (file !== undefined && existsSync(file)) return file;
		missing.push(why);
		return undefined;
	};
	const built = await floors();
	const none = {
		portmapDistro: undefined,
		portmapNew: undefined,
		conntrack: undefined,
	};
	const others = peers
		? {
				portmapDistro: present(
					"/usr/lib/cni/portmap",
					"portmap of the distribution: NOT MEASURED (apt-get install containernetworking-plugins)",
				),
				portmapNew: await portmapNew(missing),
				conntrack: present(
					which("conntrack"),
					"conntrack: NOT MEASURED (apt-get install conntrack)",
				),
			}
		: none;
	return {
		...built,
		...others,
		plugin: resolve(ROOT, plugin),
		strace: present(
			which("strace"),
			"bytes from netlink: NOT MEASURED (apt-get install strace)",
		),
		missing,
	};
}

export function sizeOf(file: string): number {
	return statSync(file).size;
}

/** Returns the versions by the names that the results use. */
export async function versions(kit: Tools): Promise<Record<string, string>> {
	const said = async (
		argv: readonly string[],
		version: RegExp,
	): Promise<string> => {
		const { stdout, stderr } = await run(argv, { env: {} });
		return version.exec(stdout + stderr)?.[1] ?? "unknown";
	};
	const found: Record<string, string> = {
		ours: await said([kit.plugin, "--version"], /(\S.*)/),
	};
	if (kit.portmapNew !== undefined)
		found[`portmap ${PORTMAP_VERSION}`] = PORTMAP_VERSION;
	if (kit.portmapDistro !== undefined) {
		const own = await said([kit.portmapDistro], /version v?(\d\S*)/);
		found["portmap (Debian)"] =
			own !== "unknown" || which("dpkg-query") === undefined
				? own
				: await said(
						["dpkg-query", "-s", "containernetworking-plugins"],
						/^Version: ([\d.]+)/m,
					);
	}
	if (kit.conntrack !== undefined)
		found["conntrack -D"] = await said([kit.conntrack, "--version"], /v(\S+)/);
	return found;
}
