// STATUS: says whether the plugin could do its work now.

import { probe } from "../../src/conntrack/table.ts";
import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import { CniError, NOT_AVAILABLE } from "../cni/errors.ts";

export async function cmdStatus(host: Host): Promise<string> {
	try {
		await probe(host);
	} catch (cause) {
		throw new CniError(
			NOT_AVAILABLE,
			"cannot use conntrack over netlink",
			`${wordsOf(cause)}; it needs CAP_NET_ADMIN and the kernel module nf_conntrack_netlink`,
			{ cause },
		);
	}
	return "";
}
