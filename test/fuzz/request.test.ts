// Damaged network configurations, in process: a result or an error of the CNI
// specification, one JSON document where there must be one, and ADD passes on
// what it was given.

import { expect, test } from "vitest";
import { random } from "../support/random.ts";
import { call } from "../support/unit/calls.ts";
import { DOCUMENT, faultOf, VERBS } from "./answer.ts";
import { FOR_SECONDS, forSeconds, SECONDS, SEED, spoiled } from "./mutate.ts";

test(
	"damaged configurations are answered by a result or an error of the spec",
	FOR_SECONDS,
	async () => {
		const codes = new Map<string, number>();
		const tried = await forSeconds(SECONDS, async (seed) => {
			const r = random(seed);
			const verb = r.pick(VERBS);
			const input = new TextDecoder().decode(spoiled(r, DOCUMENT));
			const env = r.chance(0.1)
				? {
						CNI_ARGS: r.pick([
							"",
							";",
							"=",
							"K8S_POD_NAME=\u0000\n;__proto__=1",
						]),
					}
				: {};
			let fault: string | undefined;
			try {
				const answer = await call(verb, { conf: input, env });
				fault = faultOf(verb, input, answer);
				const key =
					answer.code === 0 ? "ok" : `error ${JSON.parse(answer.out).code}`;
				codes.set(key, (codes.get(key) ?? 0) + 1);
			} catch (e) {
				fault = e instanceof Error ? (e.stack ?? e.message) : String(e);
			}
			if (fault !== undefined)
				expect.fail(
					`FUZZ_SEED=${seed} ${verb}: ${fault.slice(0, 2000)}\n${input.slice(0, 2000)}`,
				);
		});
		console.log(`seed ${SEED}: ${tried} requests`, Object.fromEntries(codes));
		expect(codes.get("ok")).toBeGreaterThan(0);
		expect(codes.get("error 7")).toBeGreaterThan(0);
	},
);
