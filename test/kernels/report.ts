// The results as tables: for the terminal, and for docs/kernels.md.

import { join } from "node:path";
import { PAIRS } from "../support/races.ts";
import type { Booted } from "./boot.ts";
import { CASES } from "./cases/index.ts";
import type { KernelFiles } from "./kernels.ts";
import { ALL } from "./scene.ts";
import type { Case, Kernel } from "./script.ts";

export const DOCUMENT = join(import.meta.dirname, "../../docs/kernels.md");

export interface Tested {
	readonly kernel: KernelFiles;
	readonly booted: Booted;
}

export function failures({ kernel, booted }: Tested): string[] {
	return [...booted.results]
		.filter(([, why]) => why !== undefined)
		.map(([name, why]) => `${kernel.release}: ${name}: ${why}`);
}

/** The outcome of a case on a kernel. */
export function cell(c: Case, { kernel, booted }: Tested): string {
	if (booted.results.get(c.name) !== undefined) return "FAILED";
	return booted.otherwise.get(c.name) ?? c.outcome?.(kernel) ?? "ok";
}

const short = (k: KernelFiles): string => k.version.replace(/-.*/, "");

export function terminalTable(tested: readonly Tested[]): string {
	const rows = [
		["", ...tested.map(({ kernel }) => short(kernel))],
		...CASES.map((c) => [c.name, ...tested.map((t) => cell(c, t))]),
	];
	const widths = (rows[0] ?? []).map((_, column) =>
		Math.max(...rows.map((row) => row[column]?.length ?? 0)),
	);
	return rows
		.map((row) =>
			row
				.map((text, i) => text.padEnd(widths[i] ?? 0))
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

const SECTIONS: readonly [string, string, (name: string) => boolean][] = [
	[
		"The executable",
		`Its verbs on a table of ${ALL.length} entries, one of every kind; what is left is compared entry by entry. The cells say how the entries were found.`,
		(name) => /^(ADD|DEL|CHECK|STATUS|GC|no )/.test(name),
	],
	[
		"Packets",
		"A DNAT rule, two pods that answer with their names, and clients that keep their sockets; then the same across namespaces, forwarded by a flowtable.",
		(name) => /packets:|flowtable:|complain/.test(name),
	],
	[
		"Races",
		`${PAIRS} pairs of packets that begin flows on two CPUs at the same moment, with one way of sending and one set of rules each ([dns.md](dns.md)); \`make races\` sends more and counts.`,
		(name) => name.startsWith("race: "),
	],
	[
		"IPVS",
		"A virtual service of UDP with two servers in turn, and a client that keeps its sockets: what ends a flow whose server is gone, and what does not.",
		(name) => name.startsWith("IPVS: "),
	],
	[
		"The messages that are sent",
		"Byte for byte as the encoder writes them. Each removes what it means, or is refused and removes nothing.",
		(name) => name.startsWith("message: "),
	],
	[
		"The messages that are never sent",
		"Written by hand, because the encoder cannot: what they would do is why. The cells say what this kernel did.",
		(name) => name.startsWith("never sent: "),
	],
];

/** The name of a case within its section. */
function rowName(c: Case): string {
	return c.name.replace(/^(race|IPVS|message|never sent): /, "");
}

/** Returns what docs/kernels.md says of a case on kernels of the series of `kernel`. */
export function documented(
	text: string,
	c: Case,
	{ major, minor }: Kernel,
): string | undefined {
	const cells = (line: string): string[] => line.slice(2, -2).split(" | ");
	const lines = text.split("\n");
	const head = lines.find((line) => line.startsWith("|  | ")) ?? "";
	const column = cells(head).findIndex((version) =>
		version.startsWith(`${major}.${minor}.`),
	);
	const row = lines.find((line) => line.startsWith(`| ${rowName(c)} | `));
	return row && cells(row)[column];
}

const INTRODUCTION = [
	"What was run on which kernel. `make kernels` boots each of Debian's packages in",
	"qemu, with nothing in it but busybox, nft, ip, ipvsadm, the executable and a small",
	"tool that reads and writes the table on its own ([test/kernels](../test/kernels)), and",
	"writes this page; `npx tsx test/kernels/main.ts 6.1 5.10.0-30` boots some. CI",
	"boots one that has no kernel flush. Needs the packages busybox-static, iproute2,",
	"ipvsadm, nftables, qemu-system-x86 and xz-utils, and a C compiler with a static C library.",
].join("\n");

export function document(tested: readonly Tested[]): string {
	const kernels = tested.map((t) => t.kernel);
	const table = (head: readonly string[], rows: readonly string[][]): string =>
		[head, head.map(() => "---"), ...rows]
			.map((row) => `| ${row.join(" | ")} |`)
			.join("\n");
	const booted = tested.map(({ kernel, booted }) => [
		short(kernel),
		kernel.release,
		booted.kernel.replace(/^\S+ /, ""),
	]);
	const sections = SECTIONS.flatMap(([title, text, belongs]) => [
		`## ${title}`,
		text,
		table(
			["", ...kernels.map(short)],
			CASES.filter((c) => belongs(c.name)).map((c) => [
				rowName(c),
				...tested.map((t) => cell(c, t)),
			]),
		),
	]);
	return `${[
		"# Kernels",
		INTRODUCTION,
		table(["version", "release", "what it says of itself"], booted),
		...sections,
	].join("\n\n")}\n`;
}
