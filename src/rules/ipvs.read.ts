// Reads what IPVS has from /proc, without loading its module. ipvs.ts decodes it.

import { type Host, isSysError } from "../host.ts";
import { type IPVS, servicesIn } from "./ipvs.ts";

const SERVICES = "/proc/net/ip_vs";
const CONNECTIONS = "/proc/net/ip_vs_conn";
const EXPIRE_NODEST = "/proc/sys/net/ipv4/vs/expire_nodest_conn";

/** Returns what IPVS has here, or undefined if it has neither services nor flows, as on most nodes. What cannot be read counts as absent. */
export function readIPVS(host: Host): IPVS | undefined {
	const found = servicesIn(linesOf(host, SERVICES));
	if (found.services === 0 && !hasFlows(host)) return undefined;
	const expires = textOf(host, EXPIRE_NODEST).trim();
	return { ...found, expiresFlows: expires !== "" && expires !== "0" };
}

function hasFlows(host: Host): boolean {
	let lines = 0;
	for (const _ of linesOf(host, CONNECTIONS)) if (++lines > 1) return true;
	return false;
}

/** Yields the lines of a file, or none. A cluster's Services and their servers may be many MB. */
function* linesOf(host: Host, path: string): Generator<string> {
	let rest = "";
	try {
		const text = host.full().openText(path);
		try {
			for (;;) {
				const part = text.read();
				if (part === "") break;
				const lines = (rest + part).split("\n");
				rest = lines.pop() ?? "";
				yield* lines;
			}
		} finally {
			text.close();
		}
	} catch (e) {
		if (!isSysError(e)) throw e;
	}
}

function textOf(host: Host, path: string): string {
	try {
		return host.readFile(path);
	} catch (e) {
		if (isSysError(e)) return "";
		throw e;
	}
}
