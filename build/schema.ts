// Compiles the schemas to validators without eval, so that the engine, which
// has none, can run them.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Ajv } from "ajv";
import standalone from "ajv/dist/standalone/index.js";

/** Of an error that ajv describes, the properties that somebody asks for. */
const SCHEMAS = {
	conf: {
		file: "plugin/cni/conf.schema.json",
		asked: ["instancePath", "message"],
	},
	frontends: {
		file: "src/reconcile/frontends.schema.json",
		asked: ["instancePath", "keyword", "params", "message"],
	},
};
const OUT = "build/gen";

const types = (asked: readonly string[]): string =>
	`import type { ErrorObject } from "ajv";

export declare const validate: {
	(data: unknown): boolean;
	errors?: Pick<ErrorObject, ${asked.map((name) => `"${name}"`).join(" | ")}>[] | null;
};
`;

function compile(file: string, asked: readonly string[]): string {
	const ajv = new Ajv({
		allErrors: false,
		messages: true,
		code: { source: true, esm: true },
	});
	// What only people read would be loaded on every call: ajv embeds the schema.
	// A property may have such a name too, but its value is a schema, not a text.
	const schema = JSON.parse(readFileSync(file, "utf8"), (key, value) =>
		["description", "title", "$schema"].includes(key) &&
		typeof value === "string"
			? undefined
			: value,
	);
	const code = standalone(ajv, ajv.compile(schema))
		.replace(
			// Literals are compiled at build time, calls of the constructor at each run.
			/new RegExp\(("(?:[^"\\]|\\.)*"), "(u?)"\)/g,
			(_, pattern: string, flags: string) =>
				String(new RegExp(JSON.parse(pattern), flags)),
		)
		// The values of an enum themselves: only for them would the schema be needed.
		.replace(
			/params:\{allowedValues: schema\d+\.([\w.]+)\},message:"[^"]*"/g,
			(_, path: string) => {
				const values = path.split(".").reduce((x, key) => x[key], schema);
				return `params:{},message:"must be one of ${values.join(", ")}"`;
			},
		)
		.replace(
			/(schemaPath|keyword):"[^"]*",|(params):\{[^}]*\},/g,
			(all, text: string, object: string) =>
				asked.includes(text ?? object) ? all : "",
		)
		// No schema of ours is part of another, which would tell it where it stands.
		.replace(/, \{instancePath="",.*?\}=\{\}\)\{/, '){const instancePath="";')
		.replace(/export default \w+;/, "");
	// Some keywords (minLength, uniqueItems, format, …) need ajv's run-time files,
	// which the standalone code loads with require(): there is none in the engine.
	if (code.includes("require("))
		throw new Error(`${file}: a keyword needs require(): ${code}`);
	if (code.match(/function validate/g)?.length !== 1)
		throw new Error(`${file}: a schema that stands within another: ${code}`);
	return code;
}

mkdirSync(OUT, { recursive: true });
for (const [name, { file, asked }] of Object.entries(SCHEMAS)) {
	writeFileSync(`${OUT}/${name}.validate.js`, compile(file, asked));
	writeFileSync(`${OUT}/${name}.validate.d.ts`, types(asked));
}
