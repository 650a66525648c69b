// The pod's name, in the words with which Kubernetes' runtimes pass it on.

/** Reads the CNI_ARGS `K8S_POD_NAMESPACE=…;K8S_POD_NAME=…`. Returns `namespace/name`, or undefined if no pod is named. */
export function podNameIn(args: string): string | undefined {
	return podNameOf(
		args.split(";").map((pair) => {
			const at = pair.indexOf("=");
			return [pair.slice(0, at), pair.slice(at + 1)];
		}),
	);
}

/** Reads the same as pairs, which is how libcni caches them. The last pair of a name counts; a namespace that is missing is left out. */
export function podNameOf(
	pairs: readonly (readonly [string, unknown])[],
): string | undefined {
	const args = new Map(pairs);
	const name = args.get("K8S_POD_NAME");
	const namespace = args.get("K8S_POD_NAMESPACE");
	if (typeof name !== "string" || name === "") return undefined;
	return typeof namespace === "string" && namespace !== ""
		? `${namespace}/${name}`
		: name;
}
