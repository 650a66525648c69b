// The words of conntrack(8), for fingers that know them: those that mean one thing here
// are translated, and the others are answered with the command to type. It is loaded only
// for words that no command of ours knows, and runs nothing.

import { own } from "../lookup.ts";
import { anyProtocolName } from "../net/otherprotos.ts";
import { protocolOf } from "../net/proto.ts";
import { shellWord } from "../shell.ts";
import { type Flags, flagName } from "./command.ts";
import { refuse, refuseZone } from "./conntrackanswers.ts";
import { UsageError } from "./usage.ts";

/** What a command of conntrack(8) becomes: the words of ours, or why there are none and what to type. */
const COMMANDS: Readonly<Record<string, readonly string[] | Answer>> = {
	"-L": ["list", "--all"],
	"-G": ["list", "--all"],
	"-D": ["flush"],
	"-C": ["stats"],
	"-S": ["stats", "--per-cpu"],
	"-E": {
		why: "-E follows events, which nothing here does; list can repeat itself",
		type: ["list --watch"],
	},
	"-F": {
		why: "-F empties the whole table, which nothing here does",
		type: ["flush --stale --dry-run", "flush --stale"],
	},
	"-I": { why: "nothing here makes or changes entries", type: ["list --help"] },
};
interface Answer {
	readonly why: string;
	readonly type: readonly string[];
}

/** Other spellings, by the one that is looked up. */
const SAME: Readonly<Record<string, string>> = {
	"--dump": "-L",
	"--get": "-G",
	"--delete": "-D",
	"--count": "-C",
	"--stats": "-S",
	"--event": "-E",
	"--flush": "-F",
	"--create": "-I",
	...{ "-A": "-I", "--add": "-I", "-U": "-I", "--update": "-I" },
	...{ "--src": "-s", "--orig-src": "-s" },
	...{ "--dst": "-d", "--orig-dst": "-d" },
	...{ "--orig-port-src": "--sport", "--orig-port-dst": "--dport" },
	...{ "--reply-src": "-r", "--reply-dst": "-q" },
	...{ "--protonum": "-p", "--proto": "-p" },
	...{ "--family": "-f", "--output": "-o", "--zone": "-w" },
	...{ "--src-nat": "-n", "--dst-nat": "-g", "--any-nat": "-j" },
	...{ "--mark": "-m", "--status": "-u", "--label": "-l" },
	...{ "--timeout": "-t", "--id": "-i", "--zero": "-z" },
	...{ "--event-mask": "-e", "--buffer-size": "-b" },
};

/** The options that have a value, those whose value may be missing, and those that have none. */
const VALUE =
	/^(-[sdrqpfowmultieb]|--(sport|dport|reply-port-(src|dst)|state|mask-(src|dst)|(orig|reply)-zone|port))$/;
const MAY_HAVE_VALUE = /^-[ngj]$/;
const SWITCH = /^(-z|--json)$/;
/** The flags of ours that name a place. */
const PLACES = /^--(from|to|leads-to|pod-ip|answered-at|pod)(=|$)/;
const TABLES = ["expect", "dying", "unconfirmed"];

/**
 * Returns the words of ours for what was typed, or undefined if no word of conntrack(8)
 * is in it. `flagsOf` returns the flags of `list` and `flush`, which may stand beside
 * them. Throws UsageError with the commands to type where a word may mean several things,
 * or nothing here.
 */
export function translate(
	argv: readonly string[],
	flagsOf: Readonly<Record<"list" | "flush", Flags>>,
): readonly string[] | undefined {
	const [first = "", ...others] = argv;
	if (first === "conntrack") return translate(others, flagsOf);
	const isOurs = first === "list" || first === "flush";
	const words = isOurs ? others : argv;
	const isLine = !isOurs && first.startsWith("-");
	const command = isLine ? words.find(commandOf) : undefined;
	const meaning = command && COMMANDS[commandOf(command) ?? ""];
	if (!isOurs && !meaning) return undefined;
	if (meaning && "why" in meaning)
		throw new UsageError(meaning.why, undefined, meaning.type);
	const [verb = "", ...more] = meaning ?? [first];
	const rest = words.filter((word) => word !== command);
	const table = rest.find((word) => TABLES.includes(word));
	if (command && table)
		throw new UsageError(
			`the table ${table} is not looked at here`,
			undefined,
			["list --all"],
		);
	if (verb !== "list" && verb !== "flush")
		return [verb, ...more, ...rest.filter((word) => word !== "conntrack")];
	const said = read(rest, flagsOf[verb], verb, !isOurs);
	if (!said.isForeign && isOurs) return undefined;
	const taken = [verb, ...more, ...inOurWords(said, verb)];
	if (verb === "flush" && (!isOurs || said.given.has("-w"))) refuseZone(taken);
	return taken;
}

/** Says what words were taken as, and what a removal leaves that conntrack(8) would take. */
export function noteOn(words: readonly string[]): string {
	const taken = `taken as: conntrack-flush ${words.map(shellWord).join(" ")}`;
	if (words[0] !== "flush") return taken;
	if (!words.includes("--proto"))
		return `${taken} (udp only; --proto all is for every protocol)`;
	return /^(tcp|all)$/.test(words[words.indexOf("--proto") + 1] ?? "")
		? `${taken} (TCP without NAT stays)`
		: taken;
}

/** Returns the spelling in COMMANDS. */
function commandOf(word: string): string | undefined {
	const key = own(SAME, word) ?? word;
	return own(COMMANDS, key) && key;
}

interface Words {
	/** The values of options of conntrack(8), by the spelling that is looked up; "" for none. */
	readonly given: ReadonlyMap<string, string>;
	/** Words of ours, and what nobody knows. */
	readonly rest: readonly string[];
	/** True if a word is not one of ours. */
	readonly isForeign: boolean;
}

/** Sorts the words. In a line of conntrack(8), its meaning of a letter is the one that counts. */
function read(
	words: readonly string[],
	flags: Flags,
	verb: string,
	isTheirs: boolean,
): Words {
	const ours = new Map<string, Flags[string]>();
	for (const [key, flag] of Object.entries(flags)) {
		ours.set(flagName(key), flag);
		if (flag.short) ours.set(`-${flag.short}`, flag);
		if (flag.alias) ours.set(flag.alias, flag);
	}
	const given = new Map<string, string>();
	const rest: string[] = [];
	let isForeign = isTheirs;
	let twice: string | undefined;
	const queue = [...words];
	for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
		const [name = word] = /^(--[^=]*|-.)/u.exec(word) ?? [];
		const attached = word.slice(name.length);
		const inline = attached.replace(/^=/, "");
		const key = own(SAME, name) ?? name;
		const next = queue[0];
		const isValue = next !== undefined && !/^-./.test(next);
		const flag = ours.get(name);
		const isNumber = isValue && /^\d+$/.test(next);
		if (flag && key === "-w" && !("value" in flag) && !isTheirs && isNumber)
			throw new UsageError(
				"-w watches here, and conntrack(8) takes a zone after it",
				undefined,
				[`${verb} --zone ${next}`, `${verb} --watch ${next}`],
			);
		const isTheirWord =
			VALUE.test(key) || MAY_HAVE_VALUE.test(key) || SWITCH.test(key);
		// a letter of ours is theirs in their lines, but -n without a value harms nobody
		const isOurWord =
			flag !== undefined &&
			key !== "-o" &&
			(name.startsWith("--") || !isTheirs || (name === "-n" && !isValue));
		if (!isTheirWord || isOurWord) {
			if (!(isTheirs && word === "conntrack")) rest.push(word);
			const takes = flag && "value" in flag && !("bare" in flag) && !attached;
			if (takes && next !== undefined) rest.push(queue.shift() ?? "");
			continue;
		}
		isForeign ||= flag === undefined || isTheirOutput(key, inline || next);
		const takes =
			attached === "" &&
			isValue &&
			(VALUE.test(key) || MAY_HAVE_VALUE.test(key));
		const value = takes ? (queue.shift() ?? "") : inline;
		// a variable that is empty must not widen what is selected
		if (VALUE.test(key) && value === "")
			throw new UsageError(`${name} needs a value`);
		if (given.has(key)) twice ??= name;
		given.set(key, value);
	}
	if (isForeign && twice !== undefined)
		throw new UsageError(`${twice} or another name of it was given twice`);
	return { given, rest, isForeign };
}

function isTheirOutput(key: string, value: string | undefined): boolean {
	return key === "-o" && outputOf(value ?? "", "list") !== value;
}

/** Returns the selection in our flags. Throws UsageError for what selects nothing here, or several things. */
function inOurWords(
	{ given, rest }: Words,
	verb: "list" | "flush",
): readonly string[] {
	const get = (key: string): string | undefined => given.get(key) || undefined;
	const words: string[] = [];
	const add = (flag: string, value: string | undefined): void => {
		if (value !== undefined) words.push(flag, value);
	};
	const dport = get("--dport");
	const place = get("-d");
	add("--from", placeOf(get("-s"), get("--sport")));
	// whoever removes by a port alone may mean one of this node
	const isAlone =
		![..."sdrqgn"].some((letter) => get(`-${letter}`)) &&
		!rest.some((word) => PLACES.test(word));
	const isEither = verb === "flush" && dport !== undefined && isAlone;
	if (!isEither) add("--to", placeOf(place, dport));
	for (const [one, other] of [
		["-r", "-g"],
		["-q", "-n"],
	] as const)
		if (get(one) && get(other) && get(one) !== get(other))
			throw new UsageError(
				`no entry has both ${one} ${get(one)} and ${other} ${get(other)}`,
			);
	add("--leads-to", placeOf(get("-r") ?? get("-g"), get("--reply-port-src")));
	const translated = get("-n");
	const isSure = translated === undefined || verb === "list";
	const answered = get("-q") ?? (isSure ? translated : undefined);
	add("--answered-at", placeOf(answered, get("--reply-port-dst")));
	add("--host-port", get("--port"));
	add("--proto", protoIn(get("-p"), verb));
	add("--family", get("-f"));
	add("--zone", get("-w"));
	add("--output", given.has("--json") ? "json" : outputOf(get("-o"), verb));
	const line = (...more: readonly string[]): string =>
		[verb, ...more, ...words, ...rest].map(shellWord).join(" ");
	refuse(given, words, rest);
	const format = get("-o");
	if (isNotWritten(format))
		throw new UsageError(
			`-o ${format} is not written here; json is`,
			undefined,
			[line(...(verb === "list" ? ["--all"] : []))],
		);
	if (!isSure && answered === undefined)
		throw new UsageError(
			`what is answered at ${translated} may be translated to it, or come from it`,
			undefined,
			[line("--answered-at", translated ?? "")],
		);
	if (isEither && dport !== undefined)
		throw new UsageError(
			`port ${dport} may be one of this node, or of any host`,
			undefined,
			[line("--host-port", dport), line("--to", `:${dport}`)],
		);
	return [...words, ...rest];
}

/** Returns the address and the port as one place; undefined for neither. */
function placeOf(
	address: string | undefined,
	port: string | undefined,
): string | undefined {
	if (address === undefined) return port && `:${port}`;
	if (port === undefined) return address;
	return address.includes(":") && !address.startsWith("[")
		? `[${address}]:${port}`
		: `${address}:${port}`;
}

/** Returns the protocol's name. Throws UsageError for one that a removal does not take. */
function protoIn(value: string | undefined, verb: string): string | undefined {
	if (value === undefined || value.toLowerCase() === "all") return value;
	const name = /^\d+$/.test(value) ? anyProtocolName(Number(value)) : value;
	if (protocolOf(name) !== undefined || verb === "list")
		return name.toLowerCase();
	throw new UsageError(
		`-p ${value}: ${verb} removes entries of udp, tcp and sctp`,
		undefined,
		["list --all"],
	);
}

/** Returns our format for one of conntrack(8); the words about more fields are `wide`, and mean nothing for a removal. */
function outputOf(value: string | undefined, verb: string): string | undefined {
	if (value === undefined) return undefined;
	const isMore = value
		.split(",")
		.every((word) =>
			/^(extended|id|ktimestamp|timestamp|labels|userspace)$/.test(word),
		);
	if (isMore) return verb === "list" ? "wide" : undefined;
	return isNotWritten(value) ? "json" : value;
}

function isNotWritten(format: string | undefined): boolean {
	return format === "xml" || format === "save";
}
