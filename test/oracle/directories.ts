// Directories of configurations as nodes have them, on a disk of our own: lists, single
// plugins, drop-ins, links, junk, and Multus in all its forms.

import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Random } from "../support/random.ts";
import { layout, Members, Raw, write } from "./document.ts";
import { type Made, makeList, PLUGINS, portmap, single } from "./lists.ts";
import { type List, makeMultus, type Put } from "./multus.ts";

export interface Directory {
	readonly confDir: string;
	readonly binDir: string;
	readonly runtime: "containerd" | "cri-o";
	/** CRI-O's cni_default_network; "" for none. */
	readonly defaultNetwork: string;
	/** The lists that were made for it. */
	readonly made: readonly Made[];
}

/** Answers VERSION, as every plugin does; it is called for nothing else. */
const STUB = `#!/bin/sh
echo '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}'
`;

/** The large files, which make a run slow: one directory of so many has one. */
const LARGE_ONE_OF = 150;

/** Makes the directory number `n` below `root`. */
export function makeDirectory(r: Random, root: string, n: number): Directory {
	const confDir = join(root, "net.d");
	const binDir = join(root, "bin");
	const made: Made[] = [];
	mkdirSync(confDir, { recursive: true });
	mkdirSync(binDir);
	const put = (name: string, text: string | Buffer): void => {
		const path = join(confDir, name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, text, { mode: r.pick([0o644, 0o600]) });
	};
	const list = (odd: boolean): Made => {
		const one = makeList(r, odd);
		made.push(one);
		return one;
	};
	const runtime = r.chance(0.4) ? "cri-o" : "containerd";
	makePlugins(r, binDir, runtime === "cri-o" && r.chance(0.4));
	if (n % LARGE_ONE_OF === 1)
		put(
			n % (2 * LARGE_ONE_OF) === 1 ? "01-large.conf" : "99-large.conf",
			large(),
		);
	else if (r.chance(0.15)) makeMultus(r, root, put, list);
	const files = 1 + r.below(3);
	for (let i = 0; i < files; i++)
		makeFile(r, confDir, `${10 * (i + 1)}-net`, put, list);
	const defaultNetwork =
		runtime === "cri-o" && r.chance(0.15)
			? (made.at(r.below(2) - 1)?.name ?? "")
			: "";
	return {
		confDir,
		binDir,
		runtime,
		made,
		defaultNetwork: defaultNetwork.length > 99 ? "" : defaultNetwork,
	};
}

function makeFile(
	r: Random,
	confDir: string,
	name: string,
	put: Put,
	list: List,
): void {
	const kind = r.below(20);
	if (kind < 12) {
		const one = list(r.chance(0.45));
		put(`${name}.conflist`, one.text);
		if (r.chance(0.25) && /^[\w.-]{1,99}$/.test(one.name))
			makeDropIns(r, confDir, one.name, put);
	} else if (kind === 12) put(`${name}.conf`, list(false).text);
	else if (kind === 13) put(`${name}.conf`, single(r));
	else if (kind === 14) put(`${name}.json`, single(r));
	else if (kind === 15) put(`${name}.conflist.bak`, list(false).text);
	else if (kind === 16)
		symlinkSync(
			r.pick(["nowhere", "loop.conflist", "."]),
			join(confDir, `${name}.conflist`),
		);
	else if (kind === 17) put(`${name}.conflist/x`, "");
	else if (kind === 18) {
		const one = list(false);
		put(`../kept/${name}.conflist`, one.text);
		symlinkSync(`../kept/${name}.conflist`, join(confDir, `${name}.conflist`));
	} else put(`${name}.conflist`, junk(r, list));
	if (r.chance(0.05)) {
		// a list whose plugins are all drop-ins
		const only = `only-${name}`;
		put(
			`${name}-only.conflist`,
			write(r, { cniVersion: "1.0.0", name: only }, layout(r)),
		);
		put(`${only}/10-bridge.conf`, write(r, { type: "bridge" }, layout(r)));
		if (r.chance(0.8))
			put(`${only}/20-portmap.conf`, write(r, portmap(r), layout(r)));
	}
}

function makeDropIns(
	r: Random,
	confDir: string,
	network: string,
	put: Put,
): void {
	// another list of this name has some already
	if (existsSync(join(confDir, network))) return;
	if (r.chance(0.05)) {
		put(network, "a file");
		return;
	}
	if (r.chance(0.05)) symlinkSync("nowhere", join(confDir, `${network}-x`));
	const item = (document: unknown): string => write(r, document, layout(r));
	const some: [string, string][] = [
		["20-tuning.conf", item({ type: "tuning" })],
		["50-portmap.conf", item(portmap(r))],
		["95-portmap.conf", item(portmap(r))],
		[
			"30-cap.conf",
			item(
				new Members(
					["Type", "firewall"],
					["capabilities", { a: true }],
					["capabilities", { portMappings: true }],
				),
			),
		],
		[
			"40-bad.conf",
			r.pick([
				item({ typ: "tuning" }),
				"{",
				item({ type: "tuning", dns: 1 }),
				item({ type: 1 }),
			]),
		],
		["60-number.conf", item({ type: "tuning", mtu: new Raw("1E400") })],
		["README", "text"],
		["70.conf/x", ""],
	];
	const weights = [6, 5, 1, 2, 1, 1, 2, 1];
	some.forEach(([name, text], i) => {
		if (r.below(12) < (weights[i] ?? 0)) put(`${network}/${name}`, text);
	});
}

function junk(r: Random, list: List): Buffer {
	const text = list(false).text;
	return r.pick([
		() =>
			Buffer.from(`{"name":"junk","plugins":"${"\\u0041".repeat(130_000)}"}`),
		() => Buffer.from(`{"name":"junk","x":"${"y".repeat(764_000)}`),
		() => Buffer.from(" ".repeat(764_000) + text),
		() =>
			Buffer.concat([
				Buffer.from(text.trimEnd().slice(0, -1)),
				Buffer.from(',"x":"'),
				Buffer.from([0xff, 0xfe]),
				Buffer.from('"}'),
			]),
		() => Buffer.from(r.bytes(300)),
		() => Buffer.from('{"a":'.repeat(20_000)),
	])();
}

function large(): string {
	return `{"name":"large","type":"bridge","x":"${"z".repeat(20 << 20)}"}`;
}

function makePlugins(r: Random, binDir: string, gaps: boolean): void {
	const stub = join(binDir, ".stub");
	writeFileSync(stub, STUB);
	chmodSync(stub, 0o755);
	for (const name of PLUGINS) {
		const path = join(binDir, name);
		const kind = gaps && name !== "conntrack-flush" ? r.below(16) : 9;
		if (kind === 0) continue;
		if (kind === 1) mkdirSync(path);
		else if (kind === 2) writeFileSync(path, STUB, { mode: 0o644 });
		else if (kind === 3) symlinkSync("nowhere", path);
		else symlinkSync(".stub", path);
	}
}

/** Returns everything below a directory as text: paths, links and contents. */
export function snapshot(dir: string): string[] {
	return readdirSync(dir, { recursive: true, withFileTypes: true })
		.map((entry) => {
			const path = join(entry.parentPath, entry.name);
			if (entry.isDirectory()) return `${path}/`;
			if (entry.isSymbolicLink()) return `${path} -> ${readlinkSync(path)}`;
			return `${path} ${readFileSync(path).toString("latin1")}`;
		})
		.sort();
}
