// The check of the network's configuration: does it list the plugin, and at a place
// where the plugin can work? It finds and reads the configuration as the installer
// does, and changes nothing.

import { DATA_DIR } from "../defaults.ts";
import type { FullHost } from "../host.ts";
import { type Conflist, parseConflist } from "../install/conflist.ts";
import { isOurs, type Keys, lastPortmap, verbsOf } from "../install/edit.ts";
import { parentOf } from "../install/files.ts";
import { namesIn, textOf } from "../install/paths.ts";
import { dropInOf, findPrimary, keysOf } from "../install/plan.ts";
import { Refusal } from "../install/refusal.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const CHECK = "conflist";
const ITEM =
	'{ "type": "conntrack-flush", "capabilities": { "portMappings": true } }';
/** The values of "on" that the plugin accepts. */
const ON: readonly unknown[] = ["both", "add", "del"];

/** One of our plugin items: its place in the chain, and the verbs on which it acts. */
interface PluginItem {
	readonly keys: Keys;
	/** Counted from 1, as people count. */
	readonly nth: number;
	readonly on: unknown;
}

/** Checks the configuration of the node's network, and the drop-ins that libcni appends to it. */
export function checkConflist(
	host: FullHost,
	confDir: string,
	confName: string | undefined,
): Finding[] {
	try {
		const names = namesIn(host, confDir);
		const found = names && findPrimary(host, confDir, names, confName);
		if (!found)
			return [
				fail(
					CHECK,
					names
						? `${confDir} has no configuration`
						: `there is no directory ${confDir}`,
					"install the network's plugin, or say where the runtime looks: --cni-conf-dir",
				),
			];
		const { path, text, behindMultus } = found;
		const list = parseConflist(path, text);
		const inlined = list.plugins.map(({ keys }) => keys);
		// Multus loads the list by itself
		const readsDropIns = !list.onlyInlined && !behindMultus;
		const dropIns = readsDropIns ? readDropIns(host, confDir, list) : [];
		return judgeChain(path, [...inlined, ...dropIns]);
	} catch (e) {
		if (e instanceof Refusal) return [findingOf(e)];
		throw e;
	}
}

/** Returns the installer's refusal as a finding: what it would refuse is wrong here too. */
export function findingOf(e: Refusal): Finding {
	const [found = "", advice = ""] = e.message.split("\n");
	return fail(CHECK, found, advice);
}

/** Reads every .conf in the network's own directory. libcni 1.3 and later append those to the chain. */
function readDropIns(host: FullHost, confDir: string, list: Conflist): Keys[] {
	const dir = parentOf(dropInOf(confDir, list));
	return (namesIn(host, dir) ?? [])
		.filter((name) => name.endsWith(".conf"))
		.sort()
		.map((name) => keysOf(textOf(host, `${dir}/${name}`) ?? ""));
}

function judgeChain(path: string, plugins: readonly Keys[]): Finding[] {
	const typed = plugins.map((keys) => ({ keys, type: String(keys.type) }));
	const portmap = lastPortmap(typed) + 1;
	const portmaps = typed.filter(({ type }) => type === "portmap");
	const ours: PluginItem[] = typed
		.map((p, i) => ({
			...p,
			nth: i + 1,
			on: verbsOf(p.keys),
		}))
		.filter(isOurs);
	const deaf =
		portmap > 0 && !portmaps.some(({ keys }) => hasCapability(keys))
			? [
					fail(
						CHECK,
						`portmap, plugin ${portmap} of ${path}, does not declare the capability, so it makes no rule for a hostPort`,
						'add to it: "capabilities": { "portMappings": true }',
					),
				]
			: [];
	if (ours.length === 0)
		return [
			...deaf,
			fail(
				CHECK,
				`${path} does not list the plugin`,
				`append to "plugins": ${ITEM}`,
			),
		];
	const findings = [
		...deaf,
		...ours.flatMap((item) => judgeItem(path, item, portmap)),
		...judgeItems(path, ours, portmap),
	];
	if (findings.length > 0) return findings;
	const place =
		portmap === 0
			? ""
			: ours.length > 1
				? ", split around portmap"
				: ", after portmap";
	return [ok(CHECK, `${path} lists the plugin${place}`)];
}

/** Returns true if libcni gives the plugin the port mappings of a pod. */
function hasCapability({ capabilities }: Keys): boolean {
	const { portMappings } = (capabilities ?? {}) as {
		readonly portMappings?: unknown;
	};
	return portMappings === true;
}

/** Judges one plugin item by itself. `portmap` is the place of the last portmap; 0 if there is none. */
function judgeItem(
	path: string,
	{ keys, nth, on }: PluginItem,
	portmap: number,
): Finding[] {
	const item = `plugin item ${nth} of ${path}`;
	const findings: Finding[] = [];
	if (!ON.includes(on))
		return [
			fail(
				CHECK,
				`${item} has "on": ${JSON.stringify(on)}, which every call refuses, and so no pod starts`,
				'make it "add", "del" or "both"',
			),
		];
	if (!hasCapability(keys) && keys.scope !== "pod")
		findings.push(
			fail(
				CHECK,
				`${item} does not declare the capability, so no mapping reaches it`,
				'add to it: "capabilities": { "portMappings": true }',
			),
		);
	if (on !== "del" && nth < portmap)
		findings.push(
			fail(
				CHECK,
				`${item} acts on ADD, but stands before portmap, whose rules are not there yet then`,
				"move it after portmap",
			),
		);
	if (on === "del" && portmap > 0 && nth > portmap)
		findings.push(
			fail(
				CHECK,
				`${item} acts on DEL only, but stands after portmap, whose rules are still there then`,
				'move it before portmap, or make it "on": "both"',
			),
		);
	return findings;
}

/** Judges our plugin items as a whole. */
function judgeItems(
	path: string,
	ours: readonly PluginItem[],
	portmap: number,
): Finding[] {
	const findings: Finding[] = [];
	if (portmap === 0 && ours.every(({ keys }) => keys.scope !== "pod"))
		findings.push(
			warn(
				CHECK,
				`${path} does not list portmap`,
				'if the runtime sets up hostPorts itself, as CRI-O does, give the plugin item "scope": "pod"; if nothing does, there is nothing to flush',
			),
		);
	if (!ours.every(({ on }) => ON.includes(on))) return findings;
	for (const verb of ["add", "del"]) {
		const acting = ours.filter(({ on }) => on === "both" || on === verb);
		const places = acting.map(({ nth }) => nth).join(" and ");
		if (acting.length === 0)
			findings.push(
				warn(
					CHECK,
					`${path} has no plugin item that acts on ${verb.toUpperCase()}`,
					verb === "add"
						? 'append to "plugins" a plugin item with "on": "add"'
						: 'put a plugin item with "on": "del" before portmap',
				),
			);
		if (acting.length > 1)
			findings.push(
				warn(
					CHECK,
					`plugin items ${places} of ${path} all act on ${verb.toUpperCase()}, each with a look at the table`,
					'keep one (single), or make them "on": "del" before portmap and "on": "add" after it (split)',
				),
			);
	}
	const dirs = new Set(ours.map(({ keys }) => keys.dataDir ?? DATA_DIR));
	if (dirs.size > 1)
		findings.push(
			fail(
				CHECK,
				`the plugin items of ${path} record attachments in different directories: ${[...dirs].join(", ")}`,
				'give them the same "dataDir", or none',
			),
		);
	return findings;
}
