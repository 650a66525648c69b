// unit: pure code, anywhere. root: a real kernel, in namespaces of its own.
// apart: the executable too, but in no time that is measured.
// guard: the executable's cost against its limits. cluster: pods under a real kubelet.

import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		// Paths in reports are read from the root of the repository.
		root: `${import.meta.dirname}/..`,
		projects: [
			{
				extends: true,
				test: {
					name: "unit",
					// Unit tests keep nothing between files.
					pool: "threads",
					isolate: false,
					include: ["test/unit/**/*.test.ts"],
				},
			},
			{
				extends: true,
				test: {
					name: "root",
					include: [
						"test/{arches,cli,cni,conformance,harness,kernel,kernels,races,release,rules}/**/*.test.ts",
					],
					globalSetup: "test/root.setup.ts",
					// These tests share the machine's kernel and measure time.
					fileParallelism: false,
					testTimeout: 120_000,
					hookTimeout: 120_000,
				},
			},
			{
				extends: true,
				test: {
					name: "apart",
					include: ["test/{deploy,fuzz,install,npm,oracle}/**/*.test.ts"],
					globalSetup: "test/root.setup.ts",
					fileParallelism: false,
					testTimeout: 120_000,
					hookTimeout: 120_000,
				},
			},
			{
				extends: true,
				test: {
					name: "cluster",
					include: ["test/cluster/**/*.test.ts"],
					globalSetup: "test/root.setup.ts",
					fileParallelism: false,
					testTimeout: 300_000,
					hookTimeout: 300_000,
				},
			},
			{
				extends: true,
				test: {
					name: "guard",
					include: ["test/bench/**/*.test.ts"],
					globalSetup: "test/root.setup.ts",
					fileParallelism: false,
					testTimeout: 300_000,
					hookTimeout: 300_000,
				},
			},
		],
	},
});
