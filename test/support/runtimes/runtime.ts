// A container runtime as the tests use it, whatever it is.

import type { PortMapping } from "../chain.ts";

export interface PodOptions {
	readonly name: string;
	/** Runs in the node's network namespace and listens on the host ports itself. */
	readonly hostNetwork?: boolean;
}

export interface Pod {
	readonly name: string;
	/** Its first address, "" in the node's network namespace. */
	readonly address: string;
	/** When its receiver began to listen: the pod's start. */
	readonly startedAt: number;
	/** Resolves when the runtime has deleted it; rejects if the runtime could not. */
	remove(): Promise<void>;
}

export interface Runtime {
	/** Name and version, as the program itself says. */
	readonly version: string;
	/** Name of the CNI network, which host-local's directory has. */
	readonly network: string;
	/** Starts a pod that publishes `ports`; rejects if the runtime could not. */
	run(options: PodOptions, ports: readonly PortMapping[]): Promise<Pod>;
}

export interface Container extends Pod {
	/** All that it has on its network. */
	readonly addresses: readonly string[];
	/** The command as run in its network namespace. */
	inside(argv: readonly string[]): string[];
}

/** A runtime that publishes ports by rules, its own or its plugins'. */
export interface Engine extends Runtime {
	run(options: PodOptions, ports: readonly PortMapping[]): Promise<Container>;
}
