// Defaults that the plugin and the command line share.

/** The directory where attachments are recorded. */
export const DATA_DIR = "/run/cni/conntrack-flush";
