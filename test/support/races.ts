// The races of two packets that begin flows on two CPUs at the same moment: who sends what
// through which rules, and what must be lost and counted then. It runs nothing: the booted
// kernels (test/kernels/cases/races.ts) and this one (test/races/meet.test.ts) do.

/** The pairs of packets in each race. */
export const PAIRS = Number(process.env.RACES_PAIRS ?? 600);
/** The source port of the first pair; each has its own. */
export const FIRST_PORT = 20_000;

/** The virtual address of a DNS service, its two servers, and their port. */
export const SERVICE = "10.96.0.10";
export const SERVERS = ["10.90.3.2", "10.90.4.2"] as const;
export const DNS_PORT = 53;

/** An answer that comes later than the second that the kernel keeps a resolved clash (nf_ct_resolve_clash_harder). */
const LATE_MS = 1500;

/** The node's counters, and how many packets were not answered. */
export const COUNTED = [
	"lost",
	"clash_resolve",
	"insert_failed",
	"drop",
	"chain_toolong",
] as const;
export type Counted = (typeof COUNTED)[number];
export type Counts = Readonly<Record<Counted, number>>;

/** What must have been counted, in the words of test(1). */
export type Expectation = readonly [
	counted: Counted,
	is: "-eq" | "-gt",
	value: number,
];

export interface Race {
	readonly name: string;
	/** A few words, for a picture. */
	readonly label: string;
	/** Something was done against the loss. */
	readonly cured?: true;
	/** From one socket, as A and AAAA queries; or from two pods that want the same source port. */
	readonly senders: "one socket" | "two pods";
	/** The service, whose rule chooses between the servers; or one server, behind a masquerade. */
	readonly to: "service" | Masquerade;
	readonly delayMs: number;
	/** The node handles all that a flow of a pod sends on one CPU. */
	readonly oneCPU?: true;
	/** Two of 64 512 random ports are the same in one of a hundred such races: one that was lost by that is run once more. */
	readonly isByChance?: true;
	readonly expects: readonly Expectation[];
	/** What `doctor` says. */
	readonly says: string;
	/** The counter that `stats` explains. */
	readonly explained?: Counted;
}

export type Masquerade =
	| "masquerade"
	| "masquerade random"
	| "masquerade fully-random";

/** More than one of six: half of the pairs go to one server, and are the same flow. */
const MET: Expectation = ["clash_resolve", "-gt", Math.ceil(PAIRS / 6)];
const NONE_MET: Expectation = ["clash_resolve", "-eq", 0];
const NONE_LOST: Expectation = ["lost", "-eq", 0];
const NONE_FAILED: Expectation = ["insert_failed", "-eq", 0];
/** More than 10 % of the packets. */
const TENTH_LOST: Expectation = ["lost", "-gt", Math.ceil((2 * PAIRS) / 10)];
const FULLY_RANDOM = "masquerade fully-random";
const SAYS_MET = "answers that took over 1 s were lost and not counted";
const SAYS_PORT = "two flows wanted one source port at one server";
const SAYS_NOTHING = "no packets of new flows were lost";

export const RACES: readonly Race[] = [
	{
		name: "A and AAAA to a service: the kernel passes both on",
		label: "A and AAAA, answered at once",
		senders: "one socket",
		to: "service",
		delayMs: 0,
		expects: [MET, NONE_FAILED, NONE_LOST],
		says: SAYS_MET,
		explained: "clash_resolve",
	},
	{
		name: "A and AAAA to a service, answered after 1.5 s: answers are lost",
		label: "answered after 1.5 s",
		senders: "one socket",
		to: "service",
		delayMs: LATE_MS,
		expects: [MET, NONE_FAILED, TENTH_LOST],
		says: SAYS_MET,
		explained: "clash_resolve",
	},
	{
		name: "A and AAAA to a service, answered after 1.5 s, one CPU for each flow: nothing is lost",
		label: "1.5 s, one CPU for each flow",
		cured: true,
		senders: "one socket",
		to: "service",
		delayMs: LATE_MS,
		oneCPU: true,
		expects: [NONE_MET, NONE_FAILED, NONE_LOST],
		says: SAYS_NOTHING,
	},
	{
		name: "two queries through a fully-random masquerade, answered after 1.5 s: answers are lost",
		label: "through fully-random, 1.5 s",
		senders: "one socket",
		to: FULLY_RANDOM,
		delayMs: LATE_MS,
		expects: [MET, NONE_FAILED, TENTH_LOST],
		says: SAYS_MET,
		explained: "clash_resolve",
	},
	{
		name: "two queries through a fully-random masquerade, answered after 1.5 s, one CPU for each flow: nothing is lost",
		label: "fully-random, one CPU for each flow",
		cured: true,
		senders: "one socket",
		to: FULLY_RANDOM,
		delayMs: LATE_MS,
		oneCPU: true,
		expects: [NONE_MET, NONE_FAILED, NONE_LOST],
		says: SAYS_NOTHING,
	},
	{
		name: "two pods, one source port, a masquerade: packets are lost",
		label: "two pods, one source port",
		senders: "two pods",
		to: "masquerade",
		delayMs: 0,
		expects: [["insert_failed", "-gt", 0], ["lost", "-gt", 0], NONE_MET],
		says: SAYS_PORT,
		explained: "insert_failed",
	},
	{
		name: "two pods, one source port, a masquerade, one CPU for each flow: packets are lost",
		label: "two pods, one CPU for each flow",
		senders: "two pods",
		to: "masquerade",
		delayMs: 0,
		oneCPU: true,
		expects: [["insert_failed", "-gt", 0], ["lost", "-gt", 0], NONE_MET],
		says: SAYS_PORT,
		explained: "insert_failed",
	},
	...(["masquerade random", FULLY_RANDOM] as const).map((to) => ({
		name: `two pods, one source port, a ${to.replace(/(\S+) (\S+)/, "$2 $1")}: nothing is lost`,
		label: `two pods, ${to}`,
		cured: true as const,
		isByChance: true as const,
		senders: "two pods" as const,
		to,
		delayMs: 0,
		expects: [NONE_FAILED, NONE_MET, NONE_LOST],
		says: SAYS_NOTHING,
	})),
];

/** Returns what a race should have counted and did not. */
export function unmet({ expects }: Race, counts: Counts): Expectation[] {
	return expects.filter(([name, is, value]) =>
		is === "-eq" ? counts[name] !== value : counts[name] <= value,
	);
}

/** Returns what `doctor` says whom the race concerns, or nothing if it says only why. */
export function concerns({ senders, explained }: Race): string {
	return senders === "two pods" && explained
		? `udp ${SERVERS[0]}:${DNS_PORT} is wanted from one port by `
		: "";
}

/** Returns a node's rules of nft; `server` is the interface that leads to the first of the servers. */
export function rulesOf({ to }: Race, server: string): string {
	const [first, second] = SERVERS;
	return [
		"table ip races {",
		"chain in {",
		"type nat hook prerouting priority -100;",
		`ip daddr ${SERVICE} udp dport ${DNS_PORT} dnat to numgen random mod 2 map { 0 : ${first}, 1 : ${second} }`,
		"}",
		"chain out {",
		"type nat hook postrouting priority 100;",
		...(to === "service" ? [] : [`oifname ${server} ${to}`]),
		"}",
		"}",
	].join("\n");
}

/** Returns the words of pairs.c that send a race from these namespaces: they end half a second after the last answer was due. */
export function sendingOf(
	{ senders, to, delayMs }: Race,
	pods: readonly [string, string],
): string[] {
	return [
		"send",
		to === "service" ? SERVICE : SERVERS[0],
		...[DNS_PORT, FIRST_PORT, PAIRS, delayMs + 500].map(String),
		...(senders === "one socket" ? pods.slice(0, 1) : pods),
	];
}
