// The bundle as the bundler makes it, in memory: for those who look at its chunks.

import { relative } from "node:path";
import { type OutputChunk, type OutputOptions, rolldown } from "rolldown";
import config from "./bundle.config.ts";
import { ROOT } from "./imports.ts";

/** Returns the chunks by their names: `main.js`. `change` is set over the output's options. */
export async function bundled(
	change: OutputOptions = {},
): Promise<ReadonlyMap<string, OutputChunk>> {
	const bundle = await rolldown(config);
	const { output } = await bundle.generate({
		...[config.output].flat()[0],
		...change,
	});
	return new Map(
		output
			.filter((o): o is OutputChunk => o.type === "chunk")
			.map((chunk) => [chunk.fileName, chunk]),
	);
}

/** Returns the files of which the chunk has at least one byte, as paths from the root. */
export function filesOf(chunk: OutputChunk): string[] {
	return Object.entries(chunk.modules)
		.filter(([, { renderedLength }]) => renderedLength > 0)
		.map(([id]) => relative(ROOT, id));
}
