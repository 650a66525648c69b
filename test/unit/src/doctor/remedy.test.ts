// The commands that are advised.

import { expect, test } from "vitest";
import {
	deletionOf,
	formatChain,
	listingOf,
	remedyFor,
	restartOf,
} from "../../../../src/doctor/remedy.ts";
import type { Engine } from "../../../../src/rules/engines.ts";
import type { Place } from "../../../../src/rules/model.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { attached } from "../../../support/unit/world.ts";

const NFT: Place = {
	backend: "nft",
	family: 2,
	table: "nat",
	chain: "c",
	handle: 7,
};
const INET = { ...NFT, family: 1 };
const LEGACY: Place = { ...NFT, backend: "legacy" };
const LEGACY6 = { ...LEGACY, family: 10 };
const POD = attached("4f2e", mapping("IPv4", "udp"));

test.each([
	["nft", NFT, "nft delete rule ip nat c handle 7"],
	["both families", INET, "nft delete rule inet nat c handle 7"],
	["legacy", LEGACY, "iptables-legacy -w -t nat -F c"],
	["legacy, IPv6", LEGACY6, "ip6tables-legacy -w -t nat -F c"],
])("a rule is deleted: %s", (_, place, want) =>
	expect(deletionOf(place)).toBe(want),
);

test("an element is deleted, and not the rule that looks it up", () => {
	const element = { map: "m", key: "udp . 8125" };
	const rule = { ...NFT, element, dport: 8125, ip: "10.88.0.2", port: 5353 };
	expect(deletionOf(rule)).toBe("nft delete element ip nat m { udp . 8125 }");
	expect(deletionOf({ ...rule, element: undefined })).toBe(deletionOf(NFT));
});

test.each([
	[NFT, "ip nat c", "nft -a list chain ip nat c"],
	[LEGACY6, "ip6tables-legacy nat c", "ip6tables-legacy -w -t nat -S c"],
])("a chain is named and listed", (chain, name, listing) => {
	expect(formatChain(chain)).toBe(name);
	expect(listingOf(chain)).toBe(listing);
});

test("a pod is restarted by its sandbox", () =>
	expect(restartOf(POD)).toMatch(/: crictl stopp 4f2e$/));

test.each<[Engine, string]>([
	["kube-proxy", "kubectl get services -A | grep -w 8125"],
	["portmap", "conntrack-flush list --host-port 8125"],
	["cri-o", "conntrack-flush list --host-port 8125"],
	["netavark", "podman port --all | grep -w 8125"],
	["docker", "docker ps --filter publish=8125"],
	["incus", "incus list -f yaml | grep -w 8125"],
	["firewalld", "firewall-cmd --list-forward-ports"],
	["other", "nft -a list chain ip nat c"],
])("a rule of %s stands before the pod's: where to look", (engine, command) => {
	const advice = remedyFor(engine, NFT, POD, mapping("IPv4", "udp"));
	expect(advice).toMatch(/^change the hostPort of ns\/4f2e, or /);
	expect(advice.endsWith(`: ${command}`)).toBe(true);
});
