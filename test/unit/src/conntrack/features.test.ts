// Requests that find out what a kernel can do, byte for byte: they must change nothing
// on any kernel.

import { expect, test } from "vitest";
import {
	probeFilteredDump,
	probeRetire,
} from "../../../../src/conntrack/features.ts";
import { Writer } from "../../../../src/netlink/nl.ts";
import { hex, toHex } from "../../../support/entries.ts";

test.each<[string, (w: Writer) => void, string]>([
	[
		"a dump with an unknown filter flag, of a family that no entry has",
		(w) => probeFilteredDump(w, 1),
		`20000000 0101 0103 01000000 00000000  # GET, REQUEST|DUMP
		 63 00 0000                            # family 99
		 0c00 1980 {0800 0100 00000080}        # CTA_FILTER, ORIG_FLAGS in host order`,
	],
	[
		"a retirement of an entry that does not exist, without NLM_F_CREATE",
		(w) => probeRetire(w, 2),
		`58000000 0001 0500 02000000 00000000  # NEW, REQUEST|ACK
		 02 00 0000
		 3400 0180                             # CTA_TUPLE_ORIG
			1400 0180
				0800 0100 00000000
				0800 0200 00000000
			1c00 0280
				0500 0100 11000000             # UDP
				0600 0200 00000000
				0600 0300 00000000
		 0800 0300 00000400                    # IPS_FIXED_TIMEOUT
		 0800 0700 00000001                    # 1 s`,
	],
])("%s", (_, write, want) => {
	const w = new Writer();
	write(w);
	expect(toHex(w.bytes())).toBe(toHex(hex(want)));
});
