// How much code the executable carries for a container runtime, as if it were
// minified: the chunks that main.js can reach without those of the command line, and
// main.js, which every call loads. The embedded code keeps its names, for stack traces.

import { bundled } from "../../build/bundled.ts";

export interface BundleBytes {
	/** What every call loads. */
	readonly everyCall: number;
	/** What some verb loads. */
	readonly all: number;
}

export async function bundleBytes(): Promise<BundleBytes> {
	const chunks = await bundled({ minify: true });
	const seen = new Set<string>();
	const visit = (name: string): number => {
		const chunk = chunks.get(name);
		if (!chunk || seen.has(name) || name === "cli.js") return 0;
		seen.add(name);
		return [...chunk.imports, ...chunk.dynamicImports].reduce(
			(sum, next) => sum + visit(next),
			Buffer.byteLength(chunk.code),
		);
	};
	return {
		everyCall: Buffer.byteLength(chunks.get("main.js")?.code ?? ""),
		all: visit("main.js"),
	};
}
