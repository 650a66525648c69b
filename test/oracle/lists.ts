// Conflists as they are found, in the shares in which they are found, and the odd forms
// that a reader of JSON and libcni may take differently.

import type { Random } from "../support/random.ts";
import { layout, Members, Raw, write } from "./document.ts";

/** The plugins that a node may have. */
export const PLUGINS = [
	...["flannel", "bridge", "calico", "ptp", "aws-cni", "azure-vnet"],
	...["portmap", "bandwidth", "firewall", "tuning", "cilium-cni", "istio-cni"],
	...["loopback", "multus", "multus-shim", "conntrack-flush"],
];
const MAIN = PLUGINS.slice(0, 6);
const AFTER = ["bandwidth", "firewall", "cilium-cni", "istio-cni"];
const NAMES = ["cbr0", "k8s-pod-network", "podnet", "aws-cni", "n.1_x-2"];

/** What a list was made with; the test counts the shares. */
export interface Made {
	readonly version: string | undefined;
	readonly portmap: "last" | "middle" | "none";
	readonly name: string;
	readonly text: string;
}

/** Makes a list. With `odd`, one or two things about it are unusual or wrong. */
export function makeList(r: Random, odd: boolean): Made {
	const version = versionOf(r);
	const name = r.pick(NAMES);
	const where = r.chance(0.1) ? "none" : r.chance(0.75) ? "last" : "middle";
	const main = where === "none" && r.chance(0.2) ? "cilium-cni" : r.pick(MAIN);
	const plugins: unknown[] = [plugin(r, main)];
	if (r.chance(0.2)) plugins.push(plugin(r, "tuning"));
	if (where !== "none") plugins.push(portmap(r));
	if (where === "middle") plugins.push(plugin(r, r.pick(AFTER)));
	if (where !== "none" && r.chance(0.04)) plugins.unshift(portmap(r));
	const list = new Members(["name", name]);
	if (version !== undefined) list.list.push(["cniVersion", version]);
	if (r.chance(0.2)) list.list.push(["disableCheck", r.chance(0.5)]);
	list.list.push(["plugins", plugins]);
	if (r.chance(0.3))
		r.shuffled(list.list).forEach((m, i) => {
			list.list[i] = m;
		});
	let text: ((whole: string) => string) | undefined;
	if (odd)
		for (let n = r.below(2); n >= 0; n--) {
			const made = r.pick(ODDITIES)(r, list, plugins);
			if (typeof made === "function") text = made as (whole: string) => string;
		}
	const whole = write(r, list, layout(r));
	const made = list.list.find(([key]) => key === "name")?.[1];
	return {
		...{ version, portmap: where },
		name: typeof made === "string" ? made : name,
		text: text ? text(whole) : whole,
	};
}

/** Makes the plugin item of portmap; most declare the capability. */
export function portmap(r: Random): Members {
	const capabilities: unknown = r.chance(0.9)
		? { portMappings: true }
		: r.pick([
				{ portMappings: false },
				{ portMappings: null },
				{},
				null,
				{ PortMappings: true },
			]);
	const item = new Members(["type", "portmap"], ["capabilities", capabilities]);
	if (r.chance(0.3)) item.list.push(["snat", true]);
	if (r.chance(0.2)) item.list.reverse();
	return item;
}

/** Makes a single plugin's configuration. */
export function single(r: Random): string {
	const item = new Members(
		["cniVersion", "0.3.1"],
		["name", "single"],
		["type", r.pick(PLUGINS.slice(0, 6))],
	);
	if (r.chance(0.2)) item.list.push(["ipam", r.pick<unknown>([{}, "x"])]);
	return write(r, item, layout(r));
}

function versionOf(r: Random): string | undefined {
	if (r.chance(0.6)) return r.chance(0.7) ? "0.3.1" : "0.3.0";
	return r.pick(["0.4.0", "1.0.0", "1.0.0", "1.1.0", undefined]);
}

function plugin(r: Random, type: string): Members {
	const item = new Members(["type", type]);
	if (r.chance(0.3))
		item.list.push([
			"delegate",
			{
				hairpinMode: true,
				isDefaultGateway: true,
				ipam: { type: "host-local", ranges: [[{ subnet: "10.0.0.0/8" }]] },
			},
		]);
	if (r.chance(0.3)) item.list.push(["ipam", { type: "host-local" }]);
	if (r.chance(0.1)) item.list.push(["note", `]},{"type":"portmap"} \\ "}`]);
	if (r.chance(0.1))
		item.list.push(["plugins", [{ type: "conntrack-flush-2" }]]);
	return item;
}

/** Changes the list or its plugins, or returns what is to be done to the text. */
type Oddity = (r: Random, list: Members, plugins: unknown[]) => unknown;

const set = (list: Members, key: string, value: unknown): void => {
	const at = list.list.findIndex(([k]) => k === key);
	if (at < 0) list.list.push([key, value]);
	else list.list[at] = [key, value];
};
const drop = (list: Members, key: string): void => {
	const at = list.list.findIndex(([k]) => k === key);
	if (at >= 0) list.list.splice(at, 1);
};
const anyItem = (r: Random, plugins: unknown[]): Members => {
	const items = plugins.filter((p) => p instanceof Members);
	return items.length > 0 ? r.pick(items) : new Members();
};
/** An odd member of the list. */
const member =
	(key: string, ...values: unknown[]): Oddity =>
	(r, list) =>
		set(list, key, r.pick(values));
/** An odd member of a plugin item. */
const inItem =
	(key: string, ...values: unknown[]): Oddity =>
	(r, _, plugins) =>
		void anyItem(r, plugins).list.push([key, r.pick(values)]);
const rename =
	(from: string, ...to: string[]): Oddity =>
	(r, list, plugins) => {
		const items = [list, ...plugins].filter((p) => p instanceof Members);
		for (const { list: members } of items)
			members.forEach(([key, value], i) => {
				if (key === from && r.chance(0.7)) members[i] = [r.pick(to), value];
			});
	};
const LONG = "x".repeat(764_000);

/** Unusual and wrong things about a list. */
const ODDITIES: readonly Oddity[] = [
	member("cniVersion", 1.0, null, new Raw("0.4"), "9.9.9", "0.3.2", "", "x"),
	member(
		"cniVersions",
		"1.0.0",
		null,
		{},
		["1.0.0", "0.4.0"],
		["2.0.0"],
		[1],
		["x"],
		["1.0.0.0"],
		["1.1"],
		[],
		["1.1.0", "1.2.0"],
	),
	member("disableCheck", "yes", "true", "FALSE", 1, null),
	member("disableGC", "no", "True", 0, true),
	member("loadOnlyInlinedPlugins", true, "TRUE", "no", false, null),
	member("name", 7, null, "", "../x", "-x", "a/b", "a b", LONG),
	member("plugins", null, {}, [], [null], ["portmap"], [[]], [{}], "portmap"),
	member("ipam", "host-local", { type: 1 }),
	member(
		"mtu",
		new Raw("1E400"),
		new Raw("-1e999"),
		new Raw("1e-400"),
		new Raw("12345678901234567890"),
	),
	member("note", LONG, `"conntrack-flush"`, "\u2028 \ud83d\ude00"),
	(_, list) => drop(list, "name"),
	(_, list) => drop(list, "plugins"),
	inItem(
		"capabilities",
		"portMappings",
		["portMappings"],
		{ portMappings: "yes" },
		{ bandwidth: 1 },
		{ portMappings: true },
	),
	inItem("Capabilities", { bandwidth: true }, { portMappings: 1 }, null),
	inItem("capabilitie\u017f", { portMappings: true }, { x: "y" }),
	inItem("ipam", "host-local", [], { type: 1 }, { TYPE: [] }, null, {}),
	inItem(
		"dns",
		"10.0.0.1",
		[],
		{ nameservers: "10.0.0.1" },
		{ nameservers: [1] },
		{ Search: [null, "a"] },
		{ domain: 1 },
		null,
	),
	inItem("name", 1, "x", null),
	inItem("cniVersion", 1, "0.4.0", null),
	inItem("prevResult", "x", {}, [], null),
	inItem(
		"cni.dev/valid-attachments",
		[],
		{},
		[{ containerID: 1 }],
		[null],
		[{ IfName: "eth0" }],
	),
	inItem("mtu", new Raw("1E400")),
	inItem("type", 1, null, "", "portmap", "conntrack-flush-2", "a/b"),
	inItem("TYPE", "bridge", 1, null),
	rename("type", "Type", "TYPE", "typE"),
	rename("capabilities", "Capabilities"),
	rename("plugins", "Plugins"),
	rename("name", "Name"),
	(r, _, plugins) =>
		void plugins.splice(
			r.below(plugins.length + 1),
			0,
			r.pick<unknown>([null, 1, "x", {}, [], { type: null }]),
		),
	(r, list) =>
		list.list.unshift(["plugins", r.pick<unknown>([[], 1, [{ type: "ptp" }]])]),
	(r, list) =>
		list.list.push(["plugins", r.pick<unknown>([[{ type: "ptp" }], [], 1])]),
	(_, __, plugins) => {
		for (let i = 0; i < 500; i++)
			plugins.splice(1, 0, { type: "tuning", sysctl: { "net.x": String(i) } });
	},
	(r, _, plugins) => {
		const levels = r.pick([100, 1_000, 9_990, 10_010]);
		plugins.push(
			new Members(
				["type", "tuning"],
				["deep", new Raw("[".repeat(levels) + "]".repeat(levels))],
			),
		);
	},
	(r) => (text: string) => text.slice(0, r.below(text.length)),
	() => (text: string) => `\uFEFF${text}`,
	() => (text: string) => `// made by hand\n${text}`,
	() => (text: string) => `${text} {}`,
	() => (text: string) => `[${text}]`,
	() => (text: string) => text.replace(/\}(\s*)\]/, "},$1]"),
	() => (text: string) => text.replace(/"/, "'"),
	() => () => "null",
	() => () => "",
];
