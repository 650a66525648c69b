// The cost of this plugin, next to the least it could cost (C programs that do
// the same and nothing else) and to the programs that people use instead (portmap's own
// flush, conntrack -D). All contenders of a case run in turn in the same run,
// on the same table, in a network namespace made for it and removed after.
//
//   start-up    VERSION, ADD and DEL without a port: exec to exit
//   flushing    ADD and DEL with 1 to 65535 ports, IPv4 and dual stack, on tables
//               from empty to a million entries: wall and CPU time, peak RSS,
//               bytes read from netlink, longest stall of a CPU
//
// README.md says how to read the figures. Needs root. `--help` for the options.

import { stayAwake } from "./awake.ts";
import { verdicts } from "./budgets.ts";
import { bundleBytes } from "./bundle.ts";
import { measure } from "./measure.ts";
import { isRoot, makeNode } from "./node.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { budgets, table } from "./report.ts";
import { machine, publish, type Results, redraw, save } from "./results.ts";
import { sizeOf, tools, Unprepared, versions } from "./tools.ts";

async function run(options: Options): Promise<void> {
	const began = Date.now();
	const kit = await tools(options.plugin, options.peers);
	const { all: code } = await bundleBytes();
	const node = await makeNode(kit.fill, Math.max(...options.sizes));
	const awake = stayAwake();
	try {
		const before = machine();
		const rows = await measure(options, kit, node, (text) =>
			process.stderr.write(text),
		);
		const missing = [...kit.missing];
		if (awake.trouble !== undefined)
			missing.push(
				`the processors may sleep between two runs, and times vary more: ${awake.trouble}`,
			);
		if ((before.elsewhere ?? 0) > 2000)
			missing.push(
				`about ${before.elsewhere} conntrack entries in other namespaces: every walk of the table passes them, too`,
			);
		for (const size of options.sizes.filter((size) => size > node.limit))
			missing.push(
				`${size} entries: NOT MEASURED, nf_conntrack_max allows ${node.limit} and cannot be raised here`,
			);
		const results: Results = {
			machine: before,
			after: machine().load,
			awake: awake.trouble === undefined,
			versions: await versions(kit),
			missing,
			rows,
			budgets: verdicts(rows, sizeOf(kit.plugin), code),
		};
		save(kit.out, results);
		if (options.publish) publish(results);

		const seconds = Math.round((Date.now() - began) / 1000);
		const parts = [
			table(rows, results.budgets),
			budgets(results.budgets),
			"wall, CPU and stall are medians, least is the least CPU time; ours/it is the median over pairs of neighbouring runs, of CPU time, at start-up of wall time",
			`${before.cpus} CPUs, ${before.cpu}, Linux ${before.kernel}, ${before.buckets} buckets, load ${before.load} before and ${results.after} after, ${seconds} s`,
			...missing.map((text) => `!! ${text}`),
		];
		process.stdout.write(`\n${parts.join("\n\n")}\n`);
	} finally {
		awake.end();
		node.remove();
	}
}

async function main(): Promise<number> {
	const options = parseOptions(process.argv.slice(2));
	if (options === undefined) {
		process.stdout.write(USAGE);
	} else if (options.redraw) {
		redraw();
	} else if (!isRoot()) {
		process.stderr.write(
			"the benchmark makes network namespaces and needs root\n",
		);
		return 1;
	} else {
		await run(options);
	}
	return 0;
}

try {
	process.exitCode = await main();
} catch (e) {
	if (!(e instanceof Unprepared)) throw e;
	process.stderr.write(`${e.message}\n`);
	process.exitCode = 1;
}
