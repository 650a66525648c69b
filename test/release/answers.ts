// What an executable of a release must answer wherever it was installed.

import { expect } from "vitest";
import type { BareRoot } from "./bareroot.ts";

/** Rejects unless the program `argv`, by its path in the root, answers VERSION, ADD and DEL there. */
export async function expectAnswers(
	root: BareRoot,
	argv: readonly string[],
): Promise<void> {
	const env = {
		...{ CNI_CONTAINERID: "4f2e", CNI_IFNAME: "eth0" },
		...{ CNI_NETNS: "/run/netns/none", CNI_PATH: "/opt/cni/bin" },
	};
	const call = (verb: string, request: object): ReturnType<BareRoot["run"]> =>
		root.run(argv, JSON.stringify(request), { ...env, CNI_COMMAND: verb });
	const version = await call("VERSION", { cniVersion: "1.0.0" });
	expect(JSON.parse(version.stdout)).toMatchObject({ cniVersion: "1.0.0" });
	const prevResult = {
		cniVersion: "1.0.0",
		interfaces: [{ name: "eth0", sandbox: "/run/netns/none" }],
		ips: [{ address: "10.88.0.7/16", interface: 0 }],
	};
	const mapping = { hostPort: 8125, containerPort: 5353, protocol: "udp" };
	const request = {
		...{ cniVersion: "1.0.0", name: "mynet", type: "conntrack-flush" },
		runtimeConfig: { portMappings: [mapping] },
		prevResult,
	};
	const added = await call("ADD", request);
	expect(JSON.parse(added.stdout)).toEqual(prevResult);
	expect(added.stderr).toContain("event=ADD");
	const deleted = await call("DEL", request);
	expect(deleted.code, deleted.stderr).toBe(0);
}
