// Reads deploy/Dockerfile, which is what the image is. Here it is made without a builder,
// from the few instructions that an image of one static program needs.

import { basename, posix } from "node:path";

/** What the instructions say. */
export interface Recipe {
	/** From a path of the build context to an absolute path in the image. */
	readonly copies: readonly { readonly from: string; readonly to: string }[];
	readonly labels: Readonly<Record<string, string>>;
	readonly entrypoint: readonly string[];
}

/** Reads a Dockerfile. Throws at an instruction that cannot be followed here, and names it. */
export function readDockerfile(text: string): Recipe {
	const copies: { from: string; to: string }[] = [];
	const labels: Record<string, string> = {};
	let entrypoint: string[] = [];
	for (const line of text.split("\n")) {
		if (line.trim() === "" || line.startsWith("#")) continue;
		const [instruction = "", ...words] = line.split(/\s+/);
		const rest = line.slice(instruction.length).trim();
		if (instruction === "COPY") {
			const to = words.pop() ?? "";
			for (const from of words) {
				const path = to.endsWith("/") ? posix.join(to, basename(from)) : to;
				copies.push({ from, to: path });
			}
		} else if (instruction === "LABEL") {
			const [, name = "", value = ""] = /^([^=]+)="(.*)"$/.exec(rest) ?? [];
			if (name === "") throw new Error(`unknown LABEL: ${line}`);
			labels[name] = value;
		} else if (instruction === "ENTRYPOINT") entrypoint = JSON.parse(rest);
		else if (line !== "FROM scratch")
			throw new Error(`unknown instruction: ${line}`);
	}
	return { copies, labels, entrypoint };
}
