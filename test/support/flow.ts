// Entries as flows: how the conntrack tool makes them, and what tells them apart in
// what it shows. Entries made over netlink are test/kernel/creation.ts's.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "./exec.ts";
import type { Namespace } from "./netns.ts";

export type Family = 4 | 6;
export type Proto = "udp" | "tcp" | "sctp";

export interface Flow {
	readonly family: Family;
	readonly proto: Proto | "icmp";
	readonly src: string;
	readonly sport: number;
	readonly dst: string;
	readonly dport: number;
	/** Whom the entry leads to, and to whom the answers go. */
	readonly replySrc: string;
	readonly replySport: number;
	readonly replyDst: string;
	readonly replyDport: number;
	/** Made through the kernel's NAT, which sets IPS_DST_NAT. */
	readonly byNat: boolean;
	readonly seen: "UNREPLIED" | "SEEN_REPLY" | "ASSURED";
	readonly mark: number;
	readonly zone: number;
	readonly zoneOf: "both" | "orig" | "reply";
	/** Seconds that it lasts; TIMEOUT if that is left out. */
	readonly timeout?: number;
}

/** How long an entry lasts, in seconds. */
export const TIMEOUT = 600;

/** A client's UDP datagrams to hostPort 8125, led to the pod. */
export function flowOf(over: Partial<Flow>): Flow {
	const { src = "192.0.2.7", sport = 6000 } = over;
	const flow: Flow = {
		family: 4,
		proto: "udp",
		src,
		sport,
		dst: "203.0.113.1",
		dport: 8125,
		replySrc: "10.88.0.2",
		replySport: 5353,
		replyDst: src,
		replyDport: sport,
		byNat: false,
		seen: "UNREPLIED",
		mark: 0,
		zone: 0,
		zoneOf: "both",
	};
	return { ...flow, ...over };
}

/** The flow as a line of `conntrack --load-file`. */
function asCommand(f: Flow): string {
	const words = [
		"-A",
		"-s",
		f.src,
		"-d",
		f.dst,
		"-t",
		String(f.timeout ?? TIMEOUT),
	];
	if (f.proto === "icmp") {
		const v6 = f.family === 6;
		const name = v6 ? "icmpv6" : "icmp";
		words.push("-p", name, `--${name}-type`, v6 ? "128" : "8");
		words.push(`--${name}-code`, "0", `--${name}-id`, String(f.dport));
	} else {
		words.push("-p", f.proto);
		words.push("--sport", String(f.sport), "--dport", String(f.dport));
		if (f.byNat) {
			const ip = f.family === 6 ? `[${f.replySrc}]` : f.replySrc;
			words.push("--dst-nat", `${ip}:${f.replySport}`);
		} else {
			words.push("-r", f.replySrc, "-q", f.replyDst);
			words.push("--reply-port-src", String(f.replySport));
			words.push("--reply-port-dst", String(f.replyDport));
		}
		if (f.proto !== "udp") words.push("--state", "ESTABLISHED");
		if (f.proto === "sctp") words.push("--orig-vtag", "1", "--reply-vtag", "2");
	}
	const status = {
		UNREPLIED: "",
		SEEN_REPLY: "SEEN_REPLY",
		ASSURED: "SEEN_REPLY,ASSURED",
	};
	if (f.seen !== "UNREPLIED") words.push("-u", status[f.seen]);
	if (f.mark !== 0) words.push("-m", String(f.mark));
	if (f.zone !== 0) {
		const option = { both: "-w", orig: "--orig-zone", reply: "--reply-zone" };
		words.push(option[f.zoneOf], String(f.zone));
	}
	return words.join(" ");
}

/** Returns the name of a flow: all that tells entries apart, as `nameOf` reads it from the table. */
export function nameOfFlow(f: Flow): string {
	if (f.proto === "icmp")
		return `icmp ${f.src} ${f.dst} ${f.dport} ${zoneOf(f)}`;
	const orig = `${f.src} ${f.sport} ${f.dst} ${f.dport}`;
	const reply = `${f.replySrc} ${f.replySport} ${f.replyDst} ${f.replyDport}`;
	return `${f.proto} ${orig} ${reply} ${zoneOf(f)} ${f.mark}`;
}

function zoneOf({ zone, zoneOf: direction }: Flow): string {
	const suffix = { both: "", orig: "-orig", reply: "-reply" };
	return zone === 0 ? "-" : `zone${suffix[direction]}=${zone}`;
}

/** Returns the name of a line of `conntrack -L`: `udp 17 29 [state] src=… … [zone=…]`. */
function nameOf(line: string): string {
	const [proto = ""] = line.split(/\s/, 1);
	const all = (key: string): string[] =>
		[...line.matchAll(new RegExp(`\\b${key}=(\\S+)`, "g"))].map(
			(m) => m[1] ?? "",
		);
	const [src, dst] = [all("src"), all("dst")];
	const zone = /zone(?:-orig|-reply)?=\d+/.exec(line)?.[0] ?? "-";
	if (proto.startsWith("icmp"))
		return `icmp ${src[0]} ${dst[0]} ${all("id")[0]} ${zone}`;
	const [sport, dport] = [all("sport"), all("dport")];
	const tuple = (n: number): string =>
		`${src[n]} ${sport[n]} ${dst[n]} ${dport[n]}`;
	return `${proto} ${tuple(0)} ${tuple(1)} ${zone} ${all("mark")[0]}`;
}

/** Makes the entries with the conntrack tool. Throws if one of them is refused. */
export async function insert(
	ns: Namespace,
	flows: readonly Flow[],
): Promise<void> {
	// from a file: the tool cannot open the socket that Node gives as stdin
	const dir = mkdtempSync(join(tmpdir(), "conntrack-flush-flows-"));
	try {
		const file = join(dir, "flows");
		writeFileSync(file, `${flows.map(asCommand).join("\n")}\n`);
		await must(ns.inside(["conntrack", "-R", file]));
	} finally {
		rmSync(dir, { recursive: true });
	}
}

/** Returns the seconds left of each entry, by name. */
export async function readNames(ns: Namespace): Promise<Map<string, number>> {
	const names = new Map<string, number>();
	// without a family it lists both
	const text = await must(ns.inside(["conntrack", "-L"]));
	for (const line of text.split("\n"))
		if (line !== "") names.set(nameOf(line), Number(line.split(/\s+/)[2]));
	return names;
}
