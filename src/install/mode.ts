// The way into the chain: plugin items in the conflist, or a drop-in that libcni 1.3
// appends to it. It decides only: the state of the node is given, and plan.ts makes
// the changes of it.

import { own } from "../lookup.ts";
import { isPortmap, type Multus } from "./choice.ts";
import { type Conflist, type Item, isRenamed } from "./conflist.ts";
import { isOurs } from "./edit.ts";
import { DROP_IN } from "./network.ts";
import { Refusal } from "./refusal.ts";

export type Mode = "edit" | "dropin";

/** The container runtime, as somebody has named it. */
export interface Runtime {
	readonly name: string;
	readonly major: number;
	readonly minor: number;
}

/** The first versions whose libcni, 1.3, reads drop-ins. */
const WITH_DROP_INS: Readonly<Record<string, readonly [number, number]>> = {
	containerd: [2, 1],
	"cri-o": [1, 33],
};

/** Parses `containerd://2.1.0`, which a node's status has. Returns undefined if the text has another form. */
export function parseRuntime(text: string): Runtime | undefined {
	const found = /^([a-z-]+):\/\/v?(\d+)\.(\d+)/.exec(text);
	if (!found) return undefined;
	const [, name = "", major, minor] = found;
	return { name, major: Number(major), minor: Number(minor) };
}

/** Returns true if the runtime's libcni reads drop-ins. */
export function readsDropIns({ name, major, minor }: Runtime): boolean {
	const first = own(WITH_DROP_INS, name);
	if (!first) return false;
	return major > first[0] || (major === first[0] && minor >= first[1]);
}

/** The state of a node that the choice depends on. */
export interface ConfDir {
	/** The names in the directory of configurations. */
	readonly names: readonly string[];
	/** The list that is called. */
	readonly list: Conflist;
	/** Its drop-ins, by their names. */
	readonly dropIns: ReadonlyMap<string, Item>;
	readonly hasDropIn: boolean;
	/** The way in which a Multus calls the list; undefined if the runtime does. */
	readonly multus: Pick<Multus, "readsDropIns"> | undefined;
	/** A drop-in would make CRI-O take another list of this name. */
	readonly hasEmptyNamesake: boolean;
}

/** Returns the mode and, in a few words, the reason. Throws Refusal if our change would not last or would not be loaded. */
export function chooseMode(
	asked: Mode | "auto",
	runtime: Runtime | undefined,
	found: ConfDir,
): { readonly mode: Mode; readonly why: string } {
	refuseCilium(found);
	const { list, hasDropIn, multus } = found;
	// these lists only work where drop-ins are read
	const must = onlyDropIn(found);
	const no = list.onlyInlined
		? "the conflist says loadOnlyInlinedPlugins"
		: multus && !(must && multus.readsDropIns)
			? "Multus loads the conflist by itself"
			: runtime && !multus && !readsDropIns(runtime)
				? `${runtime.name} ${runtime.major}.${runtime.minor} reads no drop-ins`
				: found.hasEmptyNamesake
					? "another list of this name has no plugins, and CRI-O would take that"
					: undefined;
	if (must !== undefined && (no !== undefined || asked === "edit"))
		throw new Refusal(
			`plugin items in the list would be in the wrong place: ${must}${no === undefined ? "" : `, and ${no}`}`,
			no === undefined
				? "Use --mode dropin, or auto."
				: "Put all plugins into the list.",
		);
	if (asked === "dropin" && no !== undefined)
		throw new Refusal(
			`a drop-in would not work: ${no}`,
			"Use --mode edit, or auto.",
		);
	if (asked !== "auto") return { mode: asked, why: "as asked for" };
	if (must !== undefined) return { mode: "dropin", why: must };
	if (no !== undefined) return { mode: "edit", why: no };
	if (list.plugins.some(isOurs))
		return { mode: "edit", why: "the conflist already has our plugin items" };
	if (hasDropIn) return { mode: "dropin", why: "there is a drop-in of ours" };
	if (!runtime)
		return { mode: "edit", why: "the runtime's version is not known" };
	return {
		mode: "dropin",
		why: `${runtime.name} ${runtime.major}.${runtime.minor} reads drop-ins`,
	};
}

/**
 * Returns why our plugin must be a drop-in, or undefined if it need not be: libcni
 * appends drop-ins to the list, so plugin items in the list are before all of them.
 * Throws Refusal if our drop-in would be before portmap too.
 */
function onlyDropIn({ list, dropIns }: ConfDir): string | undefined {
	const portmap = [...dropIns].findLast(([, item]) => isPortmap(item))?.[0];
	if (portmap !== undefined && portmap > DROP_IN)
		throw new Refusal(
			`portmap is in the drop-in ${portmap}, which comes after ${DROP_IN}`,
			"Give it a name that comes before.",
		);
	if (list.plugins.length === 0) return "the list has no plugins of its own";
	return portmap === undefined ? undefined : "portmap is a drop-in";
}

/**
 * Throws Refusal on a node of Cilium. In its exclusive mode, the default, Cilium
 * renames the files of others and writes its own file anew. Without portmap its
 * hostPorts are not in conntrack.
 */
function refuseCilium({ names, list, dropIns }: ConfDir): void {
	const renamed = names.find(isRenamed);
	if (renamed !== undefined)
		throw new Refusal(
			`Cilium keeps this directory for itself: it has renamed ${renamed}`,
			"Set cni.exclusive=false in its Helm values and restart its agents; if Cilium is gone, take its .cilium_bak files away.",
		);
	const types = [...list.plugins, ...dropIns.values()].map(({ type }) => type);
	if (types.includes("cilium-cni") && !types.includes("portmap"))
		throw new Refusal(
			"Cilium makes the hostPorts itself, outside conntrack",
			"There is nothing to flush. With cni.chainingMode=portmap and cni.exclusive=false there would be.",
		);
}
