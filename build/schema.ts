// Compiles the schemas to validators without eval, so that the engine, which
// has none, can run them.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Ajv } from "ajv";
import standalone from "ajv/dist/standalone/index.js";

const SCHEMAS = {
	conf: "plugin/conf.schema.json",
	frontends: "src/frontends.schema.json",
};
const OUT = "build/gen";

const TYPES = `import type { ErrorObject } from "ajv";

export declare const validate: {
	(data: unknown): boolean;
	errors?: Omit<ErrorObject, "schemaPath">[] | null;
};
`;

function compile(file: string): string {
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
		// Nobody asks; of an enum the values are named instead.
		.replace(/schemaPath:"[^"]*",/g, "")
		.replaceAll(',message:"must be equal to one of the allowed values"', "")
		.replace(/export default \w+;/, "");
	// Some keywords (minLength, uniqueItems, format, …) need ajv's run-time files,
	// which the standalone code loads with require(): there is none in the engine.
	if (code.includes("require("))
		throw new Error(`${file}: a keyword needs require(): ${code}`);
	return code;
}

mkdirSync(OUT, { recursive: true });
for (const [name, file] of Object.entries(SCHEMAS)) {
	writeFileSync(`${OUT}/${name}.validate.js`, compile(file));
	writeFileSync(`${OUT}/${name}.validate.d.ts`, TYPES);
}
