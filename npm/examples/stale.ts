// Lists the entries that keep traffic from where it belongs, and counts them by reason.

import { list } from "conntrack-flush";

const reasons = new Map<string, number>();
for await (const { orig, reply, proto, reason, why } of list({ stale: true })) {
	console.log(
		`${proto} ${orig.src}:${orig.sport} -> ${orig.dst}:${orig.dport} leads to ${reply.src}: ${why}`,
	);
	const name = reason ?? "unknown";
	reasons.set(name, (reasons.get(name) ?? 0) + 1);
}
for (const [reason, n] of reasons) console.log(`${reason}: ${n}`);
