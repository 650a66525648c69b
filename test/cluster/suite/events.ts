// What happens in a cluster, one row each: what is done, and on which nodes the traffic
// must then go to a new pod. On the others it goes on as before, by the very entries that
// it had. Rows follow each other on one cluster.

import { type Configuration, EVERY } from "./configurations.ts";
import { rounds } from "./rounds.ts";
import { addSecondNetwork, removeSecondNetwork } from "./secondnetwork.ts";
import type { Stage } from "./stage.ts";
import { readyWithoutConntrack } from "./status.ts";
import { apply, type Manifest, PORTS, statsd } from "./workloads.ts";

/** The first node and the second. */
export type Nodes = readonly (0 | 1)[];

export interface Step {
	readonly act: (stage: Stage) => Promise<unknown>;
	/** The nodes that have a new pod then. */
	readonly renews: Nodes;
	/** The only port that the pods listen on then, if not on all. */
	readonly only?: number;
}

export interface Event {
	readonly name: string;
	readonly steps: readonly Step[];
	/** It is in the selection of every day. */
	readonly daily?: true;
	/** The clusters on which it can happen; all, if that is left out. */
	readonly on?: (configuration: Configuration) => boolean;
	/** The nodes whose healthy flows end with it, and why. */
	readonly ends?: { readonly nodes: Nodes; readonly why: string };
}

const FIRST: Nodes = [0];
const SECOND: Nodes = [1];
const BOTH: Nodes = [0, 1];
const NEITHER: Nodes = [];

const EVENTS: readonly Event[] = [
	{
		name: "the first pods come, and clients have sent before",
		daily: true,
		steps: [{ act: use(statsd("pod")), renews: BOTH }],
	},
	{
		name: "a pod is deleted",
		daily: true,
		steps: [{ act: ({ pods }) => pods.delete(0), renews: FIRST }],
	},
	{
		name: "all pods are replaced, one after the other",
		daily: true,
		steps: [
			{
				act: ({ cluster }) =>
					cluster.kubectl(["rollout", "restart", "deployment/statsd"]),
				renews: BOTH,
			},
		],
	},
	{
		name: "the pods move to the nodes' network",
		daily: true,
		steps: [{ act: use(statsd("host")), renews: BOTH, only: PORTS.any }],
	},
	{
		name: "and back to a network of their own",
		daily: true,
		steps: [{ act: use(statsd("pod")), renews: BOTH }],
	},
	{
		name: "scaled to 0 and back",
		daily: true,
		steps: [
			{ act: ({ pods }) => pods.scale(0), renews: NEITHER },
			{ act: ({ pods }) => pods.scale(2), renews: BOTH },
		],
	},
	{
		name: "a pod is deleted by force, without a time of grace",
		daily: true,
		// The next pod's ADD comes before the DEL. In the single arrangement clients may then
		// stay lost until the ADD after the next one: see "Limits" in README.md.
		on: ({ mode }) => mode === "edit",
		steps: [
			{
				act: ({ pods }) => pods.delete(0, ["--force", "--grace-period=0"]),
				renews: FIRST,
			},
		],
	},
	{
		name: "a pod is evicted to the other node, and another comes",
		daily: true,
		steps: [
			{
				act: async ({ pods }) => {
					await pods.cordon(1);
					await pods.delete(1);
					// the one that has no node is the first to go
					await pods.scale(1);
					await pods.uncordon(1);
				},
				renews: NEITHER,
			},
			{
				act: async ({ pods }) => {
					await pods.cordon(0);
					await pods.evict(0);
				},
				renews: SECOND,
			},
			{
				act: async ({ pods }) => {
					await pods.uncordon(0);
					await pods.scale(2);
				},
				renews: FIRST,
			},
		],
	},
	{
		name: "a node is drained and taken back",
		daily: true,
		steps: [
			{
				act: async ({ pods }) => {
					await pods.drain(0);
					await pods.uncordon(0);
				},
				renews: FIRST,
			},
		],
	},
	{
		name: "the kubelet is restarted",
		daily: true,
		steps: [
			{
				act: async ({ cluster: { nodes } }) => {
					await nodes[0].stop("kubelet");
					await nodes[0].start("kubelet");
				},
				renews: NEITHER,
			},
		],
	},
	{
		name: "containerd is restarted",
		daily: true,
		steps: [
			{
				act: async ({ cluster: { nodes } }) => {
					await nodes[0].stop("containerd");
					await nodes[0].start("containerd");
				},
				renews: NEITHER,
			},
		],
	},
	{
		name: "a pod is deleted while the kubelet is down",
		daily: true,
		steps: [
			{
				act: async ({ cluster: { nodes }, pods }) => {
					await nodes[0].stop("kubelet");
					await pods.delete(0);
					await nodes[0].start("kubelet");
				},
				renews: FIRST,
			},
		],
	},
	{
		name: "a pod is deleted while containerd is down",
		steps: [
			{
				act: async ({ cluster: { nodes }, pods }) => {
					await nodes[0].stop("containerd");
					await pods.delete(0);
					await nodes[0].start("containerd");
				},
				renews: FIRST,
			},
		],
	},
	{
		name: "pods have a second network, with the same plugin",
		steps: [
			{ act: addSecondNetwork, renews: FIRST },
			{ act: ({ pods }) => pods.delete(0), renews: FIRST },
			{ act: removeSecondNetwork, renews: FIRST },
		],
	},
	{
		name: "a node loses its power and boots",
		daily: true,
		steps: [{ act: (stage) => stage.powerCycle(0), renews: FIRST }],
		ends: { nodes: FIRST, why: "the table is gone with the power" },
	},
	{
		name: "two rounds of the agent",
		daily: true,
		steps: [{ act: (stage) => rounds(stage, 2), renews: NEITHER }],
	},
	{
		name: "conntrack cannot be used on a node, and the node stays Ready",
		daily: true,
		// no runtime calls STATUS by older versions
		on: ({ cniVersion }) => cniVersion === "1.1.0",
		steps: [
			{ act: (stage) => readyWithoutConntrack(stage, 1), renews: NEITHER },
		],
	},
	{
		name: "the agent is deleted, a pod too, and the agent comes back",
		steps: [
			{ act: ({ agent }) => agent.delete(), renews: NEITHER },
			{ act: ({ pods }) => pods.delete(0), renews: FIRST },
			{ act: ({ agent }) => agent.applyAgain(), renews: NEITHER },
		],
	},
	{
		name: "the agent is upgraded, and a pod is deleted",
		daily: true,
		steps: [
			{ act: ({ agent }) => agent.apply("2"), renews: NEITHER },
			{ act: ({ pods }) => pods.delete(0), renews: FIRST },
		],
	},
];

/** Returns the rows for a cluster: all, or the selection of every day. */
export function eventsOn(configuration: Configuration): Event[] {
	return EVENTS.filter(
		({ daily, on }) => (EVERY || daily) && (on?.(configuration) ?? true),
	);
}

function use(manifest: Manifest): (stage: Stage) => Promise<void> {
	return ({ cluster }) => apply(cluster, [manifest]);
}
