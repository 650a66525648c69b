// Network namespaces and what is in them, made with `ip`. Names begin with the
// pid of this run, so that runs side by side never meet; everything is removed
// through undo.ts. A namespace takes its links, routes, rules and conntrack
// entries with it.

import { must, quietly } from "./exec.ts";
import { onEnd } from "./undo.ts";

export interface Namespace {
	readonly name: string;
	/** The value for CNI_NETNS. */
	readonly path: string;
	/** The command as run inside. */
	inside(argv: readonly string[]): string[];
	remove(): void;
}

let made = 0;

/** `empty` is called before the namespace is removed. */
export async function createNamespace(
	role: string,
	{
		name = `cf${process.pid}-${++made}-${role}`,
		empty = () => {},
	}: { readonly name?: string; readonly empty?: (name: string) => void } = {},
): Promise<Namespace> {
	const remove = onEnd(() => {
		empty(name);
		quietly(["ip", "netns", "del", name]);
	});
	await must(["ip", "netns", "add", name]);
	await must(["ip", "-n", name, "link", "set", "lo", "up"]);
	const ns: Namespace = {
		name,
		path: `/run/netns/${name}`,
		inside: (argv) => ["ip", "netns", "exec", name, ...argv],
		remove,
	};
	// duplicate address detection would keep every IPv6 address unusable for a second
	await sysctl(ns, {
		"net.ipv6.conf.default.accept_dad": 0,
		"net.ipv6.conf.default.dad_transmits": 0,
	});
	return ns;
}

export async function sysctl(
	ns: Namespace,
	settings: Readonly<Record<string, number>>,
): Promise<void> {
	const words = Object.entries(settings).map(([k, v]) => `${k}=${v}`);
	await must(ns.inside(["sysctl", "-qw", ...words]));
}

/** Lines of `ip -batch`, applied inside. */
export async function ip(
	ns: Namespace,
	lines: readonly string[],
): Promise<void> {
	await must(["ip", "-n", ns.name, "-batch", "-"], {
		input: `${lines.join("\n")}\n`,
	});
}

/** A cable: `left` in one namespace, `right` in the other, both up. */
export async function cable(
	[a, left]: readonly [Namespace, string],
	[b, right]: readonly [Namespace, string],
): Promise<void> {
	await ip(a, [
		`link add ${left} type veth peer name ${right} netns ${b.name}`,
		`link set ${left} up`,
	]);
	await ip(b, [`link set ${right} up`]);
}
