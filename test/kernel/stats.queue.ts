// Runs inside a namespace and holds packets that a rule sends to NFQUEUE 0,
// between the making of their entries and the insertion, until as many as asked
// for are there; then lets all go on. So packets of one new flow meet, every time.

import { nodeHost } from "../../plugin/host/node.ts";
import { messageAt, RecvBuffer } from "../../src/netlink/reader.ts";
import {
	attr,
	be16,
	be32,
	concat,
	message,
	nfgenmsg,
	u8,
} from "../support/entries.ts";
import { attributesOf } from "../support/fakekernel.ts";

// linux/netfilter/nfnetlink_queue.h
const NFQNL_MSG_PACKET = 0x0300;
const NFQNL_MSG_VERDICT = 0x0301;
const NFQNL_MSG_CONFIG = 0x0302;
const NFQA_PACKET_HDR = 1;
const NFQA_VERDICT_HDR = 2;
const NF_ACCEPT = 1;
const REQUEST = 1;

const socket = nodeHost([]).netlink(12, 20_000);
const bind = attr(1, concat(u8(1), u8(0), be16(0))); // NFQA_CFG_CMD: BIND
const headers = attr(2, concat(be32(0), u8(1))); // NFQA_CFG_PARAMS: NFQNL_COPY_META
for (const setting of [bind, headers])
	await socket.send(
		message({ type: NFQNL_MSG_CONFIG, flags: REQUEST }, nfgenmsg(0), setting),
	);
process.send?.("ready");

const held: Uint8Array[] = [];
const b = new RecvBuffer(65536);
while (held.length < Number(process.argv[2])) {
	const m = messageAt(b, 0, await socket.recv(b.bytes));
	if (m.type !== NFQNL_MSG_PACKET) throw new Error(`message ${m.type}`);
	const attributes = attributesOf(b.bytes.slice(m.start + 20, m.end));
	const id = attributes.get(NFQA_PACKET_HDR)?.slice(0, 4);
	if (id) held.push(id);
}
for (const id of held)
	await socket.send(
		message(
			{ type: NFQNL_MSG_VERDICT, flags: REQUEST },
			nfgenmsg(0),
			attr(NFQA_VERDICT_HDR, concat(be32(NF_ACCEPT), id)),
		),
	);
process.send?.("done");
process.disconnect?.();
socket.close();
