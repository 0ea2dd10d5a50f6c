/** A dialect whose errors are all 500 tells operators which of its answers are faults, and which are answers. */

/** A header between a dialect and the server, which clients never see: the status that an answer is counted by. */
export const COUNTS_AS = 'x-runsheet-counts-as'
