// The entries that the cases begin with: one of every kind that a busy node has,
// so that whatever removes too much removes one of these. In the lines of
// guest/entry.h, by name.

export const HOST = "203.0.113.1";
export const HOST2 = "203.0.113.10";
export const HOST6 = "fd03::1";
export const POD = "10.88.0.2";
export const POD6 = "fd88::2";
export const OLD = "10.88.0.9";
export const OLD6 = "fd88::9";
const NEIGHBOUR = "10.88.0.7";
const SERVER = "198.51.100.9";
export const HOST_PORT = 8125;
export const CONTAINER_PORT = 5353;

/** The words of an entry, in the order in which the guest prints them. */
const WORDS = ["snat", "dnat", "seen", "assured", "fixed", "zone"];

/** `reply` is the inverse of `orig` if it is empty: no NAT. */
function entry(
	proto: string,
	orig: string,
	reply = "",
	...words: readonly string[]
): string {
	const inverse = orig.split(" > ").reverse().join(" > ");
	return withWords(`${proto} ${orig} | ${reply || inverse}`, words);
}

function withWords(line: string, words: readonly string[]): string {
	const rank = (word: string): number =>
		WORDS.findIndex((w) => word.startsWith(w));
	const sorted = words.toSorted((a, b) => rank(a) - rank(b));
	return [line, ...sorted].join(" ");
}

/** The line of an entry that was retired. */
export function fixed(line: string): string {
	const [ends = "", words = ""] = splitWords(line);
	return withWords(ends, [...words.split(" ").filter(Boolean), "fixed"]);
}

function splitWords(line: string): string[] {
	return /^(\S+ \S+ > \S+ \| \S+ > \S+) ?(.*)$/.exec(line)?.slice(1) ?? [];
}

let clients = 6000;
/** A client with a port of its own, to an address, answered from another. */
function to(
	proto: string,
	target: string,
	answers: string,
	...words: readonly string[]
): string {
	const c = `${target.startsWith("[") ? "[fd07::7]" : "192.0.2.7"}:${++clients}`;
	return entry(
		proto,
		`${c} > ${target}`,
		answers && `${answers} > ${c}`,
		...words,
	);
}

const FRONT = `${HOST}:${HOST_PORT}`;
const FRONT2 = `${HOST2}:${HOST_PORT}`;
const FRONT6 = `[${HOST6}]:${HOST_PORT}`;
const BACK = `${POD}:${CONTAINER_PORT}`;
const BACK6 = `[${POD6}]:${CONTAINER_PORT}`;
const OLD_BACK = `${OLD}:${CONTAINER_PORT}`;
const OLD_BACK6 = `[${OLD6}]:${CONTAINER_PORT}`;

const UDP = {
	"to the pod": to("udp", FRONT, BACK, "dnat", "seen"),
	"to the pod, without the status bit": to("udp", FRONT, BACK, "seen"),
	"to the pod by the second address": to("udp", FRONT2, BACK, "dnat"),
	"to the pod from itself": entry(
		"udp",
		`${POD}:7001 > ${FRONT}`,
		`${BACK} > 10.88.0.1:7001`,
		"dnat",
		"snat",
	),
	"to the pod's other port": to("udp", FRONT, `${POD}:9999`, "dnat"),
	"another hostPort of the pod": to("udp", `${HOST}:9125`, BACK, "dnat"),
	"to the old pod": to("udp", FRONT, OLD_BACK, "dnat", "seen", "assured"),
	"to the old pod, never answered": to("udp", FRONT, OLD_BACK, "dnat"),
	"to the neighbour by the second address": to(
		"udp",
		FRONT2,
		`${NEIGHBOUR}:${CONTAINER_PORT}`,
		"dnat",
		"seen",
	),
	"past the rule": to("udp", FRONT, ""),
	"to an external server": entry(
		"udp",
		`${POD}:7002 > ${SERVER}:${HOST_PORT}`,
		"",
		"seen",
	),
	"to an external server, masqueraded": entry(
		"udp",
		`${POD}:7003 > ${SERVER}:${HOST_PORT}`,
		`${SERVER}:${HOST_PORT} > ${HOST}:7003`,
		"snat",
		"seen",
	),
	"straight to the pod": to("udp", `${POD}:${HOST_PORT}`, "", "seen"),
	"from the pod's hostPort": entry(
		"udp",
		`${POD}:${HOST_PORT} > ${SERVER}:41234`,
		`${SERVER}:41234 > ${HOST}:${HOST_PORT}`,
		"snat",
		"seen",
	),
	"from the neighbour's hostPort": entry(
		"udp",
		`${NEIGHBOUR}:${HOST_PORT} > ${SERVER}:41235`,
		`${SERVER}:41235 > ${HOST}:${HOST_PORT}`,
		"snat",
		"seen",
	),
};

const OTHERS = {
	"TCP to the pod": to("tcp", FRONT, BACK, "dnat", "seen", "assured"),
	"TCP to the old pod": to("tcp", FRONT, OLD_BACK, "dnat", "seen", "assured"),
	"TCP to a listener of the node": to("tcp", FRONT, "", "seen", "assured"),
	"SCTP to the pod": to("sctp", FRONT, BACK, "dnat", "seen"),
	"SCTP to the old pod": to("sctp", FRONT, OLD_BACK, "dnat", "seen"),
	"SCTP past the rule": to("sctp", FRONT, ""),
	"SCTP to a listener of the node": to("sctp", FRONT, "", "seen", "assured"),
	"SCTP to the pod, another hostPort": to("sctp", `${HOST}:9125`, BACK, "dnat"),
	ping: entry("icmp", `192.0.2.7:77 > ${HOST}:8`, `${HOST}:77 > 192.0.2.7:0`),
};

const V6 = {
	"IPv6 to the pod": to("udp", FRONT6, BACK6, "dnat", "seen"),
	"IPv6 to the old pod": to("udp", FRONT6, OLD_BACK6, "dnat", "seen"),
	"IPv6 past the rule": to("udp", FRONT6, ""),
	"IPv6 to an external server": entry(
		"udp",
		`[${POD6}]:7004 > [fd09::9]:${HOST_PORT}`,
		"",
		"seen",
	),
	"IPv6 from the pod's hostPort": entry(
		"udp",
		`[${POD6}]:${HOST_PORT} > [fd09::9]:41234`,
		`[fd09::9]:41234 > [${HOST6}]:${HOST_PORT}`,
		"snat",
		"seen",
	),
	"IPv6 TCP to the pod": to("tcp", FRONT6, BACK6, "dnat", "seen", "assured"),
	"IPv6 SCTP to the pod": to("sctp", FRONT6, BACK6, "dnat", "seen"),
	"IPv6 ping": entry(
		"icmpv6",
		`[fd07::7]:77 > [${HOST6}]:128`,
		`[${HOST6}]:77 > [fd07::7]:129`,
	),
};

const ZONES = {
	// the very tuples of the two in the default zone
	"to the pod, zone 7": `${UDP["to the pod"]} zone=7`,
	"to the old pod, zone 7": `${UDP["to the old pod"]} zone=7`,
	"to the pod, original zone 5": to("udp", FRONT, BACK, "dnat", "zone-orig=5"),
	"to the old pod, original zone 5": to(
		"udp",
		FRONT,
		OLD_BACK,
		"dnat",
		"zone-orig=5",
	),
	"to the pod, reply zone 6": to("udp", FRONT, BACK, "dnat", "zone-reply=6"),
	"to the old pod, reply zone 6": to(
		"udp",
		FRONT,
		OLD_BACK,
		"dnat",
		"zone-reply=6",
	),
	"IPv6 to the old pod, zone 7": `${V6["IPv6 to the old pod"]} zone=7`,
};

export const SCENE = { ...UDP, ...OTHERS, ...V6, ...ZONES };
export type Name = keyof typeof SCENE;
export const ALL: readonly string[] = Object.values(SCENE);

export function except(...names: readonly Name[]): string[] {
	const gone = new Set(names.map((name) => SCENE[name]));
	return ALL.filter((line) => !gone.has(line));
}

/** All entries, those of these names retired. */
export function retired(...names: readonly Name[]): string[] {
	const hit = new Set(names.map((name) => SCENE[name]));
	return ALL.map((line) => (hit.has(line) ? fixed(line) : line));
}

/** The names of the lines that a text quotes, put in front of them. */
export function withNames(text: string): string {
	return Object.entries(SCENE)
		.toSorted(([, a], [, b]) => b.length - a.length)
		.reduce((t, [name, line]) => t.replaceAll(line, `"${name}"`), text);
}

/** The fields of a line, for choosing entries and for writing messages about them. */
export interface Facts {
	readonly v6: boolean;
	readonly proto: string;
	/** `192.0.2.7:6000 > 203.0.113.1:8125` */
	readonly orig: string;
	readonly reply: string;
	readonly words: readonly string[];
	readonly dport: number;
	/** Returns the value of a word such as `zone=7`. */
	value(word: string): number | undefined;
}

export function factsOf(line: string): Facts {
	const [ends = "", rest = ""] = splitWords(line);
	const [proto = "", orig = "", reply = ""] =
		/^(\S+) (.+) \| (.+)$/.exec(ends)?.slice(1) ?? [];
	const words = rest.split(" ").filter(Boolean);
	return {
		v6: orig.startsWith("["),
		proto,
		orig,
		reply,
		words,
		dport: Number(orig.slice(orig.lastIndexOf(":") + 1)),
		value(word) {
			const found = words.find((w) => w.startsWith(`${word}=`));
			return found === undefined
				? undefined
				: Number(found.slice(word.length + 1));
		},
	};
}

/** The entries of which `f` is true. */
export function where(f: (e: Facts) => boolean): string[] {
	return ALL.filter((line) => f(factsOf(line)));
}
