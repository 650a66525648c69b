// The words about IPVS.

import { expect, test } from "vitest";
import {
	pinnedInWords,
	unpinningInWords,
} from "../../../../src/rules/ipvs.words.ts";

const ipvs = (services: number, expiresFlows = false) => ({
	services,
	expiresFlows,
	has: () => false,
});

test.each([
	[3, /^decides about the flows to its 3 services, .* \(ipvsadm -Lnc\)$/],
	[1, /^decides about the flows to its 1 service, .* \(ipvsadm -Lnc\)$/],
	[0, /^still has flows of services that were removed, /],
])("%i services", (services, words) =>
	expect(pinnedInWords(ipvs(services))).toMatch(words),
);

test("what ends a flow depends on the setting", () => {
	expect(unpinningInWords(ipvs(1))).toMatch(
		/^sysctl -w net\.ipv4\.vs\.expire_nodest_conn=1 ends /,
	);
	expect(unpinningInWords(ipvs(1, true))).not.toContain("sysctl");
});
