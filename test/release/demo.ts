// The demo's scenario, played with an executable that was installed.

import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect } from "vitest";
import { play } from "../demo/play.ts";
import { SCENARIOS } from "../demo/scenarios.ts";
import type { Stage } from "../demo/stage.ts";
import { onEnd } from "../support/undo.ts";

/** Rejects unless this executable brings back the clients of the demo's pod that is replaced, and only those. */
export async function expectDemo(stage: Stage, path: string): Promise<void> {
	const ours = SCENARIOS.find(
		({ arrangement, happens }) =>
			arrangement === "single" && happens === "is replaced",
	);
	if (!ours) throw new Error("no such scenario");
	const bin = mkdtempSync(`${tmpdir()}/bin-`);
	onEnd(() => rmSync(bin, { recursive: true }));
	symlinkSync(path, `${bin}/conntrack-flush`);
	const played = await play(stage, ours, undefined, bin);
	expect(played.ok, played.log.join("\n")).toBe(true);
	expect(played.log.join()).toContain("event=ADD");
}
