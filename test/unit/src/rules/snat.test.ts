// The rules that translate source addresses, as recorded from the kernel.

import { describe, expect, test } from "vitest";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import { Exchange } from "../../../../src/netlink/exchange.ts";
import { LAYOUTS } from "../../../../src/rules/ipheader.ts";
import { readSNAT, type SNATRule, snatIn } from "../../../../src/rules/snat.ts";
import { errorMessage } from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { fakeKernel, type Request } from "../../../support/fakekernel.ts";
import { viewOf } from "../../../support/unit/blobs.ts";
import { tableOf } from "../../../support/unit/legacytables.ts";
import { answerAllRules } from "../../../support/unit/snatdump.ts";

async function read(
	answer: (r: Request) => ReturnType<ReturnType<typeof answerAllRules>>,
): Promise<SNATRule[]> {
	const { netlink } = fakeKernel({ answer });
	const host = fakeHost({ netlink });
	const requests = new Exchange(host, 12, new Deadline(host, 1000));
	try {
		return await readSNAT(requests);
	} finally {
		requests.close();
	}
}

const lines = (rules: readonly SNATRule[]): string[] =>
	rules.map(
		(r) =>
			`${r.table} ${r.chain}${r.isRandom ? " random" : ""}${r.exceptVia && ` not ${r.exceptVia}`}`,
	);

describe("nf_tables", () => {
	test("the targets that iptables-nft wraps", async () => {
		expect(lines(await read(answerAllRules("iptables-nft"))).sort()).toEqual([
			"nat AWS-SNAT-CHAIN-0 random",
			"nat CNI-177da0703a481cf0718c2c95",
			"nat CNI-HOSTPORT-MASQ",
			"nat FLANNEL-POSTRTG random",
			"nat IP-MASQ-AGENT random",
			"nat KIND-MASQ-AGENT",
			"nat KUBE-POSTROUTING random",
			"nat POSTROUTING",
			"nat POSTROUTING not docker0",
			"nat cali-nat-outgoing random",
		]);
	});

	test("nft's own expressions: no DNAT, and no network that is mapped one to one", async () => {
		const rules = await read(answerAllRules("nft"));
		expect(lines(rules).filter((l) => !/netavark|cni_/.test(l))).toEqual([
			"docker-bridges nat-postrouting not docker0",
			"crio-hostports masquerading",
			"kindnet-ipmasq postrouting",
			"kube-proxy masquerading random",
			"mine post random",
			"mine post",
		]);
		expect(rules.every(({ handle }) => handle > 0)).toBe(true);
	});

	test("a kernel that has none", async () => {
		expect(await read((r) => [errorMessage(22, r.seq)])).toEqual([]);
		await expect(read((r) => [errorMessage(12, r.seq)])).rejects.toThrow(
			/ENOMEM/,
		);
	});
});

describe("legacy iptables", () => {
	const table = tableOf(AF_INET);
	const rulesIn = (entries: Uint8Array): SNATRule[] =>
		snatIn({ info: viewOf(table.info), entries }, AF_INET);
	const MASQUERADE = "POSTROUTING";

	test("a masquerade, and its place", () => {
		expect(rulesIn(table.entries)).toEqual([
			{
				backend: "legacy",
				family: AF_INET,
				table: "nat",
				chain: MASQUERADE,
				handle: 1,
				isRandom: false,
				exceptVia: "",
			},
		]);
	});

	test("random ports, and an interface that is left out", () => {
		const { entries } = tableOf(AF_INET);
		const view = viewOf(entries);
		const at = viewOf(table.info).getUint32(36 + 4 * 4, true);
		const layout = LAYOUTS[AF_INET];
		const target = at + view.getUint16(at + layout.target, true);
		view.setUint32(target + 32 + 4, 16, true);
		entries[at + layout.inverted] = 2;
		entries.set(new TextEncoder().encode("docker0"), at + 16 + 16);
		expect(lines(rulesIn(entries))).toEqual([
			"nat POSTROUTING random not docker0",
		]);
	});

	test("a table without any", () => {
		const { info, entries } = tableOf(AF_INET6);
		expect(snatIn({ info: viewOf(info), entries }, AF_INET6)).toEqual([]);
	});
});
