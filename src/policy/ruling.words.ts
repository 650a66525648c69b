// The words in which people are told what the rules do. Pure.

import { formatEndpoint } from "../net/endpoint.ts";
import { ipOf } from "../net/ip.ts";
import { engineOf } from "../rules/engines.ts";
import type { NatTarget, Outcome, Packet } from "../rules/model.ts";
import type { Prospect } from "./ruling.ts";

/** `the rules now send 203.0.113.1:8125 to 10.88.0.5:5353 (netavark)` */
export function rulesInWords({ packet, outcomes }: Prospect): string {
	const frontend = formatEndpoint(ipOf(packet.dst), packet.dport);
	const targets = [
		...new Set(
			outcomes.flatMap((o) => {
				const target = targetInWords(o, packet);
				return target === undefined ? [] : [target];
			}),
		),
	];
	const [first, ...others] = targets;
	if (first === undefined)
		return outcomes.some(({ is }) => is === "dropped")
			? `a rule drops what is sent to ${frontend}`
			: `no rule sends ${frontend} anywhere`;
	const more =
		others.length === 0 ? "" : `, or to one of ${others.length} more`;
	return `the rules now send ${frontend} to ${first}${more}`;
}

/** Returns `10.88.0.5:5353 (netavark)`, or undefined unless the outcome is a target. */
function targetInWords(o: Outcome, p: Packet): string | undefined {
	if (o.is !== "target") return undefined;
	const { addresses, ports } = o.target;
	const isOne =
		(ports === undefined || ports.min === ports.max) &&
		(addresses === undefined || ipOf(addresses.min) === ipOf(addresses.max));
	return `${backendInWords(o.target, p.dport)}${isOne ? "" : " and following"} (${engineOf(o.by)})`;
}

/** Returns the first address and port of a target; `dport` is the port if the rule keeps it. */
export function backendInWords(
	{ addresses, ports }: NatTarget,
	dport: number,
): string {
	const port = ports?.min ?? dport;
	return addresses
		? formatEndpoint(ipOf(addresses.min), port)
		: `port ${port} of the node itself`;
}
