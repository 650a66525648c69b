// A process of its own that prints how a scan ends over an entry whose nlmsg_len is wrong.

import { pathToFileURL } from "node:url";
import { PortSet } from "../../../src/conntrack/skip.ts";
import { concat, datagram, entryMessage, u32 } from "../entries.ts";
import { scanDatagram } from "./tables.ts";

const entry = entryMessage({ orig: "192.0.2.7:6000 > 203.0.113.1:8125" }, 1);
const two = datagram(entry, entry);

export const LENGTHS = [
	0,
	1,
	15,
	16,
	95,
	two.length + 1,
	two.length + 3,
	two.length + 4,
	0x7fffffff,
	0x80000000,
	0xfffffff0,
	0xfffffffc,
	0xfffffffd,
	0xfffffffe,
	0xffffffff,
];

/** Returns how a scan for the port ends over the two entries, the first of which claims `size` bytes. */
async function ending(size: number, port: number): Promise<string> {
	const ports = new PortSet();
	ports.add(17, port);
	const bytes = concat(u32(size), two.subarray(4));
	try {
		const { hits, end } = await scanDatagram(bytes, 1, ports);
		return hits.length > 0 ? "hit" : end || "goes-on";
	} catch (e) {
		return String(e);
	}
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
	for (const size of LENGTHS) {
		const ends = new Set([await ending(size, 8125), await ending(size, 53)]);
		process.stdout.write(`${size} ${[...ends].join("/")}\n`);
	}
