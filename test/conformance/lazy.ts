// A chunk of its own, for the host's loader; the only one that names Date.
export const answer = new Date(42).getTime();
