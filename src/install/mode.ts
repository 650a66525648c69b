// The way into the chain: plugin items in the conflist, or a drop-in that libcni 1.3
// appends to it. It decides only: the state of the node is given, and plan.ts makes
// the changes of it.

import { own } from "../lookup.ts";
import { type Conflist, isRenamed } from "./conflist.ts";
import { isOurs } from "./edit.ts";
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
	readonly list: Conflist;
	readonly hasDropIn: boolean;
	/** If true, the network comes after a Multus, which loads it by itself. */
	readonly behindMultus: boolean;
}

/** Returns the mode and, in a few words, the reason. Throws Refusal if our change would not last or would not be loaded. */
export function chooseMode(
	asked: Mode | "auto",
	runtime: Runtime | undefined,
	found: ConfDir,
): { readonly mode: Mode; readonly why: string } {
	refuseCilium(found);
	const { list, hasDropIn, behindMultus } = found;
	const no = list.onlyInlined
		? "the conflist says loadOnlyInlinedPlugins"
		: behindMultus
			? "Multus loads the conflist by itself"
			: runtime && !readsDropIns(runtime)
				? `${runtime.name} ${runtime.major}.${runtime.minor} reads no drop-ins`
				: undefined;
	if (asked === "dropin" && no !== undefined)
		throw new Refusal(
			`a drop-in would not be loaded: ${no}`,
			"Use --mode edit, or auto.",
		);
	if (asked !== "auto") return { mode: asked, why: "as asked for" };
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
 * Throws Refusal on a node of Cilium. In its exclusive mode, the default, Cilium
 * renames the files of others and writes its own file anew. Without portmap its
 * hostPorts are not in conntrack.
 */
function refuseCilium({ names, list }: ConfDir): void {
	const renamed = names.find(isRenamed);
	if (renamed !== undefined)
		throw new Refusal(
			`Cilium keeps this directory for itself: it has renamed ${renamed}`,
			"Set cni.exclusive=false in its Helm values and restart its agents; if Cilium is gone, take its .cilium_bak files away.",
		);
	const types = list.plugins.map(({ type }) => type);
	if (types.includes("cilium-cni") && !types.includes("portmap"))
		throw new Refusal(
			"Cilium makes the hostPorts itself, outside conntrack",
			"There is nothing to flush. With cni.chainingMode=portmap and cni.exclusive=false there would be.",
		);
}
