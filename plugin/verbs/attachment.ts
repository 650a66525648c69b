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
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs, InvalidValue } from "../cni/request.ts";

/**
 * Returns the attachment as the request describes it. An item of portMappings that
 * portmap makes no rule of is logged and left out. "strict" throws the Problem of an
 * item of a wrong type, which only a broken runtime sends.
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
	const mappings = resolveMappings(portMappings, protocols, ips, (p) => {
		problems.push(p);
	});
	for (const { kind, where, value, must } of problems) {
		const problem: InvalidValue = { is: "value", where, value, must };
		if (manner === "strict" && kind === "type") throw problem;
		const { inWords } = await import("../cni/errors.ts");
		const { message, details } = inWords(problem);
		log("warn", message, { details });
	}
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

/** Returns the protocols' numbers, each once. */
export function protocolsOf(names: readonly string[]): Proto[] {
	return names
		.map(protocolOf)
		.filter((p) => p !== undefined)
		.filter((p, i, all) => all.indexOf(p) === i);
}

function podTargetsOf(
	protocols: readonly Proto[],
	podIPs: readonly IP[],
): PodTarget[] {
	return podIPs.flatMap((podIP) =>
		protocols.map((proto) => ({ family: familyOf(podIP), proto, podIP })),
	);
}
