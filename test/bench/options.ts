// The options of the command line: what to measure.

import { parseArgs } from "node:util";

export interface Options {
	readonly quick: boolean;
	/** Includes the runs that take minutes: the peers with many mappings on large tables. */
	readonly slow: boolean;
	/** Operations whose id begins with one of these; none: all of them. */
	readonly ops: readonly string[];
	readonly sizes: readonly number[];
	/** The time that the whole run may about take. */
	readonly seconds: number;
	/** Fewest runs of one contender in one case. */
	readonly least: number;
	readonly plugin: string;
	readonly peers: boolean;
	/** Every operation and size. */
	readonly whole: boolean;
	/** Draw docs/bench anew from its results.json, measure nothing. */
	readonly redraw: boolean;
	/** Write docs/bench. */
	readonly publish: boolean;
}

export const USAGE = `usage: make bench [ARGS="..."], or npx tsx test/bench/main.ts [...]
  --quick            VERSION, verbs without a port, one small table: less than a minute
  --ops A,B          only operations whose id begins with A or B (add-1, del, retire, version, ...)
  --sizes N,M        table sizes (default 0,20000,34000,65536,262144,1000000)
  --slow             also what a whole run leaves out because it takes minutes:
                     portmap with 16 and 100 ports at a million entries
  --seconds N        what the run may take, about (default 600), and portmap with
                     16 and 100 ports at 262144 entries, some minutes more
  --plugin FILE      the executable (default build/out/conntrack-flush)
  --no-peers         only this plugin and the C programs
  --publish          write docs/bench even if the run is not a complete one
  --redraw           only draw docs/bench anew from its results.json
`;

/** 34000: just below where the planner gives up filtered dumps, for their stall. */
const SIZES = [0, 20_000, 34_000, 65_536, 262_144, 1_000_000];
const QUICK_SIZES = [0, 4096];
const QUICK_OPS = [
	"version",
	"add-0",
	"del-0",
	"add-1",
	"add-53",
	"del-1",
	"retire-1",
];

export function parseOptions(argv: readonly string[]): Options | undefined {
	const { values } = parseArgs({
		args: [...argv],
		options: {
			quick: { type: "boolean", default: false },
			slow: { type: "boolean", default: false },
			ops: { type: "string" },
			sizes: { type: "string" },
			seconds: { type: "string" },
			plugin: { type: "string", default: "build/out/conntrack-flush" },
			"no-peers": { type: "boolean", default: false },
			publish: { type: "boolean", default: false },
			redraw: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help) return undefined;
	const quick = values.quick;
	const whole =
		!quick && values.ops === undefined && values.sizes === undefined;
	const sizes =
		values.sizes?.split(",").map(Number) ?? (quick ? QUICK_SIZES : SIZES);
	if (sizes.some((n) => !Number.isInteger(n) || n < 0)) {
		throw new Error(`invalid sizes: ${values.sizes}`);
	}
	return {
		quick,
		slow: values.slow,
		ops:
			values.ops?.split(",") ?? (quick ? QUICK_OPS.map((id) => `${id}=`) : []),
		sizes: sizes.toSorted((a, b) => a - b),
		seconds: Number(values.seconds ?? (quick ? 25 : 600)),
		least: quick ? 5 : 3,
		plugin: values.plugin,
		peers: !values["no-peers"],
		whole,
		redraw: values.redraw,
		publish: values.publish || (whole && !values["no-peers"]),
	};
}

/** "add-1" chooses add-1, add-16 and add-100; "add-1=" only add-1. */
export function chosen(options: Options, id: string): boolean {
	return (
		options.ops.length === 0 ||
		options.ops.some((o) =>
			o.endsWith("=") ? `${id}=` === o : id.startsWith(o),
		)
	);
}
