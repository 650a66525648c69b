// The words of parent and worker to each other.

import type { Target } from "../../src/conntrack/entry.ts";
import type {
	DumpFilter,
	FlushFilter,
	Key,
} from "../../src/conntrack/messages.ts";
import type { Family, IP } from "../../src/net/ip.ts";

export type Command =
	| { readonly do: "count" }
	| {
			readonly do: "scan";
			readonly ports: readonly DumpFilter[];
			readonly filter?: DumpFilter;
	  }
	| { readonly do: "remove"; readonly keys: readonly Key[] }
	| {
			readonly do: "retire";
			readonly targets: readonly Target[];
			readonly seconds: number;
	  }
	| { readonly do: "kernelFlush"; readonly filter: FlushFilter }
	| {
			readonly do: "local";
			readonly families: readonly Family[];
			readonly ips: readonly IP[];
	  }
	| { readonly do: "exchange"; readonly messages: readonly Uint8Array[] }
	| {
			readonly do: "send";
			readonly from: number;
			readonly to: { readonly host: string; readonly port: number };
			readonly everyMs: number;
	  };

/** `seq` 0 says that the worker is ready. */
export interface Reply {
	readonly seq: number;
	readonly result?: unknown;
	readonly error?: string;
}
