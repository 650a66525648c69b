// docs/runtimes.md says what the tests do: its tables are made from the rows that
// the tests take. UPDATE_DOCS=1 writes them; otherwise a difference is a failure.

import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EXAMPLES } from "../../support/runtimes/examples.ts";
import { tool, version } from "../../support/runtimes/tools.ts";
import { PROOFS, type Proof } from "./proofs.ts";
import {
	CNITOOL_RUNS,
	CONTAINERD_RUNS,
	containerdVersion,
	PODMAN_RUN,
	pluginsVersion,
	type Run,
} from "./runs.ts";

const DOCUMENT = "docs/runtimes.md";

/** The tests of each runtime, and what they show. */
const SHOWN: Readonly<Record<string, readonly Proof[]>> = {
	cnitool: [
		...(["exchange", "control", "dropIn", "versions", "status", "gc"] as const),
		...(["check", "scope"] as const),
	],
	podman: ["exchange", "control", "faults"],
	containerd: [
		...(["exchange", "control", "faults", "ready", "reload"] as const),
		...(["restart", "dropIn"] as const),
	],
	crio: ["exchange", "faults", "ready", "crioCalls", "restart"],
	libraries: ["library"],
};

test("its tables are those of the tests", () => {
	const text = readFileSync(DOCUMENT, "utf8");
	const want = [
		["runs", runsTable()],
		["proofs", proofsTable()],
	].reduce((t, [name = "", table = ""]) => fill(t, name, table), text);
	if (process.env.UPDATE_DOCS) writeFileSync(DOCUMENT, want);
	else expect(text).toBe(want);
});

test.each(Object.entries(SHOWN))(
	"%s's tests show what it says",
	(name, shown) => {
		const source = readFileSync(
			`test/harness/runtimes/${name}.test.ts`,
			"utf8",
		);
		const used = [...source.matchAll(/\bPROOFS\.(\w+)/g)].map((m) => m[1]);
		expect([...new Set(used)].sort()).toEqual([...shown].sort());
	},
);

// cnitool comes from the very module, and Debian's is checked by setup.sh.
test.each([
	["containerd", "CONTAINERD", "CNI"],
	["crio", "CRIO", "CRIO_CNI"],
])("it names the libcni that %s was built with", (name, release, cni) => {
	const built = tool(`${name}-${version(release)}/.modules`);
	expect(readFileSync(built, "utf8")).toContain(
		`\tgithub.com/containernetworking/cni\tv${version(cni)}\t`,
	);
});

function runsTable(): string {
	const debian = `${version("DEBIAN_CNI")}`;
	return table(
		["runtime", "libcni", "plugins", "portmap's rules", "configuration"],
		[
			...CNITOOL_RUNS.map((run) => [
				`cnitool ${version(run.release)}`,
				version(run.release),
				...plugins(run),
				run.files === undefined ? "every file" : list(run.files),
			]),
			[
				`podman ${version("DEBIAN_PODMAN")} (Debian's), runc ${version("DEBIAN_RUNC")}`,
				debian,
				...plugins(PODMAN_RUN),
				list(["podman.conflist"]),
			],
			[
				`CRI-O ${version("CRIO")}, runc ${version("DEBIAN_RUNC")}`,
				version("CRIO_CNI"),
				pluginsVersion("newest"),
				"its own, on nftables",
				list(["cri-o.conflist"]),
			],
			...CONTAINERD_RUNS.map((run) => [
				`containerd ${containerdVersion(run.release)}${run.release === "newest" ? "" : " (Debian's)"}, runc ${version("DEBIAN_RUNC")}`,
				run.release === "newest" ? version("CNI") : debian,
				...plugins(run),
				list([
					"containerd.conflist",
					"containerd-split.conflist",
					...(run.dropIns ? ["drop-in/90-conntrack-flush.conf"] : []),
				]),
			]),
		],
	);
}

function proofsTable(): string {
	const names = Object.keys(SHOWN);
	return table(
		["shown", ...names],
		Object.entries(PROOFS).map(([proof, words]) => [
			words,
			...names.map((name) =>
				SHOWN[name]?.some((p) => p === proof) ? "yes" : "",
			),
		]),
	);
}

function plugins({ plugins, backend }: Run): [string, string] {
	return [
		`${pluginsVersion(plugins)}${plugins === "newest" ? "" : " (Debian's)"}`,
		backend,
	];
}

function list(files: readonly string[]): string {
	const unknown = files.filter(
		(f) => !f.startsWith("drop-in/") && !EXAMPLES.some((e) => e.file === f),
	);
	expect(unknown).toEqual([]);
	return files.map((f) => `\`${f}\``).join(", ");
}

function table(head: readonly string[], rows: readonly string[][]): string {
	return [head, head.map(() => "---"), ...rows]
		.map((row) => `| ${row.join(" | ")} |`.replaceAll("  ", " "))
		.join("\n");
}

function fill(text: string, name: string, table: string): string {
	const marks = new RegExp(`(<!-- ${name} -->\n)[^]*?(\n<!-- /${name} -->)`);
	expect(text).toMatch(marks);
	return text.replace(marks, (_, before, after) => before + table + after);
}
