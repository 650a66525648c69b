// Which pods hold the executable, as `uninstall` names them.

import { expect, test } from "vitest";
import {
	again,
	BINARY,
	call,
	EDITED,
	NODE,
} from "../../../support/unit/installing.ts";

/** libcni's cache of a pod that was started with the plugin. */
const cached = (pod: string, containerId: string): string =>
	JSON.stringify({
		...{ containerId, ifName: "eth0", networkName: "n" },
		config: Buffer.from(EDITED).toString("base64"),
		cniArgs: [
			["K8S_POD_NAMESPACE", "ns"],
			["K8S_POD_NAME", pod],
		],
	});
const results = (...names: readonly string[]) =>
	Object.fromEntries(
		names.map((name, i) => [
			`/var/lib/cni/results/n-${i}a2e-eth0`,
			cached(name, `${i}a2e`),
		]),
	);
const many = Array.from({ length: 22 }, (_, i) => `p${10 + i}`);
test.each<[string, Readonly<Record<string, string>>, string]>([
	["one pod", results("web"), " still names it, for the pod ns/web\n"],
	[
		"two pods, by name",
		results("web", "dns"),
		" and 1 more still name it, for the pods ns/dns, ns/web\n",
	],
	[
		"a pod twice, in two networks",
		results("web", "web"),
		" and 1 more still name it, for the pod ns/web\n",
	],
	[
		"more pods than a line has room for",
		results(...many),
		`${many
			.slice(0, 20)
			.map((name) => `ns/${name}`)
			.join(", ")} and 2 more\n`,
	],
	[
		"a pod whose delegate Multus keeps",
		{
			"/var/lib/cni/multus/results/n-0a2e-eth0": cached("web", "0a2e"),
			"/var/lib/cni/multus/0a2e": EDITED,
		},
		"/multus/0a2e still names it, for the pod ns/web\n",
	],
	[
		"a name that would make another line",
		results("web\n"),
		"for the pod ns/web?\n",
	],
])("names the pods that hold it: %s", async (_, files, words) => {
	const called = await again(
		"uninstall --wait 1m",
		await call("install", {
			files: { ...NODE, ...files, "/run/crio/crio.sock": "" },
		}),
	);
	expect(called.code).toBe(3);
	for (const what of ["waiting to remove", "kept"])
		expect(called.out).toContain(`${what} ${BINARY}: /var/lib/cni/`);
	expect(called.out).toContain(words);
});
