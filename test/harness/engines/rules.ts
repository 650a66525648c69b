// The rules of an engine as text, and as the fixtures in test/fixtures/engines: as the
// tools print them, without what differs from run to run and what the test's own topology
// has added. RECORD=1 writes the fixtures anew; the tests of the evaluator load them.

import { readFileSync, writeFileSync } from "node:fs";
import type { Node } from "../../support/runtimes/node.ts";

/** Reads rules on the node. */
export type Source = (node: Node) => Promise<string>;

function fixture(name: string): URL {
	return new URL(`../../fixtures/engines/${name}`, import.meta.url);
}

export function readFixture(name: string): string {
	return readFileSync(fixture(name), "utf8");
}

export function writeFixture(name: string, text: string): void {
	writeFileSync(fixture(name), text);
}

/** Returns the sources of both families of iptables, by the names of their fixtures. */
export function iptables(name: string): Readonly<Record<string, Source>> {
	const saved =
		(command: string): Source =>
		async ({ machine }) =>
			stable(await machine.must([command, "-t", "nat"]));
	return {
		[`${name}.rules`]: saved("iptables-save"),
		[`${name}.ip6.rules`]: saved("ip6tables-save"),
	};
}

/** Returns the source of one table of nftables. */
export function table(name: string): Source {
	return async ({ machine }) =>
		stable(
			await machine.must(["nft", "-s", "list", "table", ...name.split(" ")]),
		);
}

/** Returns the lines sorted: the ports of a container and the elements of a map come in any order. */
export function inAnyOrder(text: string): string[] {
	return text
		.split("\n")
		.map((line) => line.trim().replace(/^elements = \{ |,$| \}$/g, ""))
		.sort();
}

/** Returns the text without counters, times, the rules of the topology, and the digests of random identifiers. */
function stable(text: string): string {
	return text
		.split("\n")
		.filter((line) => !line.startsWith("#") && !line.includes("-o uplink"))
		.join("\n")
		.replace(/ \[\d+:\d+\]$/gm, " [0:0]")
		.replace(/\b[0-9a-f]{64}\b/g, "0".repeat(64))
		.replace(/\b(NETAVARK-(?:DN-)?)[0-9A-F]{13}\b/g, "$10000000000000")
		.replace(/\bnv_[0-9a-f]{8}_/g, "nv_00000000_")
		.replace(/ comment "[2-7A-Z]{16}"/g, ""); // CRI-O's digest of a pod
}
