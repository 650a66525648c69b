// A netlink message of this machine as one of the other byte order has it (netlink(7)):
// the kernel reads headers in its own order, and what is in ctnetlink's attributes in
// the network's, but for the flags of CTA_FILTER.

import { CTA_FILTER } from "../../src/conntrack/constants.ts";
import { NLA_F_NESTED, NLA_TYPE_MASK } from "../../src/netlink/nl.ts";

const NLMSG_HDRLEN = 16;
const NFGENMSG_LEN = 4;
const NLA_HDRLEN = 4;

/** Returns the one message with its headers, and the headers of its attributes, swapped. */
export function swapped(message: Uint8Array): Uint8Array {
	const bytes = message.slice();
	const swap = (at: number, length: number): void => {
		bytes.subarray(at, at + length).reverse();
	};
	const attributes = (from: number, to: number, areFlags: boolean): void => {
		const view = new DataView(message.buffer, message.byteOffset);
		for (let at = from; at < to; ) {
			const length = view.getUint16(at, true);
			const type = view.getUint16(at + 2, true);
			swap(at, 2);
			swap(at + 2, 2);
			const [first, last] = [at + NLA_HDRLEN, at + length];
			if (areFlags) swap(first, 4);
			else if (type & NLA_F_NESTED)
				attributes(first, last, (type & NLA_TYPE_MASK) === CTA_FILTER);
			at += (length + 3) & ~3;
		}
	};
	for (const [at, length] of [
		[0, 4],
		[4, 2],
		[6, 2],
		[8, 4],
		[12, 4],
	] as const)
		swap(at, length);
	attributes(NLMSG_HDRLEN + NFGENMSG_LEN, message.length, false);
	return bytes;
}
