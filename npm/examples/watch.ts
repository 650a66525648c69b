// Watches a hostPort: prints each entry that comes (+), that goes (-), and each whose
// verdict changes (!), until SIGINT or SIGTERM. The hostPort is the first argument.

import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { type ListedEntry, list } from "conntrack-flush";

const [hostPort = "8125"] = process.argv.slice(2);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"])
	void once(process, signal).then(() => stop.abort());

const say = (sign: string, { proto, orig, reply, verdict, why }: ListedEntry) =>
	console.log(
		`${sign} ${proto} ${orig.src}:${orig.sport} -> ${reply.src}:${reply.sport} ${verdict}: ${why}`,
	);

let before = new Map<number, ListedEntry>();
while (!stop.signal.aborted) {
	const now = new Map<number, ListedEntry>();
	for await (const entry of list({ hostPort })) {
		now.set(entry.id, entry);
		const old = before.get(entry.id);
		if (old === undefined) say("+", entry);
		else if (old.verdict !== entry.verdict) say("!", entry);
	}
	for (const [id, entry] of before) if (!now.has(id)) say("-", entry);
	before = now;
	await setTimeout(1000, undefined, { signal: stop.signal }).catch(() => {});
}
