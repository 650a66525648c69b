// A CNI call in the library's terms: the attachment it is about, and the site.

import type { Site } from "../../src/flush/onadd.ts";
import type { Host } from "../../src/host.ts";
import {
	podTraffic,
	protocolsOf,
	resolveMappings,
} from "../../src/libcni/portmappings.ts";
import { podIPs } from "../../src/libcni/result.ts";
import { logger } from "../../src/log.ts";
import type { Attachment } from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/protocol.ts";

/**
 * The attachment as the request describes it. Port mappings that are none are
 * logged; "strict": one of a wrong type is thrown, as CniError 7.
 */
export function attachmentOf(
	{ host, log }: Site,
	{ containerID, ifname, args }: CmdArgs,
	conf: PluginConf,
	manner: "strict" | "lenient",
): Attachment {
	const { name: network, portMappings, prevResult, scope } = conf;
	const protocols = protocolsOf(conf.protocols);
	const ips = podIPs(prevResult, ifname);
	return {
		network,
		containerID,
		ifname,
		pod: podName(args),
		added: host.ticks(),
		mappings: resolveMappings(portMappings, protocols, ips, (e, kind) => {
			if (manner === "strict" && kind === "type") throw e;
			log("warn", e.message, { details: e.details });
		}),
		pods: scope === "pod" ? podTraffic(protocols, ips) : [],
	};
}

/** Where the verb works; its log names the attachment, if there is one. */
export function siteOf(
	event: string,
	host: Host,
	{ containerID, args }: CmdArgs,
	conf: PluginConf,
): Site {
	const log = logger(host, conf.logLevel, conf.logFile, {
		event,
		network: conf.name,
		container: containerID || undefined,
		pod: podName(args),
	});
	return { host, dataDir: conf.dataDir, log, event };
}

/** Reads `K8S_POD_NAMESPACE=…;K8S_POD_NAME=…` as Kubernetes' runtimes write it: `namespace/name`. */
function podName(args: string): string | undefined {
	const pairs = args.split(";").map((pair): [string, string] => {
		const at = pair.indexOf("=");
		return [pair.slice(0, at), pair.slice(at + 1)];
	});
	const { K8S_POD_NAMESPACE: namespace, K8S_POD_NAME: name } =
		Object.fromEntries<string | undefined>(pairs);
	return name && `${namespace ?? ""}/${name}`;
}
