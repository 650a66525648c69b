// The families and protocols whose packets a rule may send elsewhere. In doubt a rule is
// for all protocols. Pure.

import { AF_INET, AF_INET6, type Family } from "../net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
	type Proto,
} from "../net/proto.ts";
import {
	type NatRule,
	NFPROTO_INET,
	type Register,
	type Step,
} from "./model.ts";

const FAMILIES: readonly Family[] = [AF_INET, AF_INET6];
const PROTOS: readonly Proto[] = [IPPROTO_UDP, IPPROTO_TCP, IPPROTO_SCTP];

/** A family and protocol. */
export interface Traffic {
	readonly family: Family;
	readonly proto: Proto;
}

/** Returns the traffic that the rule may send elsewhere. */
export function trafficOf({ family, steps }: NatRule): Traffic[] {
	if (!steps.some(sendsAway)) return [];
	const only = onlyProtocol(steps);
	return FAMILIES.filter(
		(f) => f === family || family === NFPROTO_INET,
	).flatMap((f) =>
		PROTOS.filter((p) => p === (only ?? p)).map((proto) => ({
			family: f,
			proto,
		})),
	);
}

function sendsAway({ is }: Step): boolean {
	return is === "nat" || is === "send" || is === "redirect";
}

/** Returns the protocol without which no packet gets past the steps, if they begin with a comparison that says so. */
function onlyProtocol(steps: readonly Step[]): number | undefined {
	let loaded: Register | undefined;
	for (const step of steps) {
		if (step.is === "fact") {
			if (step.fact === "protocol of layer 4") loaded = step.to;
			else if (step.to === loaded) loaded = undefined;
		} else if (step.is === "compare") {
			if (step.from === loaded && step.op === "==" && step.bytes.length === 1)
				return step.bytes[0];
		} else if (step.is !== "match") loaded = undefined;
	}
	return undefined;
}
