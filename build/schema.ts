// Compiles the schemas to validators that run without eval, because the engine has
// none.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Ajv } from "ajv";
import standalone from "ajv/dist/standalone/index.js";

/** The schemas, and which properties of an error of ajv their users read. */
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
		// a port or a range of ports
		allowUnionTypes: true,
		code: { source: true, esm: true },
	});
	// ajv embeds the schema, so texts for people are left out here. A property of the
	// schema may have such a name too, but its value is an object and not a text.
	const schema = JSON.parse(readFileSync(file, "utf8"), (key, value) =>
		["description", "title", "$schema"].includes(key) &&
		typeof value === "string"
			? undefined
			: value,
	);
	const code = standalone(ajv, ajv.compile(schema))
		.replace(
			// A literal is compiled at build time, a call of the constructor at each run.
			/new RegExp\(("(?:[^"\\]|\\.)*"), "(u?)"\)/g,
			(_, pattern: string, flags: string) =>
				String(new RegExp(JSON.parse(pattern), flags)),
		)
		// The message names the values of an enum itself; otherwise the code would embed
		// the schema to look them up.
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
		// No schema of ours is part of another one, so the path begins empty.
		.replace(/, \{instancePath="",.*?\}=\{\}\)\{/, '){const instancePath="";')
		.replace(/export default \w+;/, "");
	return checked(file, code.includes("errors++") ? code : firstError(code));
}

/**
 * Returns the same validator in fewer bytes. It returns with the first error, so whatever
 * it finds valid is, and every error can be made in one place.
 */
function firstError(code: string): string {
	const shorter = code
		.replace(/else \{var valid\d+ = true;\}/g, "")
		.replace(/var valid\d+ = (?:true|_errs\d+ === errors);/g, "")
		.replace(/if\(!valid\d+\)\{break;\}/g, "")
		.replace(/if\(valid\d+\)/g, "")
		.replace(
			/validate\d+\.errors = \[\{instancePath:(.*?),message:(.*?)\}\];return false;/g,
			"return wrong($1,$2);",
		);
	const [, name] = /export const validate = (\w+);/.exec(code) ?? [];
	return `${shorter}
function wrong(instancePath, message) {
	${name}.errors = [{ instancePath, message }];
	return false;
}`;
}

/** Throws if the engine could not run the code, or if what shortens it does not know its form. */
function checked(file: string, code: string): string {
	// Some keywords (minLength, uniqueItems, format, …) need ajv's run-time files. The
	// standalone code loads those with require(), which the engine does not have.
	if (code.includes("require("))
		throw new Error(`${file}: a keyword needs require(): ${code}`);
	if (code.match(/function validate/g)?.length !== 1)
		throw new Error(`${file}: a schema that stands within another: ${code}`);
	if (!code.includes("errors++") && /\bvalid\d/.test(code))
		throw new Error(`${file}: a validity that is not known before: ${code}`);
	return code;
}

mkdirSync(OUT, { recursive: true });
for (const [name, { file, asked }] of Object.entries(SCHEMAS)) {
	writeFileSync(`${OUT}/${name}.validate.js`, compile(file, asked));
	writeFileSync(`${OUT}/${name}.validate.d.ts`, types(asked));
}
