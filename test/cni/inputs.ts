// The inputs that a runtime may send, by classes; and those of hostile hands.

import { ENV } from "./call.ts";

export const VERBS = [
	"ADD",
	"DEL",
	"CHECK",
	"GC",
	"STATUS",
	"VERSION",
] as const;
export const VERSIONS = [
	"0.1.0",
	"0.2.0",
	"0.3.0",
	"0.3.1",
	"0.4.0",
	"1.0.0",
	"1.1.0",
] as const;

type Conf = Record<string, unknown>;
type Env = Record<string, string | undefined>;

export interface InputClass {
	readonly name: string;
	conf?(conf: Conf): Conf;
	readonly stdin?: string | Uint8Array;
	readonly env?: Env;
}

const MAPPING = { hostPort: 8125, containerPort: 53, protocol: "udp" };

/** A request that every verb of `version` takes. */
export function good(version: string, dataDir: string): Conf {
	const old = version < "0.3.0";
	return {
		cniVersion: version,
		name: "mynet",
		type: "conntrack-flush",
		dataDir,
		"cni.dev/valid-attachments": [{ containerID: "4f2e", ifname: "eth0" }],
		runtimeConfig: { portMappings: [MAPPING] },
		prevResult: old
			? { cniVersion: version, ip4: { ip: "10.88.0.2/16" } }
			: {
					cniVersion: version,
					ips: [{ address: "10.88.0.2/16", version: "4" }],
				},
	};
}

const without =
	(key: string) =>
	({ [key]: _, ...rest }: Conf): Conf =>
		rest;
const having =
	(more: Conf) =>
	(conf: Conf): Conf => ({ ...conf, ...more });

const mapping = (more: Conf) =>
	having({ runtimeConfig: { portMappings: [{ ...MAPPING, ...more }] } });

export const CLASSES: readonly InputClass[] = [
	{ name: "as it should be" },
	{ name: "unknown keys", conf: having({ future: { key: [1] } }) },
	{
		name: "no port mappings",
		conf: without("runtimeConfig"),
	},
	{ name: "no prevResult", conf: without("prevResult") },
	{ name: "prevResult is no object", conf: having({ prevResult: "x" }) },
	{ name: "no name", conf: without("name") },
	{ name: "name with a slash", conf: having({ name: "../x" }) },
	{ name: "a name of 300", conf: having({ name: "n".repeat(300) }) },
	{ name: "cniVersion null", conf: having({ cniVersion: null }) },
	{ name: "cniVersion unknown", conf: having({ cniVersion: "9.9.9" }) },
	{ name: "cniVersion no string", conf: having({ cniVersion: 1 }) },
	{ name: "a key of ours of the wrong type", conf: having({ on: 1 }) },
	{ name: "a port that is no number", conf: mapping({ hostPort: "8125" }) },
	{ name: "a port out of range", conf: mapping({ hostPort: 70000 }) },
	{ name: "a hostIP that is no address", conf: mapping({ hostIP: "x" }) },
	{ name: "runtimeConfig is no object", conf: having({ runtimeConfig: [] }) },
	{
		name: "no list of valid attachments",
		conf: without("cni.dev/valid-attachments"),
	},
	{
		name: "a malformed list of them",
		conf: having({ "cni.dev/valid-attachments": [{ containerID: 1 }] }),
	},
	{ name: "stdin empty", stdin: "" },
	{ name: "stdin no JSON", stdin: "{" },
	{ name: "stdin no object", stdin: "[]" },
	{ name: "no CNI_CONTAINERID", env: { ...ENV, CNI_CONTAINERID: undefined } },
	{ name: "no CNI_IFNAME", env: { ...ENV, CNI_IFNAME: undefined } },
	{ name: "no CNI_NETNS", env: { ...ENV, CNI_NETNS: undefined } },
	{ name: "no CNI_PATH", env: { ...ENV, CNI_PATH: undefined } },
	{
		name: "a container ID with a slash",
		env: { ...ENV, CNI_CONTAINERID: "a/b" },
	},
	{
		name: "an interface name of 16",
		env: { ...ENV, CNI_IFNAME: "e".repeat(16) },
	},
	{
		name: "an interface name of 16 bytes in UTF-8",
		env: { ...ENV, CNI_IFNAME: "\u00e4".repeat(8) },
	},
];

/** A document made from one that every verb takes. */
export type Make = (good: string) => string | Uint8Array;

/** Documents that want to break the parser; the code is the same for every verb, but for VERSION. */
export const HOSTILE: readonly (readonly [
	name: string,
	make: Make,
	code: string,
	ofVersion?: string,
])[] = [
	["empty", () => "", "6", "ok"],
	["white space alone", () => " \n\t", "6", "ok"],
	["truncated", (good) => good.slice(0, -7), "6"],
	["100 000 nested brackets", () => "[".repeat(100_000), "6"],
	["100 000 nested objects", () => '{"a":'.repeat(100_000), "6"],
	[
		"100 000 brackets in a member",
		() => `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
		"6",
	],
	[
		"invalid UTF-8",
		() => Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
		"6",
	],
	["a byte order mark", (good) => `\ufeff${good}`, "6"],
	["trailing bytes", (good) => `${good}x`, "6"],
	["a second document", (good) => `${good}${good}`, "6"],
	["a NUL", (good) => `${good}\0`, "6"],
	["a NUL in a string", (good) => good.replace("mynet", "my\0net"), "6"],
	[
		"a NUL escaped in the name",
		(good) => good.replace("mynet", "my\\u0000net"),
		"7",
		"ok",
	],
	[
		"a lone surrogate in the name",
		(good) => good.replace("mynet", "\\ud800"),
		"7",
		"ok",
	],
	["a single quote", () => "{'name':1}", "6"],
	["a comment", (good) => `/* */${good}`, "6"],
	["5 MB of garbage", () => "x".repeat(5 << 20), "6"],
	["5 MB of brackets", () => "[".repeat(5 << 20), "6"],
	["15 MB of values", () => `{"a":[${"[],".repeat(5 << 20)}[]]}`, "6"],
	["16 MB and a byte", () => Buffer.alloc((16 << 20) + 1, 0x20), "5"],
	["20 MB", (good) => good + " ".repeat(20 << 20), "5"],
];

/** Documents that look hostile and are valid: they must be taken. */
export const UNUSUAL: readonly (readonly [name: string, make: Make])[] = [
	[
		"duplicate keys: the last counts",
		(good) => good.replace("{", '{"name":"other",'),
	],
	["a number beyond all", (good) => good.replace("{", '{"n":1e999,')],
	["indentation", (good) => JSON.stringify(JSON.parse(good), null, "\t")],
	["a member of 4 MB", (good) => good.replace("{", `{"x":"${y(4)}",`)],
	["a member of 15 MB", (good) => good.replace("{", `{"x":"${y(15)}",`)],
	["white space up to 16 MB", (good) => good.padEnd(16 << 20)],
	[
		"a member called __proto__",
		(good) => good.replace("{", '{"__proto__":{"on":1},'),
	],
	[
		"100 000 members",
		(good) =>
			good.replace(
				"{",
				`{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i},`).join("")}`,
			),
	],
];

function y(megabytes: number): string {
	return "y".repeat(megabytes << 20);
}
