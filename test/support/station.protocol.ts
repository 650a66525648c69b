// The words of a test and its stations to each other. A station is one Node process
// inside a network namespace that holds any number of UDP senders and receivers.

/** One sender: a connected UDP socket with a fixed source port, unless it is fresh. */
export interface Client {
	readonly id: number;
	readonly from: { readonly host?: string; readonly port: number };
	readonly to: { readonly host: string; readonly port: number };
	/** Pause between two datagrams. */
	readonly everyMs: number;
	/** Asks the receiver for an answer to each datagram. */
	readonly asks: boolean;
	/** Each datagram has a socket of its own, and a source port that the kernel chooses. */
	readonly fresh?: true;
}

/** One TCP client, of whatever source port. */
export interface Talker {
	readonly to: { readonly host: string; readonly port: number };
	/** Pause between two words, and before a new connection. */
	readonly everyMs: number;
}

/** One receiver. */
export interface Listener {
	readonly name: string;
	/** "::" takes both families. */
	readonly host: string;
	readonly port: number;
	/** When those who ask are answered; "later" is at the command "answer". */
	readonly answers: "at once" | "later" | "never";
}

export type Command =
	| { readonly do: "listen"; readonly listener: Listener }
	| { readonly do: "close"; readonly name: string }
	| { readonly do: "send"; readonly clients: readonly Client[] }
	| { readonly do: "stop" }
	/** One datagram; the socket stays open. */
	| { readonly do: "once"; readonly client: Client }
	/** How many sockets of "once" have been answered; closes them. */
	| { readonly do: "answered" }
	/** The listener answers all who asked. */
	| { readonly do: "answer"; readonly name: string }
	/** The listener says something to a peer, from its own port. */
	| {
			readonly do: "say";
			readonly name: string;
			readonly to: { readonly host: string; readonly port: number };
	  }
	| { readonly do: "tcp-listen"; readonly host: string; readonly port: number }
	/** Begins to talk over connections, which are made anew when they break, until stop. */
	| { readonly do: "tcp-talk"; readonly talkers: readonly Talker[] }
	| {
			readonly do: "tcp-dial";
			readonly from: { readonly port: number };
			readonly to: { readonly host: string; readonly port: number };
	  };

export type Request = Command & { readonly seq: number };

/** Arrivals are flat: id, sequence number, time, and again. */
export type Message =
	| { readonly say: "ready" }
	| { readonly say: "done"; readonly seq: number; readonly result: unknown }
	| { readonly say: "failed"; readonly seq: number; readonly error: string }
	| {
			readonly say: "arrived";
			readonly name: string;
			readonly flat: readonly number[];
	  };
