// The operations that are measured, by id.

import type { Request } from "./request.ts";
import { RULES_PER_SERVICE } from "./rules.ts";

/** "dump" and "flush" are C programs in floor/ that do the least one can do for the same end. */
export type Floor = "nothing" | "dump" | "flush";

export interface Op {
	readonly id: string;
	readonly label: string;
	readonly request: Request;
	/** Cheapest one counts. */
	readonly floors: readonly Floor[];
	/** The table is irrelevant: measured once, at the smallest size. */
	readonly once: boolean;
	/** Tables that it is measured on, unless it is asked for by name. */
	readonly sizes: readonly [least: number, most: number];
	/** The stall of the others is measured, too, not only ours. */
	readonly stall: boolean;
	/** Entries that have to go, in each family, spread over the ports. */
	readonly stale: number;
	/** So much is removed that one run of each must do. */
	readonly heavy: boolean;
	/** Services for which kube-proxy has made rules on the node. */
	readonly services?: number;
	/** The same with one port, as a contender. */
	readonly one?: string;
	/** Other pods on the node, which have a record; each has a hundred ports, half of them in a row. */
	readonly beside?: number;
}

/** The number of stale entries, whatever the number of ports, so that only the ports differ. */
const STALE = 100;

const ANY = [0, Infinity] as const;
const FILLED = [1, Infinity] as const;
/** The sizes at which a scan costs more than the start of a process. */
const LARGE = [60_000, Infinity] as const;
/** 65536 and 262144: enough to see what changes and what does not. */
const TWO = [60_000, 300_000] as const;
/** 262144, to which most comparisons refer. */
const MAIN = [200_000, 300_000] as const;

function op(
	id: string,
	label: string,
	request: Partial<Request> & Pick<Request, "command">,
	floors: readonly Floor[],
	more: Partial<Op> = {},
): Op {
	const whole: Request = {
		ports: 0,
		dns: false,
		dual: false,
		on: "both",
		...request,
	};
	return {
		id,
		label,
		request: whole,
		floors,
		once: false,
		sizes: ANY,
		stall: false,
		heavy: false,
		stale: whole.ports === 0 ? 0 : STALE,
		...more,
	};
}

// ADD deletes what is stale.
const ADD = { command: "ADD" } as const;
// DEL listed before portmap runs after it: deletes.
const DEL = { command: "DEL", on: "del" } as const;
// DEL of a single entry after portmap runs before it: retires.
const RETIRE = { command: "DEL", on: "both" } as const;

/** More to remove than usual: an ordinary crowd of clients, and a flood. */
function stale(
	kind: string,
	label: string,
	request: Pick<Request, "command" | "on">,
	floors: readonly Floor[],
): Op[] {
	const one = { ...request, ports: 1 };
	return [
		op(
			`${kind}-1-stale`,
			`${label}, 1 UDP port, 2000 stale entries`,
			one,
			floors,
			{ sizes: [1, 300_000], stale: 2000 },
		),
		op(
			`${kind}-1-flood`,
			`${label}, 1 UDP port, 100 000 stale entries`,
			one,
			floors,
			{ sizes: MAIN, stale: 100_000, heavy: true },
		),
	];
}

/** Healthy entries use the port: a third of the table, from pods to services and to servers outside. */
function dns(
	kind: string,
	label: string,
	request: Pick<Request, "command" | "on">,
	floors: readonly Floor[],
): Op {
	const label53 = `${label}, UDP port 53, as a third of the table`;
	const one = { ...request, ports: 1, dns: true };
	return op(`${kind}-53`, label53, one, floors, { sizes: FILLED });
}

/** The rules of the node are read only if there are stale entries. */
function services(count: number): Op[] {
	const rules = count * RULES_PER_SERVICE;
	return [
		op(
			`add-1-rules-${rules}`,
			`ADD, 1 UDP port, beside ${rules} rules of kube-proxy`,
			{ ...ADD, ports: 1 },
			[],
			{ sizes: [20_000, 20_000], services: count },
		),
	];
}

/** More pods than a node is made for (kubelet's default is 110). */
const CROWD = 250;

/** Pods with very many ports, alone and beside a crowd. The peers would take minutes to hours. */
function many(
	kind: string,
	label: string,
	request: Pick<Request, "command" | "on">,
): Op[] {
	return [100, 1000, 10_000, 65_535].flatMap((ports) =>
		[0, CROWD]
			// a hundred alone have a row of their own
			.filter((beside) => ports > 100 || beside > 0)
			.map((beside) =>
				op(
					`${kind}-${ports}${beside > 0 ? `-beside-${beside}` : ""}`,
					`${label}, ${ports} UDP ports${beside > 0 ? `, beside ${beside} pods` : ""}`,
					{ ...request, ports },
					[],
					{ sizes: MAIN, one: `${kind}-1`, beside },
				),
			),
	);
}

export const OPS: readonly Op[] = [
	op("version", "VERSION", { command: "VERSION" }, ["nothing"], { once: true }),
	op("add-0", "ADD, no port", ADD, ["nothing"], { once: true }),
	op("del-0", "DEL, no port", { command: "DEL" }, ["nothing"], { once: true }),

	op("add-1", "ADD, 1 UDP port", { ...ADD, ports: 1 }, ["dump"], {
		stall: true,
	}),
	...services(625),
	...services(6250),
	...stale("add", "ADD", { ...ADD, on: "both" }, ["dump"]),
	dns("add", "ADD", { ...ADD, on: "both" }, ["dump"]),
	op("add-4", "ADD, 4 UDP ports", { ...ADD, ports: 4 }, ["dump"], {
		sizes: MAIN,
	}),
	op("add-16", "ADD, 16 UDP ports", { ...ADD, ports: 16 }, ["dump"], {
		sizes: TWO,
	}),
	op("add-100", "ADD, 100 UDP ports", { ...ADD, ports: 100 }, ["dump"], {
		sizes: LARGE,
		one: "add-1",
	}),
	op(
		"add-dual",
		"ADD, 1 UDP port, dual stack",
		{ ...ADD, ports: 1, dual: true },
		["dump"],
		{ sizes: TWO },
	),

	...many("add", "ADD", { ...ADD, on: "both" }),

	op("del-1", "DEL, 1 UDP port", { ...DEL, ports: 1 }, ["flush"], {
		stall: true,
	}),
	...stale("del", "DEL", DEL, ["flush"]),
	dns("del", "DEL", DEL, ["flush", "dump"]),
	op("del-4", "DEL, 4 UDP ports", { ...DEL, ports: 4 }, ["flush", "dump"], {
		sizes: MAIN,
	}),
	op("del-16", "DEL, 16 UDP ports", { ...DEL, ports: 16 }, ["dump"], {
		sizes: TWO,
	}),
	op("del-100", "DEL, 100 UDP ports", { ...DEL, ports: 100 }, ["dump"], {
		sizes: LARGE,
	}),
	...many("del", "DEL", DEL),
	op(
		"del-dual",
		"DEL, 1 UDP port, dual stack",
		{ ...DEL, ports: 1, dual: true },
		["dump"],
		{ sizes: TWO },
	),

	op(
		"retire-1",
		"DEL retiring, 1 UDP port",
		{ ...RETIRE, ports: 1 },
		["dump"],
		{
			stall: true,
		},
	),
	...stale("retire", "DEL retiring", RETIRE, ["dump"]),
	dns("retire", "DEL retiring", RETIRE, ["dump"]),
	op(
		"retire-100",
		"DEL retiring, 100 UDP ports",
		{ ...RETIRE, ports: 100 },
		["dump"],
		{ sizes: LARGE, one: "retire-1" },
	),

	// Not for every pod: the state of a node against its table.
	op(
		"reconcile-frontends",
		"reconcile, 1000 frontends",
		{ command: "RECONCILE", ports: 1000 },
		["dump"],
		{ sizes: LARGE, stale: 1000 },
	),
	op(
		"reconcile-dns",
		"reconcile, 1000 frontends and those of a quarter of the table",
		{ command: "RECONCILE", ports: 1000 },
		["dump"],
		{ sizes: LARGE, stale: 1000 },
	),
	op(
		"reconcile-hostports",
		"reconcile, 1000 recorded hostPorts",
		{ command: "RECONCILE", ports: 1000 },
		["dump"],
		{ sizes: LARGE, stale: 1000 },
	),

	// What people call where a table is large; half a million is what they are made for.
	...(
		[
			["list-all", "list --all"],
			["list-stale", "list --stale"],
			["top", "top"],
			["doctor", "doctor"],
			["flush-stale", "flush --stale"],
		] as const
	).map(([id, label]) =>
		op(
			id,
			`${label}, 50 000 stale entries`,
			{ command: "TABLE", ports: 100 },
			[],
			{
				sizes: [200_000, Infinity],
				stale: 50_000,
			},
		),
	),
];

export function opById(id: string): Op {
	const found = OPS.find((o) => o.id === id);
	if (!found) throw new Error(`no operation ${id}`);
	return found;
}
