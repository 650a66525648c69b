// Addresses of a node and its neighbours by letters, the same letters for both
// families, so that a flow is written once: `C:6000 > H:8125`.

export const BOOKS = {
	IPv4: {
		/** An external client. */
		C: "192.0.2.7",
		/** The node's addresses: first, second, loopback. */
		H: "203.0.113.1",
		H2: "203.0.113.10",
		L: "127.0.0.1",
		/** The pods' bridge, which is the node's too. */
		G: "10.88.0.1",
		/** The pod of the mapping, one before it, one beside it. */
		P: "10.88.0.2",
		Q: "10.88.0.9",
		N: "10.88.0.3",
		/** An external server. */
		S: "198.51.100.9",
		/** A Service's address of no interface. */
		V: "10.96.0.10",
		/** A Service's address on kube-ipvs0. */
		I: "10.96.0.20",
		/** Broadcast and multicast. */
		B: "203.0.113.255",
		M: "224.0.0.251",
	},
	IPv6: {
		C: "fd07::7",
		H: "fd03::1",
		H2: "fd03::10",
		L: "::1",
		G: "fd88::1",
		P: "fd88::2",
		Q: "fd88::9",
		N: "fd88::3",
		S: "fd09::9",
		V: "fd96::10",
		I: "fd96::20",
		B: "fd03::",
		M: "ff02::fb",
	},
} as const;

export type FamilyName = keyof typeof BOOKS;
export type Letter = keyof (typeof BOOKS)["IPv4"];

/** `C:6000 > H:8125` with the addresses of a family. */
export function spell(family: FamilyName, flow: string): string {
	return flow.replace(/\b([A-Z]2?):/g, (_, letter: Letter) => {
		const address = BOOKS[family][letter];
		return address.includes(":") ? `[${address}]:` : `${address}:`;
	});
}

/** Returns true if the local routing table has the address, without kube-ipvs0. */
export function isLocal(ip: string): boolean {
	return Object.values(BOOKS).some(({ H, H2, L, G }) =>
		[H, H2, L, G].some((own) => own === ip),
	);
}
