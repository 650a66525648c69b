// The work of STATUS where conntrack cannot be used, or could not be when it was last
// called: the log says each change once.

import type { Host } from "../../src/host.ts";
import { forgetUnusable, noteUnusable } from "../../src/state/unusable.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import { CniError, NOT_AVAILABLE } from "../cni/errors.ts";
import type { CmdArgs } from "../cni/request.ts";

const WHAT = "cannot use conntrack over netlink";
const NEEDS =
	"it needs CAP_NET_ADMIN and the kernel module nf_conntrack_netlink";

/**
 * `error` is what STATUS found now, and `known` what an earlier call has noted. Throws
 * CniError 50 if conntrack cannot be used and the configuration asks for the error.
 */
export function tell(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
	error: string | undefined,
	known: string | undefined,
): void {
	const { log } = contextOf("STATUS", host, args, conf);
	const { dataDir, members } = conf;
	try {
		if (error === undefined) {
			forgetUnusable(host, dataDir);
			log("info", "conntrack can be used again", {});
		} else if (known === undefined) {
			log("warn", WHAT, { error, details: NEEDS });
			noteUnusable(host, dataDir, error);
		}
	} catch {
		// a reason that is not written is said again; one that stays is tried again
	}
	if (error !== undefined && members.strictStatus === true)
		throw new CniError(NOT_AVAILABLE, WHAT, `${error}; ${NEEDS}`);
}
