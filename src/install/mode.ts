// Which way into the chain: entries in the conflist, or a drop-in that libcni
// 1.3 appends to it. Pure: what is there is given.

import { own } from "../objects.ts";
import { type Conflist, isRenamed } from "./conflist.ts";
import { isOurs } from "./edit.ts";
import { Refusal } from "./refusal.ts";

export type Mode = "edit" | "dropin";

/** What is known of the container runtime. */
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

/** Of `containerd://2.1.0`, as a node's status has it; undefined if it is not of that form. */
export function parseRuntime(text: string): Runtime | undefined {
	const found = /^([a-z-]+):\/\/v?(\d+)\.(\d+)/.exec(text);
	if (!found) return undefined;
	const [, name = "", major, minor] = found;
	return { name, major: Number(major), minor: Number(minor) };
}

export function readsDropIns({ name, major, minor }: Runtime): boolean {
	const first = own(WITH_DROP_INS, name);
	if (!first) return false;
	return major > first[0] || (major === first[0] && minor >= first[1]);
}

/** What the choice depends on. */
export interface ConfDir {
	/** Of the configuration directory. */
	readonly names: readonly string[];
	readonly list: Conflist;
	readonly hasDropIn: boolean;
	/** The network comes after a Multus, which loads it by itself. */
	readonly behindMultus: boolean;
}

/** The mode and, in a few words, why. Throws Refusal where nothing would last or be loaded. */
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
		return { mode: "edit", why: "the conflist has entries of ours" };
	if (hasDropIn) return { mode: "dropin", why: "there is a drop-in of ours" };
	if (!runtime)
		return { mode: "edit", why: "the runtime's version is not known" };
	return {
		mode: "dropin",
		why: `${runtime.name} ${runtime.major}.${runtime.minor} reads drop-ins`,
	};
}

/**
 * In its exclusive mode, the default, Cilium renames what others configure and
 * writes its own file anew. Without portmap its hostPorts are not in conntrack.
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
