// The attachment that a CNI call is about, in the core's terms.

import type { Context } from "../../src/context.ts";
import { podNameIn } from "../../src/libcni/podname.ts";
import {
	type ItemProblem,
	resolveMappings,
} from "../../src/libcni/portmappings.ts";
import { podIPsIn } from "../../src/libcni/result.ts";
import { familyOf, type IP } from "../../src/net/ip.ts";
import { type Proto, protocolOf } from "../../src/net/proto.ts";
import type { Attachment, PodTarget } from "../../src/policy/mapping.ts";
import { FEW } from "../../src/policy/portrow.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs, InvalidValue } from "../cni/request.ts";

/** So many wrong values get a line of the log each. */
const TOLD = 10;

/**
 * Returns the attachment as the request describes it. An item of portMappings that
 * portmap makes no rule of is logged and left out. "strict" throws the Problem of an
 * item of a wrong type, which only a broken runtime sends. A long list is empty afterwards.
 */
export async function attachmentOf(
	{ host, log }: Context,
	{ containerID, ifname, args }: CmdArgs,
	conf: PluginConf,
	manner: "strict" | "lenient",
): Promise<Attachment> {
	const { name: network, portMappings, prevResult, scope } = conf;
	const protocols = protocolsOf(conf.protocols);
	const ips = podIPsIn(prevResult, ifname);
	const netns = host.env("CNI_NETNS");
	const problems: ItemProblem[] = [];
	let wrong = 0;
	const mappings = resolveMappings(portMappings, protocols, ips, (p) => {
		const { kind, where, value, must } = p;
		if (manner === "strict" && kind === "type")
			throw { is: "value", where, value, must } satisfies InvalidValue;
		if (++wrong <= TOLD) problems.push(p);
	});
	// nobody looks at thousands of items again, and the flush needs their memory
	if (portMappings.length > FEW) (portMappings as unknown[]).length = 0;
	for (const { where, value, must } of problems) {
		const { inWords } = await import("../cni/errors.ts");
		const { message, details } = inWords({ is: "value", where, value, must });
		log("warn", message, { details });
	}
	if (wrong > TOLD)
		log("warn", "more port mappings are wrong", { values: wrong - TOLD });
	return {
		network,
		containerID,
		ifname,
		pod: podNameIn(args),
		added: host.ticks(),
		mappings,
		podTargets: scope === "pod" ? podTargetsOf(protocols, ips) : [],
		...(netns && { netns }),
	};
}

/** Returns the configuration of a pod whose ports are not named. */
export function wholePod(conf: PluginConf): PluginConf {
	return { ...conf, portMappings: [], scope: "pod" };
}

/** Returns the protocols' numbers, each once. */
export function protocolsOf(names: readonly string[]): Proto[] {
	return names
		.map(protocolOf)
		.filter((p) => p !== undefined)
		.filter((p, i, all) => all.indexOf(p) === i);
}

/** Returns all that reaches the pod's addresses in one of the protocols. */
export function podTargetsOf(
	protocols: readonly Proto[],
	podIPs: readonly IP[],
): PodTarget[] {
	return podIPs.flatMap((podIP) =>
		protocols.map((proto) => ({ family: familyOf(podIP), proto, podIP })),
	);
}
