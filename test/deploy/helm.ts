// The chart, rendered by helm itself and read as strictly as the kustomizations are.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { must, type Ran, run } from "../support/exec.ts";
import { hasTool, tool, version } from "../support/runtimes/tools.ts";
import { type Manifest, rendered } from "./manifests.ts";

export const CHART = "deploy/chart";

const PROGRAM = `helm-${version("HELM")}/helm`;

/** Returns true if setup.sh has built helm. */
export const hasHelm = (): boolean => hasTool(PROGRAM);

/** The path of helm; throws if setup.sh has not built it. */
export const helmProgram = (): string => tool(PROGRAM);

/** Runs helm; resolves with whatever it did. It has no cluster, and nothing of it is left in the user's directories. */
export async function helm(...argv: readonly string[]): Promise<Ran> {
	const dir = mkdtempSync(`${tmpdir()}/helm-`);
	try {
		const env = { PATH: process.env.PATH, HOME: dir, KUBECONFIG: "/dev/null" };
		return await run([helmProgram(), ...argv], { env });
	} finally {
		rmSync(dir, { recursive: true });
	}
}

/** Resolves with the text that helm renders with these flags; rejects with what helm says against them. */
export async function template(...flags: readonly string[]): Promise<string> {
	const where = ["release", CHART, "--namespace", "kube-system"];
	const { code, stdout, stderr } = await helm("template", ...where, ...flags);
	if (code !== 0) throw new Error(stderr);
	return stdout;
}

/** Resolves with the objects that helm renders with these values, such as `sweep=true`. Rejects if a field is not one that Kubernetes has. */
export async function charted(
	...values: readonly string[]
): Promise<readonly Manifest[]> {
	const text = await template(...values.flatMap((v) => ["--set", v]));
	return kustomized("resources: [chart.yaml]\n", { "chart.yaml": text });
}

/** Resolves with the objects of a kustomization of this text, which has these files beside it, and can name those of deploy as `..`. */
export async function kustomized(
	text: string,
	files: Readonly<Record<string, string>> = {},
): Promise<readonly Manifest[]> {
	const dir = mkdtempSync("deploy/.test-");
	try {
		writeFileSync(`${dir}/kustomization.yaml`, text);
		for (const [name, content] of Object.entries(files))
			writeFileSync(`${dir}/${name}`, content);
		return await rendered(dir);
	} finally {
		rmSync(dir, { recursive: true });
	}
}

/** Resolves if promtool finds nothing wrong with these groups of rules. */
export async function checkRules(spec: unknown): Promise<void> {
	const dir = mkdtempSync(`${tmpdir()}/rules-`);
	try {
		// YAML is a superset of JSON
		writeFileSync(`${dir}/rules.yaml`, JSON.stringify(spec));
		await must(["promtool", "check", "rules", `${dir}/rules.yaml`]);
	} finally {
		rmSync(dir, { recursive: true });
	}
}
