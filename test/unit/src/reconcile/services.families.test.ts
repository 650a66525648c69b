// Services as a source of desired state: the families in which a frontend is claimed.

import { describe, expect, test } from "vitest";
import { readFrontends } from "../../../../src/reconcile/frontends.ts";
import { reconcile } from "../../../../src/reconcile/reconcile.ts";
import { makeClaimSource } from "../../../../src/reconcile/services.ts";
import { BOOKS } from "../../../support/book.ts";
import { FAMILIES } from "../../../support/unit/flows.ts";
import {
	DNS,
	document,
	type Row,
	to,
	world,
} from "../../../support/unit/world.ts";

const { V, P } = BOOKS.IPv4;

describe("families", () => {
	const six = BOOKS.IPv6;
	const both = {
		...DNS,
		ips: [V, six.V],
		endpoints: [`${P}:5353`, `[${six.P}]:5353`],
	};
	const table: Row[] = FAMILIES.flatMap((family) => [
		{ ...to("P:5353", 1), family },
		{ ...to("Q:5353", 2), family },
		{ ...to("Q:5353", 3, "H:30053"), family },
	]);
	const four = ["C:2 > V:53", "C:3 > H:30053"];
	test.each<[string, object, string[]]>([
		["both", both, [...four, ...four]],
		["IPv4 alone leaves IPv6 alone, its nodePort too", DNS, four],
		[
			"a Service of both with endpoints of one loses the entries of the other",
			{ ...both, endpoints: [`${P}:5353`] },
			[...four, "C:1 > V:53", ...four],
		],
		[
			"a nodePort has those of the addresses, whatever the endpoints",
			{ ...both, ips: [V] },
			four,
		],
		[
			"a nodePort alone has those of its endpoints",
			{ nodePort: 30053, endpoints: [`${P}:5353`] },
			["C:3 > H:30053"],
		],
		[
			"a nodePort with nothing else has both",
			{ nodePort: 30053, endpoints: [] },
			["C:3 > H:30053", "C:3 > H:30053"],
		],
	])("%s", async (_, frontend, want) => {
		const { context, removed } = world(table);
		const claims = await readFrontends(document(frontend));
		await reconcile(context, [makeClaimSource(claims)], "delete");
		expect(removed()).toEqual(want);
	});

	test("::1 is left alone", async () => {
		const row: Row = { ...to("Q:5353", 1, "L:30053"), family: "IPv6" };
		const { context, removed } = world([row]);
		const claims = await readFrontends(document(both));
		await reconcile(context, [makeClaimSource(claims)], "delete");
		expect(removed()).toEqual([]);
	});
});
