// Who may do what in a cluster: users with tokens, and the files by which they find
// the API server.

import { randomUUID } from "node:crypto";

/** Names and groups that Kubernetes knows. */
const USERS = {
	admin: ["admin", "system:masters"],
	controllers: ["system:kube-controller-manager"],
	scheduler: ["system:kube-scheduler"],
	proxy: ["system:kube-proxy"],
	node1: ["system:node:node1", "system:nodes"],
	node2: ["system:node:node2", "system:nodes"],
} as const;
export type User = keyof typeof USERS;

export interface Access {
	/** The text of the API server's list of tokens. */
	readonly tokens: string;
	/** The text of a user's file. */
	kubeconfigOf(user: User): string;
}

export function createAccess(cluster: string, server: string): Access {
	const tokens = Object.fromEntries(
		Object.keys(USERS).map((user) => [user, randomUUID()]),
	);
	return {
		tokens: Object.entries(USERS)
			.map(([user, [name, ...groups]]) =>
				[tokens[user], name, user, ...groups].join(),
			)
			.join("\n"),
		kubeconfigOf: (user) =>
			JSON.stringify({
				apiVersion: "v1",
				kind: "Config",
				clusters: [
					{
						name: cluster,
						// it makes its certificate itself
						cluster: { server, "insecure-skip-tls-verify": true },
					},
				],
				users: [{ name: user, user: { token: tokens[user] } }],
				contexts: [{ name: cluster, context: { cluster, user } }],
				"current-context": cluster,
			}),
	};
}
