// The checks of the kernel: may this process ask it, what can it do, and how full is
// its table? No request names an entry that exists.

import { MISSING, REMEDY } from "../conntrack/capability.ts";
import { probeFilteredDump, probeRetire } from "../conntrack/features.ts";
import { probeKernelFlush } from "../conntrack/messages.ts";
import {
	fillOf,
	isNearlyFull,
	readStatistics,
	type Statistics,
} from "../conntrack/stats.ts";
import { type Host, isSysError } from "../host.ts";
import { wordsOf } from "../log.ts";
import { Deadline } from "../netlink/deadline.ts";
import { EINVAL, ENOENT, EOPNOTSUPP, EPERM } from "../netlink/errno.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER, NetlinkError, type Writer } from "../netlink/nl.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Each request waits until other processes have finished their walks of the table. */
const DEADLINE_MS = 30_000;

export interface Access {
	readonly findings: readonly Finding[];
	/** undefined: the kernel cannot be asked, and nothing more can be checked. */
	readonly statistics?: Statistics;
}

/** Checks that this process may ask, and that ctnetlink answers. */
export async function checkAccess(host: Host): Promise<Access> {
	const capability = ok("capability", "CAP_NET_ADMIN is there");
	try {
		const statistics = await readStatistics(host);
		return {
			findings: [capability, ok("ctnetlink", "answers")],
			statistics,
		};
	} catch (e) {
		if (e instanceof NetlinkError && e.errno === EPERM) {
			const missing = fail("capability", MISSING, REMEDY);
			return { findings: [missing] };
		}
		const isMissing =
			(e instanceof NetlinkError && e.errno === EINVAL) ||
			(isSysError(e) && e.code === "EPROTONOSUPPORT");
		const problem = fail(
			"ctnetlink",
			isMissing ? "the kernel does not have it" : wordsOf(e),
			isMissing
				? "modprobe nf_conntrack_netlink (CONFIG_NF_CT_NETLINK)"
				: "see what the error says",
		);
		return { findings: [problem] };
	}
}

/** Finds out what the kernel can do, with requests that change nothing. Only the plugin, which `isCNI` says is of use here, retires entries. */
export async function checkFeatures(
	host: Host,
	isCNI: boolean,
): Promise<Finding> {
	const deadline = new Deadline(host, DEADLINE_MS);
	const requests = new Exchange(host, NETLINK_NETFILTER, deadline);
	try {
		const errno = (write: (w: Writer, seq: number) => void) =>
			requests
				.ask("probe", write, () => 0)
				.catch((e: unknown) => {
					if (e instanceof NetlinkError) return e.errno;
					throw e;
				});
		const retires = (await errno(probeRetire)) === ENOENT;
		// an unknown flag is EOPNOTSUPP until the kernel has a policy for the flags
		const refuses = async (write: (w: Writer, seq: number) => void) =>
			[EINVAL, EOPNOTSUPP].includes(await errno(write));
		const features = {
			"filtered dump": await refuses(probeFilteredDump),
			"kernel flush": await refuses(probeKernelFlush),
			retire: retires,
		};
		const words = Object.entries(features).map(
			([name, has]) => `${name} ${has ? "yes" : "no"}`,
		);
		const found = `${releaseOf(host)}: ${words.join(", ")}`;
		if (retires || !isCNI) return ok("kernel", found);
		return warn(
			"kernel",
			found,
			'use the split arrangement, "on": "del" before portmap and "on": "add" after it: that retires nothing',
		);
	} finally {
		requests.close();
	}
}

function releaseOf(host: Host): string {
	try {
		return `Linux ${host.readFile("/proc/sys/kernel/osrelease").trim()}`;
	} catch {
		return "Linux";
	}
}

/** Checks how much of the table's limit is used. */
export function checkFill(statistics: Statistics): Finding {
	const found = fillOf(statistics, "entries");
	if (!isNearlyFull(statistics)) return ok("table fill", found);
	return warn(
		"table fill",
		found,
		"raise net.netfilter.nf_conntrack_max before new flows are lost; conntrack-flush stats shows whether they are",
	);
}
