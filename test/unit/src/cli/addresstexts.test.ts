import { expect, test } from "vitest";
import { AddressTexts, keyOf } from "../../../../src/cli/addresstexts.ts";
import { ipBytes } from "../../../../src/net/ip.ts";
import { RecvBuffer } from "../../../../src/netlink/reader.ts";

/** A buffer with this address at its first word. */
function bufferWith(ip: string): RecvBuffer {
	const b = new RecvBuffer(64);
	b.bytes.set(ipBytes(ip));
	return b;
}

test("an IPv4 address is remembered where the loop looks for it", () => {
	const texts = new AddressTexts();
	for (const ip of ["10.88.0.2", "10.88.0.3", "255.255.255.255", "0.0.0.0"]) {
		const b = bufferWith(ip);
		expect(texts.learn(b, 0)).toBe(`${ip}:`);
		expect(texts.v4.get(keyOf(b.words[0] as number))).toBe(`${ip}:`);
	}
});

test("an IPv6 address has a number of its own, and keeps it", () => {
	const texts = new AddressTexts();
	// the words of the last two give the same key
	const ips = ["fd88::2", "fd88::3", "::1:0:0:2", "::2:0:0:1"];
	const first = ips.map((ip) => texts.v6(bufferWith(ip), 0));
	expect(first.map(({ text }) => text)).toEqual(ips.map((ip) => `[${ip}]:`));
	expect(new Set(first.map(({ id }) => id)).size).toBe(ips.length);
	for (const ip of ["fd88::2", "fd88::3"])
		expect(texts.v6(bufferWith(ip), 0).id).toBe(first[ips.indexOf(ip)]?.id);
});

test("no more than so many are remembered", () => {
	const texts = new AddressTexts();
	for (let n = 0; n < 5000; n++)
		texts.learn(bufferWith(`10.1.${n >> 8}.${n & 255}`), 0);
	expect(texts.v4.size).toBeLessThanOrEqual(4096);
	expect(texts.v4.size).toBeGreaterThan(0);
});
