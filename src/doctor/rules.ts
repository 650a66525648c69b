// The check of DNAT rules of hostPorts that lead to dead pods: they take the traffic
// before any later rule can. A flush does not help against them, so they are only
// reported.

import type { Host } from "../host.ts";
import { cacheDirs, readCache } from "../libcni/cache.ts";
import type { IP } from "../net/ip.ts";
import { Deadline, Exchange } from "../netlink/exchange.ts";
import { EINVAL, NETLINK_NETFILTER, NetlinkError } from "../netlink/nl.ts";
import { type Attachment, addressesOf } from "../policy/mapping.ts";
import {
	type DNATRule,
	getRules,
	NFT_MSG_NEWRULE,
	readDNAT,
} from "../rules/nft.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const DEADLINE_MS = 30_000;
const CHECK = "DNAT rules";
/** Rules that are named in full; the others are counted. */
const SHOWN = 5;
/** The chains of portmap with iptables, and of CRI-O. */
const CHAINS = /^(CNI-DN-|CNI-HOSTPORT-|KUBE-HP-)/;
/** The table of portmap with nftables. */
const TABLE = "cni_hostport";

/** Compares the rules with the pods of recorded attachments and of libcni's cache. */
export async function checkRules(
	host: Host,
	recorded: readonly Attachment[],
	cacheDir: string,
): Promise<Finding[]> {
	const findings: Finding[] = [];
	for (const [file, tool] of [
		["/proc/net/ip_tables_names", "iptables-legacy"],
		["/proc/net/ip6_tables_names", "ip6tables-legacy"],
	] as const)
		if (/^nat$/m.test(readText(host, file)))
			findings.push(
				warn(
					CHECK,
					"legacy iptables has a nat table, which cannot be read from here",
					`look for pods that are gone in: ${tool} -t nat -S | grep -e CNI-DN- -e KUBE-HP-`,
				),
			);
	const rules = await readRules(host);
	if (rules === undefined)
		return [...findings, ok(CHECK, "this kernel has no nf_tables")];
	const ours = rules.filter(
		(r) => r.table === TABLE || (r.table === "nat" && CHAINS.test(r.chain)),
	);
	const live = new Set<IP>([
		...recorded.flatMap(addressesOf),
		...cacheDirs(cacheDir)
			.flatMap((dir) => readCache(host, dir))
			.flatMap((c) => c.ips),
	]);
	const left = ours.filter((r) => !live.has(r.ip));
	if (left.length === 0)
		return [
			...findings,
			ok(CHECK, `${ours.length} of hostPorts, none left over`),
		];
	if (live.size === 0)
		return [
			...findings,
			warn(
				CHECK,
				`${left.length} of hostPorts, but no pod is known to compare them with`,
				"say where attachments are: --data-dir, --cni-cache-dir",
			),
		];
	for (const r of left.slice(0, SHOWN)) {
		const port = r.dport === undefined ? "" : `hostPort ${r.dport} `;
		findings.push(
			fail(
				CHECK,
				`${port}leads to ${r.ip}${r.port === undefined ? "" : ` port ${r.port}`}, and no pod has that address`,
				`nft delete rule ${r.family} ${r.table} ${r.chain} handle ${r.handle}`,
			),
		);
	}
	if (left.length > SHOWN)
		findings.push(
			fail(
				CHECK,
				`${left.length - SHOWN} more lead to pods that are gone`,
				"remove these, and look again",
			),
		);
	return findings;
}

/** Returns the DNAT rules of all tables, or undefined if the kernel has no nf_tables. */
async function readRules(host: Host): Promise<DNATRule[] | undefined> {
	const requests = new Exchange(
		host,
		NETLINK_NETFILTER,
		new Deadline(host, DEADLINE_MS),
	);
	let rules: DNATRule[] = [];
	let current = 0;
	try {
		await requests.each("read the rules", getRules, (b, m) => {
			// a dump that began anew gives all of them again
			if (m.seq !== current) rules = [];
			current = m.seq;
			const rule = m.type === NFT_MSG_NEWRULE && readDNAT(b, m);
			if (rule) rules.push(rule);
		});
	} catch (e) {
		if (e instanceof NetlinkError && e.errno === EINVAL) return undefined;
		throw e;
	} finally {
		requests.close();
	}
	return rules;
}

/** Returns the file's text, or "" if it cannot be read. */
function readText(host: Host, path: string): string {
	try {
		return host.readFile(path);
	} catch {
		return "";
	}
}
