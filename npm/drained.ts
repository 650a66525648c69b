// A producer that waits for its reader. It knows no entry.

/** Ends a producer whose reader has stopped. */
class Stopped extends Error {}

/**
 * Runs `produce` and yields what it puts. `produce` awaits `rest` from time to time: that
 * takes until the reader has taken everything, so that the memory in use does not grow. If
 * the reader stops early, `rest` throws. Throws what `produce` throws.
 */
export async function* drained<T>(
	produce: (put: (item: T) => void, rest: () => Promise<void>) => Promise<void>,
): AsyncGenerator<T, void, undefined> {
	let items: T[] = [];
	const at = { isDone: false, isStopped: false };
	let wakeReader = (): void => {};
	let wakeProducer = (): void => {};
	const production = produce(
		(item) => items.push(item),
		async () => {
			if (items.length > 0)
				await new Promise<void>((resolve) => {
					wakeProducer = resolve;
					wakeReader();
				});
			if (at.isStopped) throw new Stopped();
		},
	).finally(() => {
		at.isDone = true;
		wakeReader();
	});
	// it is awaited below, after the reader has had what came before the failure
	production.catch(() => {});
	try {
		while (items.length > 0 || !at.isDone) {
			if (items.length === 0)
				await new Promise<void>((resolve) => {
					wakeReader = resolve;
				});
			const taken = items;
			items = [];
			yield* taken;
			wakeProducer();
		}
		await production;
	} finally {
		at.isStopped = true;
		items = [];
		wakeProducer();
		await production.catch(() => {});
	}
}
