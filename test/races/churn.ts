// The parent's side of the process that changes a namespace's table without
// pause.

import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Namespace } from "../support/netns.ts";
import { startWorker } from "../support/worker.ts";

/** Entries that stay: more than the planner lets a filtered dump walk past. */
export const FILLER = 60_000;
export const FILLER_MARK = 8;

/** Entries made or deleted since the last time one asked. */
export interface Rate {
	readonly changes: number;
	readonly ms: number;
}

export interface Churn {
	rate(): Promise<Rate>;
	end(): void;
}

const WORKER = fileURLToPath(new URL("churn.worker.ts", import.meta.url));

/** Resolves when the table is full and begins to change. */
export async function startChurn(ns: Namespace): Promise<Churn> {
	const child = startWorker(ns, WORKER);
	const ended = once(child, "exit").then(([code, signal]) => {
		throw new Error(`the churn ended: ${code ?? signal}`);
	});
	ended.catch(() => {});
	const answer = async (): Promise<Rate> => {
		const [rate] = await Promise.race([once(child, "message"), ended]);
		return rate as Rate;
	};
	await answer();
	return {
		rate() {
			const rate = answer();
			child.send("rate");
			return rate;
		},
		end: () => void child.kill("SIGKILL"),
	};
}
