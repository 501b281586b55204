/**
 * What ends an export, in words for whoever started it.
 *
 * Invariant: the text says what was asked of whom, what came of it and what to do; it holds neither tokens nor keys.
 */
export class ExportProblem extends Error {
  override readonly name: string = 'ExportProblem';
}

/** Another process writes into the folder. */
export class FolderTaken extends ExportProblem {
  override readonly name = 'FolderTaken';
}

/** The job at the server is of no use any more: it is not known there, it failed, or it lists other files than before. */
export class JobGone extends ExportProblem {
  override readonly name = 'JobGone';
}
