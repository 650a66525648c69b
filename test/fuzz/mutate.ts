// Damage, by seed: to bytes as a broken sender does it, to JSON documents as a
// hostile or a mistaken one does.

import type { Random } from "../support/random.ts";

/** FUZZ_SECONDS for each of the fuzz tests; hours are fine. */
export const SECONDS = Number(process.env.FUZZ_SECONDS ?? 5);
/** The timeout of a test that tries things for so long: what it has begun must end, too. */
export const FOR_SECONDS = { timeout: 1000 * SECONDS + 60_000 };
/** The first of the seeds, which are tried in a row; the same unless FUZZ_SEED gives another. */
export const SEED = Number(process.env.FUZZ_SEED ?? 1);

const SMALL = [0, 1, 2, 3, 4, 5, 8, 12, 16, 0x7f, 0x80, 0xff];

export function damaged(r: Random, bytes: Uint8Array): Uint8Array {
	let out: Uint8Array = bytes.slice();
	for (let n = r.below(5); n > 0 && out.length > 0; n--) {
		const at = r.below(out.length);
		switch (r.below(6)) {
			case 0: // lengths and types are small numbers
				out[at] = r.pick(SMALL);
				break;
			case 1:
				out[at] = (out[at] ?? 0) ^ (1 << r.below(8));
				break;
			case 2:
				out = out.slice(0, at);
				break;
			case 3: // a piece twice
				out = joined(out.slice(0, at), out.slice(r.below(at + 1)));
				break;
			case 4: // a piece missing
				out = joined(out.slice(0, at), out.slice(at + r.below(9)));
				break;
			default:
				out = joined(out.slice(0, at), r.bytes(r.below(9)), out.slice(at));
		}
	}
	return out;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
	return new Uint8Array(parts.flatMap((part) => [...part]));
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const NASTY: readonly ((r: Random) => Json)[] = [
	() => null,
	() => [],
	() => ({}),
	() => "",
	() => true,
	(r) => r.pick([0, -1, 1.5, 65_535, 65_536, 2 ** 53, 1e308, -0]),
	(r) =>
		r.pick(["udp", "::", "0.0.0.0", "::ffff:1.2.3.4", "10.88.0.2/33", "1"]),
	(r) => r.pick(["\u0000", "\n", "\u001b[31m", "\u2028", "\ud800", "../../x"]),
	() => "x".repeat(70_000),
	() => JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`),
	() => ({ __proto__: null, constructor: 1, toString: null }),
	() =>
		Array.from({ length: 300 }, (_, i) => ({ hostPort: i, protocol: "udp" })),
];
const KEYS = ["__proto__", "hostport", "HostPort", "toString", "", "ips", "0"];

type Holder = Record<string, Json>;

/** Every place of a document: any is as likely to be hit as another. */
function places(holder: Holder): [Holder, string][] {
	return Object.entries(holder).flatMap(([key, value]) => [
		[holder, key] satisfies [Holder, string],
		...(typeof value === "object" && value !== null
			? places(value as Holder)
			: []),
	]);
}

/** A document of the same kind with some members replaced, dropped, renamed. */
export function disturbed(r: Random, document: Json): Json {
	const copy: Holder = { root: structuredClone(document) };
	for (let n = 1 + r.below(3); n > 0; n--) {
		const [holder, key] = r.pick(places(copy));
		if (key === "root" && r.chance(0.9)) continue;
		if (key !== "root" && r.chance(0.15)) delete holder[key];
		else if (key !== "root" && r.chance(0.1))
			holder[r.pick(KEYS)] = holder[key] ?? null;
		else holder[key] = r.pick(NASTY)(r);
	}
	return copy.root ?? null;
}

/** The document as text, whole or with damaged bytes. */
export function spoiled(r: Random, document: Json): Uint8Array {
	const text = JSON.stringify(
		r.chance(0.8) ? disturbed(r, document) : document,
	);
	const bytes = new TextEncoder().encode(text);
	return r.chance(0.3) ? damaged(r, bytes) : bytes;
}

/** Calls `one` with seeds in a row until the time is over; returns how many. */
export async function forSeconds(
	seconds: number,
	one: (seed: number) => Promise<void> | void,
): Promise<number> {
	const end = Date.now() + 1000 * seconds;
	let n = 0;
	for (; Date.now() < end; n++) await one(SEED + n);
	return n;
}
