// The Helm chart as a release has it: that of deploy/, for the architectures of the image.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzip, inTemporary, tar } from "./archive.ts";
import { ARCHITECTURES, filesBelow, type Product } from "./contents.ts";

const CHART = "deploy/chart";
const VALUES = `${CHART}/values.yaml`;
/** The nodes that get an agent; what `deploy/Dockerfile` builds is for these. */
const OWN = "values: [amd64]";

/** Returns the chart as `helm package` would; `epoch` is the time of its files, in seconds. */
export function chart(
	{ name }: Product,
	epoch: number,
	arches: readonly string[],
): Buffer {
	const values = readFileSync(VALUES, "utf8");
	if (!values.includes(OWN)) throw new Error(`${VALUES} has no "${OWN}"`);
	const nodes = arches.map((arch) => ARCHITECTURES[arch]?.oci.architecture);
	return inTemporary((dir) => {
		const path = join(dir, "values.yaml");
		writeFileSync(path, values.replace(OWN, `values: [${nodes.join(", ")}]`));
		const entries = filesBelow(CHART).map((file) => ({
			from: file === VALUES ? path : file,
			to: name + file.slice(CHART.length),
			mode: 0o644,
		}));
		return gzip(tar(entries, epoch));
	});
}
