// The words for people where the memory is used up. They are apart, because no verb needs
// them.

/** Trying again would end alike. */
export const TOO_MUCH =
	"the rules, or ports that are not in a row, are too many for the memory that this program allows itself";
