// The check of the network's configuration: does it list the plugin, and at a place
// where the plugin can work? It finds and reads the configuration as the installer
// does, and changes nothing.

import { DATA_DIR } from "../defaults.ts";
import type { FullHost } from "../host.ts";
import { findCalled, hasCapability, type Reader } from "../install/choice.ts";
import type { Item } from "../install/conflist.ts";
import { isOurs, lastPortmap, verbsOf } from "../install/edit.ts";
import { remarksOn } from "../install/notes.ts";
import { namesIn, type RuntimePlaces } from "../install/paths.ts";
import { Refusal } from "../install/refusal.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const CHECK = "conflist";
const ITEM =
	'{ "type": "conntrack-flush", "capabilities": { "portMappings": true } }';
/** The values of "on" that the plugin accepts. */
const ON: readonly unknown[] = ["both", "add", "del"];

/** One of our plugin items: its place in the chain, and the verbs on which it acts. */
interface PluginItem extends Item {
	/** Counted from 1, as people count. */
	readonly nth: number;
	readonly on: unknown;
}

/** Checks the configuration of the node's network, and the drop-ins that libcni appends to it. */
export function checkConflist(
	host: FullHost,
	place: RuntimePlaces,
	reader: Reader,
): Finding[] {
	const { confDir } = place;
	try {
		const found = findCalled(host, place, reader);
		if (!found)
			return [
				fail(
					CHECK,
					namesIn(host, confDir)
						? `${confDir} has no configuration`
						: `there is no directory ${confDir}`,
					"install the network's plugin, or say where the runtime looks: --cni-conf-dir; on a host without CNI, such as one of Docker: --without cni",
				),
			];
		const { path, list, dropIns, multus, passedOver } = found;
		const plugins = [...list.plugins, ...dropIns.values()];
		const where =
			multus && path === multus.path ? `the delegate in ${path}` : path;
		const remarks = remarksOn(found, reader.isCrio);
		const findings = [
			...passedOver.map((why) =>
				warn(CHECK, `CRI-O passes over ${why}`, "repair it or take it away"),
			),
			...remarks.map(({ found, advice, isCertain }) =>
				(isCertain ? fail : warn)(CHECK, found, advice),
			),
			...judgeChain(where, plugins),
		];
		return remarks.length > 0
			? findings.filter(({ status }) => status !== "ok")
			: findings;
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

function judgeChain(path: string, plugins: readonly Item[]): Finding[] {
	const portmap = lastPortmap(plugins) + 1;
	const ours: PluginItem[] = plugins
		.map((plugin, i) => ({ ...plugin, nth: i + 1, on: verbsOf(plugin.keys) }))
		.filter(isOurs);
	if (ours.length === 0)
		return [
			fail(
				CHECK,
				`${path} does not list the plugin`,
				`append to "plugins": ${ITEM}`,
			),
		];
	const findings = [
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

/** Judges one plugin item by itself. `portmap` is the place of the last portmap; 0 if there is none. */
function judgeItem(path: string, item: PluginItem, portmap: number): Finding[] {
	const { keys, nth, on } = item;
	const name = `plugin item ${nth} of ${path}`;
	const findings: Finding[] = [];
	if (!ON.includes(on))
		return [
			fail(
				CHECK,
				`${name} has "on": ${JSON.stringify(on)}, which every call refuses, and so no pod starts`,
				'make it "add", "del" or "both"',
			),
		];
	if (!hasCapability(item) && keys.scope !== "pod")
		findings.push(
			fail(
				CHECK,
				`${name} does not declare the capability, so no mapping reaches it`,
				'add to it: "capabilities": { "portMappings": true }',
			),
		);
	if (on !== "del" && nth < portmap)
		findings.push(
			fail(
				CHECK,
				`${name} acts on ADD, but stands before portmap, whose rules are not there yet then`,
				"move it after portmap",
			),
		);
	if (on === "del" && portmap > 0 && nth > portmap)
		findings.push(
			fail(
				CHECK,
				`${name} acts on DEL only, but stands after portmap, whose rules are still there then`,
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
