// A node under load for a while: pods come, move, are checked, forgotten and
// replaced at random while clients keep sending through DNAT rules, some or all of
// them at once, and after every event the table must be free of entries that it
// forbids. Bounded: SOAK_SECONDS (120), SOAK_SEED; SOAK_BURSTS=1 makes every second
// event a burst. `make soak`, as root; Ctrl-C cleans up too.

import { now, sleep } from "../support/clock.ts";
import { random } from "../support/random.ts";
import { undoAll } from "../support/undo.ts";
import { insertBystanders } from "./bystanders.ts";
import { Judge } from "./judge.ts";
import { createNode, type Pod, SLOTS, type Slot } from "./node.ts";

const SECONDS = Number(process.env.SOAK_SECONDS ?? 120);
const SEED = Number(process.env.SOAK_SEED ?? Date.now() % 1e9);
const BURSTS = process.env.SOAK_BURSTS === "1";
const MOST_FAULTS = 10;

const r = random(SEED);
const node = await createNode();
const judge = new Judge(node);
const { live } = judge;
node.bystanders = await insertBystanders(node);
/** Pods that have left, whose DEL may come again. */
const gone: Pod[] = [];
let made = 0;

/** Makes a pod and its rule, and returns it. */
async function come(slot: Slot): Promise<Pod> {
	const free = node.addressesExcept([...live.values()]);
	// the address of the pod before, as an allocator may have it: then its late DEL means this one
	const last = gone.findLast((pod) => pod.slot === slot)?.address;
	const address =
		last !== undefined && free.includes(last) && r.chance(0.4)
			? last
			: r.pick(free);
	const pod: Pod = { id: `pod${++made}`, address, slot };
	await node.rule("-A", pod);
	live.set(slot, pod);
	return pod;
}

async function add(slot: Slot): Promise<void> {
	const pod = await come(slot);
	await judge.call("ADD", pod);
	await judge.look(slot, `ADD ${pod.id}`);
}

/** Every pod goes at once, and then others come at once, as when a node is drained and comes back. */
async function replaceAll(): Promise<void> {
	const going = [...live.values()];
	const retiring = going.filter(({ slot }) => slot.retires);
	const led = await Promise.all(retiring.map((pod) => judge.leadingTo(pod)));
	for (const pod of going) {
		if (!pod.slot.retires) await node.rule("-D", pod);
		live.delete(pod.slot);
	}
	let began = 0;
	await judge.sparing(async () => {
		began = now();
		await Promise.all(
			going.map((pod) =>
				judge.call("DEL", pod, { on: pod.slot.retires ? "both" : "del" }),
			),
		);
		for (const pod of retiring) await node.rule("-D", pod);
	}, "a burst of DELs");
	for (const [i, pod] of retiring.entries())
		judge.expectGone(pod, led[i] ?? new Set(), began);
	for (const { slot } of going)
		if (!slot.retires) await judge.look(slot, "a burst of DELs");
	gone.push(...going);
	const coming: Pod[] = [];
	for (const slot of SLOTS) coming.push(await come(slot));
	await Promise.all(coming.map((pod) => judge.call("ADD", pod)));
	for (const { slot } of coming) await judge.look(slot, "a burst of ADDs");
}

/** The steps in the order of the chain: our plugin item for DEL comes after portmap's DEL, a plugin item for both before it. */
async function del(pod: Pod): Promise<void> {
	const { slot } = pod;
	if (slot.retires) {
		const led = await judge.leadingTo(pod);
		live.delete(slot);
		let began = 0;
		await judge.sparing(async () => {
			began = now();
			await judge.call("DEL", pod, { on: "both" });
			await node.rule("-D", pod);
		}, `DEL ${pod.id}`);
		judge.expectGone(pod, led, began);
	} else {
		await node.rule("-D", pod);
		live.delete(slot);
		await judge.sparing(
			() => judge.call("DEL", pod, { on: "del" }),
			`DEL ${pod.id}`,
		);
		await judge.look(slot, `DEL ${pod.id}`);
	}
	gone.push(pod);
}

/** Runtimes repeat themselves, at once or when others have long had the address. */
async function delAgain(): Promise<void> {
	if (gone.length === 0) return;
	const pod = r.chance(0.5) ? gone.at(-1) : r.pick(gone);
	if (!pod || judge.isAwaited(pod)) return;
	await judge.sparing(
		() => judge.call("DEL", pod, { on: pod.slot.retires ? "both" : "del" }),
		`DEL ${pod.id} again`,
	);
	// a flow that began between DEL and the end of the rule lives until the next ADD
	if (!pod.slot.retires || live.has(pod.slot))
		await judge.look(pod.slot, `DEL ${pod.id} again`);
}

/** The runtime lost the pod: no DEL comes. */
async function lose(pod: Pod): Promise<void> {
	await node.rule("-D", pod);
	live.delete(pod.slot);
	const valid = [...live.values()].map(({ id }) => ({
		containerID: id,
		ifname: "eth0",
	}));
	await judge.sparing(
		() => judge.call("GC", pod, { "cni.dev/valid-attachments": valid }),
		`GC of ${pod.id}`,
	);
	await judge.look(pod.slot, `GC of ${pod.id}`);
}

const end = Date.now() + 1000 * SECONDS;
while (Date.now() < end && judge.faults.length < MOST_FAULTS) {
	if (r.chance(BURSTS ? 0.5 : 0.02)) await replaceAll();
	const slot = r.pick(SLOTS);
	const pod = live.get(slot);
	const dice = r.below(10);
	if (pod === undefined) await add(slot);
	else if (dice < 3) await del(pod);
	else if (dice < 4) await lose(pod);
	else if (dice < 6) await judge.call("CHECK", pod);
	else if (dice < 7) await delAgain();
	else {
		// a successor that comes in the same breath
		await del(pod);
		await add(slot);
	}
	await judge.lookAtRetired();
}
while (judge.awaited > 0) {
	await sleep(100);
	await judge.lookAtRetired();
}

const sent = await node.stop();
undoAll();
console.log(`seed ${SEED}, ${SECONDS} s:`, {
	...Object.fromEntries(judge.counts),
	"datagrams sent": sent,
});
for (const fault of judge.faults) console.error(fault);
process.exitCode = judge.faults.length === 0 && sent > 0 ? 0 : 1;
