// Tells if an interface's name is right. Only the few names that are not obviously right
// need this file.

/** The characters that Go's unicode.IsSpace knows. */
const SPACE =
	/[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Decides as libcni's ValidateInterfaceName. IFNAMSIZ is 16 bytes with the NUL. */
export function isInterfaceName(name: string): boolean {
	if (name === "" || name === "." || name === "..") return false;
	// a byte that is no UTF-8 arrived as U+FFFD
	const bytes = encodeURIComponent(name.replaceAll("\ufffd", "?"));
	return (
		bytes.replaceAll(/%../g, "?").length <= 15 &&
		!/[/:]/.test(name) &&
		!SPACE.test(name)
	);
}
