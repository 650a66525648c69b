// The files of conflist-examples, what they are for, and how they come onto a
// node: as they are, or with what a test has to change said by name.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Conflist, Json } from "../chain.ts";
import { KINDS, type Kind, type Node } from "./node.ts";

const DIRECTORY = fileURLToPath(
	new URL("../../../conflist-examples", import.meta.url),
);

export interface Example {
	/** Below conflist-examples. */
	readonly file: string;
	readonly product: string;
	/** The name under which the product installs it, in its configuration directory. */
	readonly installedAs: string;
	/** Its main plugin is a program that is not to be had here. */
	readonly standIn: boolean;
	/** DEL runs after portmap's and deletes at once, instead of retiring. */
	readonly deletes: boolean;
	/** The senders that its network can have. */
	readonly kinds: readonly Kind[];
}

const IPV4 = KINDS.slice(0, 2);

export const EXAMPLES: readonly Example[] = [
	example("containerd.conflist", "containerd", "10-containerd-net.conflist", {
		kinds: KINDS,
	}),
	example(
		"containerd-split.conflist",
		"containerd, split",
		"10-containerd-net.conflist",
		{ kinds: KINDS, deletes: true },
	),
	example("nerdctl.conflist", "nerdctl", "nerdctl-bridge.conflist"),
	example("podman.conflist", "podman", "87-podman-bridge.conflist"),
	example("cri-o.conflist", "CRI-O", "11-crio-ipv4-bridge.conflist", {
		deletes: true,
	}),
	example("flannel.conflist", "flannel", "10-flannel.conflist", {
		standIn: true,
	}),
	example("calico.conflist", "Calico", "10-calico.conflist", { standIn: true }),
	example("aws-vpc-cni.conflist", "AWS VPC CNI", "10-aws.conflist", {
		standIn: true,
	}),
	example("k3s.conflist", "k3s", "10-flannel.conflist", { standIn: true }),
];

/** Goes next to a conflist that stays as it is. */
export const DROP_IN = "drop-in/90-conntrack-flush.conf";

function example(
	file: string,
	product: string,
	installedAs: string,
	rest: Partial<Example> = {},
): Example {
	return {
		...{ file, product, installedAs },
		...{ standIn: false, deletes: false, kinds: IPV4 },
		...rest,
	};
}

export function exampleOf(file: string): Example {
	const found = EXAMPLES.find((e) => e.file === file);
	if (!found) throw new Error(`no example ${file}`);
	return found;
}

export function readExample(file: string): string {
	return readFileSync(`${DIRECTORY}/${file}`, "utf8");
}

/** The list of an example, as JSON. */
export function conflistOf({ file }: Example): Conflist {
	return JSON.parse(readExample(file)) as Conflist;
}

/** The list as the product installs it, before us. */
export function withoutUs(list: Conflist): Conflist {
	return {
		...list,
		plugins: list.plugins.filter(({ type }) => type !== "conntrack-flush"),
	};
}

/** The product's own plugins replaced by bridge; all that comes after stays. */
export function withStandIn(list: Conflist): Conflist {
	const at = list.plugins.findIndex(({ type }) => type === "portmap");
	const bridge = {
		type: "bridge",
		bridge: "standin0",
		isGateway: true,
		ipam: {
			type: "host-local",
			ranges: [[{ subnet: "10.88.0.0/16" }]],
			routes: [{ dst: "0.0.0.0/0" }],
		},
	};
	return { ...list, plugins: [bridge, ...list.plugins.slice(at)] };
}

/** The list with these keys in each of our plugin items. */
export function withKeys(list: Conflist, keys: object): Conflist {
	return {
		...list,
		plugins: list.plugins.map((plugin) =>
			plugin.type === "conntrack-flush" ? { ...plugin, ...keys } : plugin,
		),
	};
}

/** portmap told to use its nftables backend, which is not the default. */
export function withNftables(list: Conflist): Conflist {
	return {
		...list,
		plugins: list.plugins.map((plugin) =>
			plugin.type === "portmap" ? { ...plugin, backend: "nftables" } : plugin,
		),
	};
}

/** The only network of the node from now on. */
export async function configure(
	{ machine }: Node,
	installedAs: string,
	list: Conflist,
	dropIn?: string,
): Promise<void> {
	await machine.must(["sh", "-c", "rm -rf /etc/cni/net.d/*"]);
	// the last network's bridge may have the name of this one's, and another address
	for (const { ifname } of await bridges(machine))
		await machine.must(["ip", "link", "del", ifname]);
	if (dropIn !== undefined)
		await machine.write(
			`/etc/cni/net.d/${list.name}/90-conntrack-flush.conf`,
			dropIn,
		);
	await machine.write(
		`/etc/cni/net.d/${installedAs}`,
		JSON.stringify(list, null, 2),
	);
}

async function bridges(
	machine: Node["machine"],
): Promise<readonly (Json & { readonly ifname: string })[]> {
	const said = await machine.must([
		"ip",
		"-json",
		"link",
		"show",
		"type",
		"bridge",
	]);
	return JSON.parse(said || "[]");
}
