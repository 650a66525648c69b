// The parts of a request, and the problems that it may have. These are types only. A
// problem is thrown as plain data, so that a call that succeeds loads neither an error
// class nor words; errors.ts puts it into words where it is printed.

/** The arguments of a verb beside the configuration. */
export interface CmdArgs {
	readonly containerID: string;
	readonly ifname: string;
	/** CNI_ARGS as it came. */
	readonly args: string;
}

/** A variable of the environment that some verb needs. */
export type Variable =
	| "CNI_CONTAINERID"
	| "CNI_IFNAME"
	| "CNI_NETNS"
	| "CNI_PATH";

/** A problem that makes a request invalid. */
export type Problem =
	| {
			readonly is: "unknown command";
			readonly command: string;
			readonly known: readonly string[];
	  }
	| {
			readonly is: "environment";
			readonly command: string;
			readonly needed: readonly Variable[];
			/** The variables that are missing or wrong. */
			readonly wrong: readonly Variable[];
			readonly value: (name: Variable) => string | undefined;
	  }
	| { readonly is: "unreadable stdin"; readonly cause: unknown }
	| { readonly is: "no object"; readonly text: string }
	| { readonly is: "version type"; readonly value: unknown }
	| {
			readonly is: "unsupported version";
			readonly version: string;
			readonly supported: readonly string[];
	  }
	| {
			readonly is: "old version";
			readonly command: string;
			readonly version: string;
			readonly since: string;
	  }
	| { readonly is: "name"; readonly value: unknown }
	| { readonly is: "not chained" }
	| InvalidValue;

/** A value of the configuration that cannot be used. */
export interface InvalidValue {
	readonly is: "value";
	/** The value's path in the document: `runtimeConfig.portMappings`. */
	readonly where: string;
	readonly value: unknown;
	/** The value that is expected: `must be an array`. */
	readonly must: string;
}
