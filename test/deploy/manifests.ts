// The documents that `kubectl apply -k` would send, rendered by kustomize's own library and
// read as strictly as an API server can (test/support/runtimes/go/kustomized).

import { must } from "../support/exec.ts";
import { tool } from "../support/runtimes/tools.ts";

export interface Container {
	readonly name: string;
	readonly image: string;
	readonly args: readonly string[];
	readonly env?: readonly { readonly name: string; readonly value?: string }[];
	readonly ports?: readonly unknown[];
	readonly startupProbe?: Probe;
	readonly livenessProbe?: Probe;
	readonly readinessProbe?: Probe;
	readonly terminationMessagePolicy?: string;
	readonly resources: {
		readonly requests: Readonly<Record<string, string>>;
		readonly limits: Readonly<Record<string, string>>;
	};
	readonly securityContext: {
		readonly runAsUser: number;
		readonly allowPrivilegeEscalation: boolean;
		readonly readOnlyRootFilesystem: boolean;
		readonly capabilities: {
			readonly drop: readonly string[];
			readonly add: readonly string[];
		};
	};
	readonly volumeMounts?: readonly {
		readonly name: string;
		readonly mountPath: string;
		readonly readOnly?: boolean;
	}[];
}

export interface Probe {
	readonly httpGet: { readonly host?: string; readonly path: string };
	readonly periodSeconds?: number;
	readonly failureThreshold?: number;
	readonly initialDelaySeconds?: number;
}

export interface PodSpec {
	readonly hostNetwork?: boolean;
	readonly automountServiceAccountToken?: boolean;
	readonly serviceAccountName?: string;
	readonly priorityClassName?: string;
	readonly tolerations?: readonly unknown[];
	readonly securityContext?: unknown;
	readonly initContainers?: readonly Container[];
	readonly containers: readonly Container[];
	readonly volumes: readonly {
		readonly name: string;
		readonly hostPath: { readonly path: string; readonly type: string };
	}[];
}

export interface Manifest {
	readonly kind: string;
	readonly metadata: {
		readonly name: string;
		readonly namespace?: string;
		readonly annotations?: unknown;
	};
	readonly spec?: {
		readonly selector: { readonly matchLabels: object };
		readonly template: {
			readonly metadata: {
				readonly labels: object;
				readonly annotations?: unknown;
			};
			readonly spec: PodSpec;
		};
	};
}

export async function rendered(dir: string): Promise<readonly Manifest[]> {
	return JSON.parse(await must([tool("programs/kustomized"), dir]));
}

/** The DaemonSet of a kustomization, which is to have one. */
export async function daemonSet(
	dir: string,
): Promise<NonNullable<Manifest["spec"]>> {
	const found = (await rendered(dir)).filter((m) => m.kind === "DaemonSet");
	const spec = found[0]?.spec;
	if (found.length !== 1 || !spec) throw new Error(`${dir}: no DaemonSet`);
	return spec;
}
