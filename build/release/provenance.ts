// Says what a release was made of and by whom, as an in-toto statement with SLSA's
// predicate. Nothing in it differs between two builds of the same commit by the same builder.
// https://slsa.dev/spec/v1.1/provenance

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A file or an image, by its name and SHA-256. */
export interface Subject {
	readonly name: string;
	readonly digest: { readonly sha256: string };
}

export interface ProvenanceOptions {
	readonly subjects: readonly Subject[];
	readonly version: string;
	readonly arches: readonly string[];
	readonly epoch: number;
	readonly commit: string;
	/** True if files differ from the commit. */
	readonly modified: boolean;
	readonly source: string;
	/** The URI of who builds: a workflow, or a person's machine. */
	readonly builder: string;
}

/** The files that pin what is fetched. */
const LOCKS = [
	"package-lock.json",
	"plugin/host/native/Cargo.lock",
	"build/tools/go.sum",
];

/** The programs that made it, each with what prints its version. */
const PROGRAMS: readonly (readonly [string, ...string[]])[] = [
	["node", "--version"],
	["rustc", "--version"],
	["gcc", "-dumpfullversion"],
	["go", "env", "GOVERSION"],
];

/** Returns the lower-case hexadecimal SHA-256. */
export function sha256(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

/** Returns the statement. */
export function provenance(options: ProvenanceOptions): object {
	const { source, commit, version, arches, epoch, builder } = options;
	return {
		_type: "https://in-toto.io/Statement/v1",
		subject: options.subjects,
		predicateType: "https://slsa.dev/provenance/v1",
		predicate: {
			buildDefinition: {
				buildType: `${source}/blob/${commit}/RELEASING.md`,
				externalParameters: { version, architectures: arches },
				internalParameters: { sourceDateEpoch: epoch },
				resolvedDependencies: [
					{
						uri: `git+${source}@${commit}`,
						digest: { gitCommit: commit },
						...(options.modified && { annotations: { modified: true } }),
					},
					...LOCKS.map((path) => ({
						name: path,
						digest: { sha256: sha256(readFileSync(path)) },
					})),
					...PROGRAMS.map(([name, ...args]) => ({
						name,
						annotations: {
							version: execFileSync(name, args, { encoding: "utf8" }).trim(),
						},
					})),
				],
			},
			runDetails: { builder: { id: builder } },
		},
	};
}
