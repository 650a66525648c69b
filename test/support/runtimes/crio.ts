// CRI-O's hostports on nftables, without CRI-O, which cannot be built here: a table in
// the shape that its internal/hostport makes, loaded by `nft -f`. As with CRI-O, the
// rules come after the whole ADD of the CNI network, and go before its DEL.

import { fileURLToPath } from "node:url";
import type { PortMapping } from "../chain.ts";
import { createCnitool } from "./cnitool.ts";
import { configure, conflistOf, exampleOf, withoutUs } from "./examples.ts";
import { installPlugins, type Node } from "./node.ts";
import type { Engine } from "./runtime.ts";

const EXAMPLE = exampleOf("cri-o.conflist");

/** The table as it is before the first pod. */
const TABLE = fileURLToPath(
	new URL("../../fixtures/engines/crio.nft", import.meta.url),
);

/** The node with CRI-O's network and its empty table. */
export async function createCrio(node: Node): Promise<Engine> {
	const { machine } = node;
	const nft = async (lines: readonly string[]): Promise<void> => {
		const input = lines.map((line) => `${line}\n`).join("");
		await machine.must(["nft", "-f", "-"], { input });
	};
	await installPlugins(node, "newest");
	await configure(node, EXAMPLE.installedAs, withoutUs(conflistOf(EXAMPLE)));
	await machine.must(["nft", "-f", TABLE]);
	const cnitool = createCnitool(node, "CNI", "crio");
	return {
		version: "CRI-O's rules",
		network: cnitool.network,
		async run(options, ports) {
			const pod = await cnitool.run(options, []);
			const own = elements(pod.address, ports);
			await nft(
				own.map((element) => `add element ip crio-hostports ${element}`),
			);
			return {
				...pod,
				addresses: [pod.address],
				inside: (argv) =>
					machine.inside(["ip", "netns", "exec", pod.name, ...argv]),
				async remove() {
					await nft(
						own.map((element) => `delete element ip crio-hostports ${element}`),
					);
					await pod.remove();
				},
			};
		},
	};
}

/** Returns the elements of the maps and the set that stand for a pod. */
function elements(address: string, ports: readonly PortMapping[]): string[] {
	return [
		...ports.map(({ hostIP, protocol, hostPort, containerPort }) => {
			const [map, host] =
				hostIP === undefined
					? ["hostports", ""]
					: ["hostipports", `${hostIP} . `];
			return `${map} { ${host}${protocol} . ${hostPort} : ${address} . ${containerPort} }`;
		}),
		`hairpins { ${address} . ${address} }`,
	];
}
