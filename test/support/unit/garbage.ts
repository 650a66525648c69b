// The records of a few containers, and a table with an entry of each, for tests of
// garbage collection and of commands.

import { CONF, call } from "./calls.ts";

/** Returns the files of the containers' records. The pods' addresses are 10.88.0.2, 10.88.0.3 and so on. */
export async function records(
	...ids: string[]
): Promise<Record<string, string>> {
	let files: Record<string, string> = {};
	for (const [n, id] of ids.entries()) {
		const conf = {
			...CONF,
			prevResult: { ips: [{ address: `10.88.0.${n + 2}/16` }] },
		};
		const called = await call("ADD", {
			conf,
			env: { CNI_CONTAINERID: id },
			host: { files },
			kernel: { entries: [] },
		});
		files = Object.fromEntries(called.host.files);
	}
	return files;
}

/** Returns an entry with the id n that leads to 10.88.0.n through the hostPort. */
export const entry = (n: number) => ({
	id: n,
	orig: `192.0.2.7:${n} > 203.0.113.1:8125`,
	reply: `10.88.0.${n}:5353 > 192.0.2.7:${n}`,
});
export const ENTRIES = [entry(2), entry(3), entry(4)];
