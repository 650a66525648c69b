// Multus's own files in all their forms, with what they call.

import { join } from "node:path";
import type { Random } from "../support/random.ts";
import { layout, Members, Raw, write } from "./document.ts";
import { type Made, portmap, single } from "./lists.ts";

/** Writes a file, by its path from the directory of configurations. */
export type Put = (name: string, text: string | Buffer) => void;
/** Makes a list, and remembers it. */
export type List = (odd: boolean) => Made;

/** Makes a Multus's file, and what it calls. */
export function makeMultus(
	r: Random,
	root: string,
	put: Put,
	list: List,
): void {
	const called = list(r.chance(0.2));
	const other = join(root, "multus");
	const outside = `../multus/10-called.conflist`;
	const own = new Members([
		"type",
		r.pick(["multus", "multus", "multus-shim"]),
	]);
	if (r.chance(0.9)) own.list.push(["capabilities", { portMappings: true }]);
	own.list.push(["kubeconfig", "/etc/cni/net.d/multus.d/multus.kubeconfig"]);
	const key = r.chance(0.05) ? "ClusterNetwork" : "clusterNetwork";
	const text = called.text.startsWith("\uFEFF")
		? called.text.slice(1)
		: called.text;
	const form = r.below(12);
	if (form < 5) {
		own.list.push([
			"delegates",
			[
				new Raw(text.trim()),
				...(r.chance(0.2) ? [{ name: "second", type: "ptp" }] : []),
			],
		]);
		if (r.chance(0.6)) put("10-master.conflist", text);
	} else if (form === 5)
		own.list.push([
			"delegates",
			r.pick<unknown>([
				[{ name: "one", type: "flannel" }],
				[{ name: "n", type: "x", plugins: [{ type: "ptp" }] }],
				[],
				null,
				"x",
				[1],
				[{ name: "n" }],
				[
					{
						name: "n",
						disableCheck: "true",
						plugins: [{ type: "ptp" }, portmap(r)],
					},
				],
			]),
		]);
	else if (form === 6) {
		put("50-called.conflist", text);
		own.list.push([key, join(root, "net.d/50-called.conflist")]);
		if (r.chance(0.5))
			own.list.push(["delegates", [{ name: "ignored", type: "ptp" }]]);
	} else if (form === 7) {
		put(outside, text);
		own.list.push([key, join(other, "10-called.conflist")]);
	} else if (form === 8) {
		put(outside, text);
		if (r.chance(0.3)) put("../multus/05-first.conf", single(r));
		own.list.push([key, other]);
	} else if (form === 9) {
		put(outside, text);
		own.list.push(
			[key, r.chance(0.8) ? called.name : "another"],
			["confDir", other],
		);
	} else if (form === 10)
		own.list.push([
			key,
			r.pick<unknown>([join(root, "net.d/absent.conflist"), "absent", 7, ""]),
		]);
	else {
		// Multus as one plugin of a chain that has portmap itself
		put(
			"00-multus.conflist",
			write(
				r,
				{
					cniVersion: "1.0.0",
					name: "outer",
					plugins: [
						new Members(...own.list, [
							"delegates",
							[{ name: "one", type: "flannel" }],
						]),
						portmap(r),
					],
				},
				layout(r),
			),
		);
		return;
	}
	const how = layout(r);
	if (r.chance(0.5))
		put(
			"00-multus.conf",
			write(
				r,
				new Members(
					["cniVersion", "0.3.1"],
					["name", "multus-cni-network"],
					...own.list,
				),
				how,
			),
		);
	else
		put(
			"00-multus.conflist",
			write(
				r,
				new Members(
					["cniVersion", "1.0.0"],
					["name", "multus-cni-network"],
					["plugins", [own]],
				),
				how,
			),
		);
}
