// The check for IPVS.

import { expect, test } from "vitest";
import { checkIPVS } from "../../../../src/doctor/ipvs.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { doctor } from "../../../support/unit/checkup.ts";
import {
	ipvsFiles,
	TWO_SERVICES,
} from "../../../support/unit/virtualservers.ts";

test("a node without IPVS is told nothing of it", () =>
	expect(checkIPVS(fakeHost())).toEqual([]));

test("flows that outlive their servers are a warning, and it says what to type", async () => {
	const { code, out } = await doctor({ files: ipvsFiles(TWO_SERVICES) });
	expect(code).toBe(0);
	expect(out).toMatch(
		/^warn {2}IPVS: decides about the flows to its 2 services, .*ipvsadm -Lnc.*\n {6}sysctl -w net\.ipv4\.vs\.expire_nodest_conn=1 /m,
	);
});

test("where they end with their servers, that is well", async () => {
	const files = ipvsFiles(TWO_SERVICES, { expires: "1" });
	expect((await doctor({ files })).out).toMatch(/^ok {4}IPVS: .*weight 0/m);
});
