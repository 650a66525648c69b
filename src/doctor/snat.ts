// The check of the rules that translate source addresses: which keep the source port, and
// whose they are. Two flows that want one port at one server race there; on old kernels
// random ports make another race. Rules are only reported; it changes nobody's.

import { lostIn } from "../conntrack/lost.ts";
import type { Statistics } from "../conntrack/stats.ts";
import type { Host } from "../host.ts";
import { AF_INET, AF_INET6 } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER } from "../netlink/nl.ts";
import { formatPlace } from "../rules/engines.ts";
import { readLegacyTable } from "../rules/legacy.read.ts";
import { readSNAT, type SNATRule, snatIn } from "../rules/snat.ts";
import { type Finding, ok, warn } from "./finding.ts";

const CHECK = "SNAT rules";
const DEADLINE_MS = 30_000;

/** A program that writes such rules, and its own setting for source ports. */
interface Owner {
	readonly name: string;
	/** The names of its tables in nf_tables, where it has some of its own. */
	readonly table?: RegExp;
	/** The names of its chains in the tables of iptables. */
	readonly chain?: RegExp;
	/** What makes the ports random. */
	readonly random?: string;
	/** What has them kept. */
	readonly keep?: string;
}

const NEWER_IPTABLES =
	"is random by itself where its image has iptables 1.6.2 or newer";

/** The first that agrees counts, because portmap's chains begin as those of ipMasq do. */
const OWNERS: readonly Owner[] = [
	{ name: "portmap", table: /^cni_hostport$/, chain: /^CNI-(HOSTPORT|SN)-/ },
	{
		name: "CNI ipMasq",
		table: /^cni_plugins_masquerade$/,
		chain: /^CNI-[0-9a-f]{24}$/,
	},
	{ name: "Docker", table: /^docker-bridges$/, chain: /^DOCKER/ },
	{ name: "netavark", table: /^netavark$/, chain: /^NETAVARK-/ },
	{ name: "kindnet", table: /^kindnet/, chain: /^KIND-MASQ-AGENT$/ },
	{
		name: "CRI-O",
		table: /^crio-hostports$/,
		chain: /^(CRIO-|KUBE-HOSTPORTS$)/,
	},
	{
		name: "kube-proxy",
		table: /^kube-proxy$/,
		chain: /^KUBE-/,
		random: NEWER_IPTABLES,
	},
	{
		name: "flannel",
		table: /^flannel-/,
		chain: /^FLANNEL-/,
		random: NEWER_IPTABLES,
	},
	{
		name: "Calico",
		table: /^calico$/,
		chain: /^cali-/,
		random: "FelixConfiguration featureDetectOverride: MASQFullyRandom=true",
		keep: "FelixConfiguration featureDetectOverride: MASQFullyRandom=false",
	},
	{
		name: "ip-masq-agent",
		chain: /^IP-MASQ/,
		random: "--random-fully=true",
		keep: "--random-fully=false",
	},
	{
		name: "AWS CNI",
		chain: /^AWS-SNAT-CHAIN/,
		random: "AWS_VPC_K8S_CNI_RANDOMIZESNAT=prng for the DaemonSet aws-node",
		keep: "AWS_VPC_K8S_CNI_RANDOMIZESNAT=none for the DaemonSet aws-node",
	},
];
const DOCKER: Owner | undefined = OWNERS.find(({ name }) => name === "Docker");
/** A firewall or a person. Its name is followed by the place of its first rule. */
const OTHERS: Owner = { name: "others" };
/** The bridges of Docker, whose rules for iptables stand in no chain of their own. */
const DOCKER_BRIDGE = /^(docker0|docker_gwbridge|br-[0-9a-f]{12})$/;

/** Returns whose rule it is by the names in it. */
function ownerOf(rule: SNATRule): Owner {
	const { backend, table, chain, exceptVia } = rule;
	const found = OWNERS.find(
		(o) => (backend === "nft" && o.table?.test(table)) || o.chain?.test(chain),
	);
	if (found) return found;
	return (DOCKER_BRIDGE.test(exceptVia) && DOCKER) || OTHERS;
}

/** The rules of one kind by their owners: how many, and where the first is. */
type Owned = Map<Owner, { count: number; readonly first: SNATRule }>;

/** Reads the rules, and compares them with what the kernel counted. Throws NetlinkError, SysError, DecodeError or DeadlineError. */
export async function checkSNAT(
	host: Host,
	{ total }: Statistics,
): Promise<Finding> {
	const keeping: Owned = new Map();
	const random: Owned = new Map();
	for (const rule of await rulesOf(host)) {
		const owned = rule.isRandom ? random : keeping;
		const owner = ownerOf(rule);
		const known = owned.get(owner);
		if (known) known.count++;
		else owned.set(owner, { count: 1, first: rule });
	}
	const words = [
		...inWords(keeping, "the source port is kept by"),
		...inWords(random, "it is random with"),
	];
	if (words.length === 0) return ok(CHECK, "none");
	const found = words.join("; ");
	const { packets, cause } = lostIn(total);
	const lost = `${found}; ${packets} packets were lost`;
	if (packets === 0) return ok(CHECK, found);
	if (cause === "port" && keeping.size > 0)
		return warn(CHECK, lost, randomise(keeping));
	// which of its races it was, such a kernel does not tell
	if (cause === "race" && random.size > 0)
		return warn(CHECK, lost, keepInstead(random));
	return ok(CHECK, found);
}

async function rulesOf(host: Host): Promise<SNATRule[]> {
	const requests = new Exchange(
		host,
		NETLINK_NETFILTER,
		new Deadline(host, DEADLINE_MS),
	);
	try {
		const found = await readSNAT(requests);
		for (const family of [AF_INET, AF_INET6] as const) {
			const table = readLegacyTable(host, family);
			if (table) found.push(...snatIn(table, family));
		}
		return found;
	} finally {
		requests.close();
	}
}

/** `the source port is kept by 2 rules of portmap, 1 of others (ip nat POSTROUTING handle 7)`, or nothing. */
function inWords(owned: Owned, what: string): string[] {
	const parts = [...owned].map(([owner, { count, first }]) => {
		const where = owner === OTHERS ? ` (${formatPlace(first)})` : "";
		return `${count} of ${owner.name}${where}`;
	});
	return parts.length === 0 ? [] : [`${what} ${parts.join(", ")}`];
}

/** Says how to have random source ports. Where the owner has no setting, a rule of the operator's own decides if it comes first: the kernel asks no rule any more once one has translated the flow (nf_nat_inet_fn). */
function randomise(keeping: Owned): string {
	const owners = [...keeping.keys()];
	const set = owners.flatMap(({ name, random }) =>
		random === undefined ? [] : [`${name}: ${random}`],
	);
	const without = owners.filter(
		(owner) => owner.random === undefined && owner !== OTHERS,
	);
	const own = `${without.map(({ name }) => name).join(", ")}: no setting; a rule of your own that comes first decides (nft: a chain of type nat, hook postrouting, priority 99: ip saddr PODS ip daddr != PODS masquerade fully-random)`;
	return [
		...set,
		...(without.length > 0 ? [own] : []),
		...(keeping.has(OTHERS)
			? ["others: add --random-fully (nft: fully-random) to the rule"]
			: []),
	].join("; ");
}

/** Says how to have the source port kept, where random ones make the race of A and AAAA worse. */
function keepInstead(random: Owned): string {
	const set = [...random.keys()].flatMap(({ name, keep }) =>
		keep === undefined ? [] : [`${name}: ${keep}`],
	);
	const off = set.length > 0 ? `, or have it kept (${set.join("; ")})` : "";
	return `before Linux 5.6 (RHEL: 8.3), random source ports lose A and AAAA queries that a plain masquerade does not: set "oneCPUPerFlow": true${off}`;
}
