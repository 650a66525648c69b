// Runs a conflist as a container runtime does through libcni: plugins executed
// in the node's namespace, ADD in list order with prevResult handed on, DEL in
// reverse with the result cached at ADD (from cniVersion 0.4.0 on; none below),
// runtimeConfig only for plugin items that declare the capability. It adds nothing
// of its own but hooks and clocks.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Ran, run } from "./exec.ts";
import type { Namespace } from "./netns.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface Conflist {
	readonly cniVersion: string;
	readonly name: string;
	readonly plugins: readonly (Json & { readonly type: string })[];
}

export interface PortMapping {
	readonly hostPort: number;
	readonly containerPort: number;
	readonly protocol: string;
	readonly hostIP?: string;
}

export interface Attachment {
	readonly containerID: string;
	readonly netns: Namespace;
	readonly podName: string;
	readonly portMappings: readonly PortMapping[];
}

export type Verb = "ADD" | "DEL" | "CHECK";

export interface Step extends Ran {
	readonly verb: Verb;
	readonly type: string;
	/** Place in the conflist. */
	readonly index: number;
}

export interface ChainOptions {
	readonly binDirs: readonly string[];
	/** How runtimeConfig spells a mapping: the CNI conventions, or containerd's Go field names. */
	readonly spelling?: "cni" | "containerd";
	/** Argv put before the executable of a plugin type, e.g. to take a capability away. */
	readonly wrap?: Readonly<Record<string, readonly string[]>>;
	/** Has the last word on what a plugin is given on stdin. */
	readonly edit?: (type: string, conf: Json) => Json;
	/** Called after each plugin has returned and before the next starts. */
	readonly between?: (step: Step) => Promise<void> | void;
}

export interface Chain {
	/** Resolves when the last plugin has returned; rejects when one fails. */
	add(attachment: Attachment): Promise<readonly Step[]>;
	del(attachment: Attachment): Promise<readonly Step[]>;
	/** Result of the last ADD. */
	result(attachment: Attachment): Json;
}

export function createChain(
	node: Namespace,
	list: Conflist,
	options: ChainOptions,
): Chain {
	const cache = new Map<string, Json>();
	const cachesResults = !/^0\.[0-3]\./.test(list.cniVersion);

	async function step(
		verb: Verb,
		attachment: Attachment,
		index: number,
		prevResult: Json | undefined,
	): Promise<Step> {
		const plugin = list.plugins[index];
		if (plugin === undefined) throw new Error(`no plugin ${index}`);
		const conf = netconf(list, plugin, attachment, prevResult, options);
		const ran = await run(
			node.inside([
				...(options.wrap?.[plugin.type] ?? []),
				find(plugin.type, options.binDirs),
			]),
			{
				input: JSON.stringify(conf),
				env: environment(verb, attachment, options.binDirs),
			},
		);
		const done: Step = { ...ran, verb, type: plugin.type, index };
		if (ran.code !== 0) {
			throw new Error(
				`${verb} ${plugin.type}: exit ${ran.code}: ${ran.stdout.trim()} ${ran.stderr.trim()}`,
			);
		}
		await options.between?.(done);
		return done;
	}

	return {
		async add(attachment) {
			const steps: Step[] = [];
			let result: Json | undefined;
			for (const index of list.plugins.keys()) {
				const done = await step("ADD", attachment, index, result);
				steps.push(done);
				result = parseResult(done);
			}
			if (result !== undefined) cache.set(attachment.containerID, result);
			return steps;
		},
		async del(attachment) {
			const steps: Step[] = [];
			const result = cachesResults
				? cache.get(attachment.containerID)
				: undefined;
			for (const index of [...list.plugins.keys()].reverse()) {
				steps.push(await step("DEL", attachment, index, result));
			}
			cache.delete(attachment.containerID);
			return steps;
		},
		result(attachment) {
			return cache.get(attachment.containerID) ?? {};
		},
	};
}

function netconf(
	list: Conflist,
	plugin: Conflist["plugins"][number],
	attachment: Attachment,
	prevResult: Json | undefined,
	options: ChainOptions,
): Json {
	const capabilities = plugin.capabilities as
		| { readonly portMappings?: boolean }
		| undefined;
	const runtimeConfig =
		capabilities?.portMappings === true && attachment.portMappings.length > 0
			? {
					portMappings: attachment.portMappings.map(
						options.spelling === "containerd" ? goFieldNames : asIs,
					),
				}
			: undefined;
	const conf: Json = {
		...plugin,
		cniVersion: list.cniVersion,
		name: list.name,
		...(runtimeConfig === undefined ? {} : { runtimeConfig }),
		...(prevResult === undefined ? {} : { prevResult }),
	};
	return options.edit?.(plugin.type, conf) ?? conf;
}

function asIs(m: PortMapping): Json {
	return { ...m };
}

/** containerd marshals its struct without JSON tags; Go decoders ignore case. */
function goFieldNames(m: PortMapping): Json {
	return {
		HostPort: m.hostPort,
		ContainerPort: m.containerPort,
		Protocol: m.protocol,
		HostIP: m.hostIP ?? "",
	};
}

function environment(
	verb: Verb,
	attachment: Attachment,
	binDirs: readonly string[],
): Record<string, string> {
	return {
		PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin",
		CNI_COMMAND: verb,
		CNI_CONTAINERID: attachment.containerID,
		CNI_NETNS: attachment.netns.path,
		CNI_IFNAME: "eth0",
		CNI_PATH: binDirs.join(":"),
		CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${attachment.podName};K8S_POD_INFRA_CONTAINER_ID=${attachment.containerID}`,
	};
}

function find(type: string, dirs: readonly string[]): string {
	for (const dir of dirs) {
		const path = join(dir, type);
		if (existsSync(path)) return path;
	}
	throw new Error(`plugin ${type} not found in ${dirs.join(", ")}`);
}

function parseResult(step: Step): Json {
	try {
		return JSON.parse(step.stdout) as Json;
	} catch (cause) {
		throw new Error(`${step.verb} ${step.type}: result is not JSON`, { cause });
	}
}

/** Returns the addresses of a result, without their prefixes, IPv4 and IPv6 alike. */
export function addresses(result: string | Json): string[] {
	const { ips } = (
		typeof result === "string" ? JSON.parse(result) : result
	) as { readonly ips?: readonly { readonly address: string }[] };
	return (ips ?? []).map((ip) => ip.address.replace(/\/.*/, ""));
}
