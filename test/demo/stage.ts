// The stage of all scenarios of the demo: the node, its pods and the clients. The
// other pod's questions to a server outside are the healthy flows: they go to
// the same port number, and their answers come after the pod was replaced.

import { addresses, createChain } from "../support/chain.ts";
import { sleep } from "../support/clock.ts";
import { conflist } from "../support/conflist.ts";
import { readTable } from "../support/conntrack.ts";
import { HOST4 } from "../support/node.ts";
import { CNI_BIN } from "../support/requirements.ts";
import {
	attachment,
	createScene,
	HOST_PORT,
	type Scene,
} from "../support/scene.ts";
import type { Client } from "../support/station.protocol.ts";
import type { OnArrival } from "../support/station.ts";
import { SERVER4 } from "../support/topology.ts";

export const CLIENTS = 8;
export const EVERY_MS = 50;
export const QUESTIONS = 8;

export interface Stage extends Scene {
	readonly clients: readonly Client[];
	/** The one who is told of arrivals; a scenario puts itself here. */
	watcher: OnArrival;
	/** The other pod asks; the result tells, later, what became of it. */
	ask(): Promise<() => Promise<Healthy>>;
}

export interface Healthy {
	/** Entries of the questions that were still there, untouched. */
	readonly kept: number;
	/** Questions whose answer came. */
	readonly answered: number;
}

export async function createStage(): Promise<Stage> {
	let watcher: OnArrival = () => {};
	const scene = await createScene((...arrival) => watcher(...arrival));
	const chain = createChain(
		scene.topology.node,
		conflist(scene.topology, { arrangement: "without" }),
		{ binDirs: [CNI_BIN] },
	);
	const neighbour = attachment(scene.neighbour, []);
	await chain.add(neighbour);
	const [address = ""] = addresses(chain.result(neighbour));
	await scene.world.listen({
		name: "server",
		host: SERVER4,
		port: HOST_PORT,
		answers: "later",
	});
	const questions = async (): Promise<string[]> =>
		(await readTable(scene.topology.node))
			.filter(({ orig }) => orig.src === address && orig.dst === SERVER4)
			.map(({ id }) => id);

	let port = 40_000;
	return {
		...scene,
		clients: Array.from({ length: CLIENTS }, (_, id) => ({
			id,
			from: { port: 20_000 + id },
			to: { host: HOST4, port: HOST_PORT },
			everyMs: EVERY_MS,
			asks: false,
		})),
		get watcher() {
			return watcher;
		},
		set watcher(next) {
			watcher = next;
		},
		async ask() {
			for (let n = 0; n < QUESTIONS; n++) {
				await scene.neighbour.station.once({
					id: 1000 + n,
					from: { port: port++ },
					to: { host: SERVER4, port: HOST_PORT },
					asks: true,
				});
			}
			await sleep(50);
			const before = await questions();
			return async () => {
				const after = await questions();
				await scene.world.answer("server");
				await sleep(100);
				return {
					kept: before.filter((id) => after.includes(id)).length,
					answered: await scene.neighbour.station.answered(),
				};
			};
		},
	};
}
