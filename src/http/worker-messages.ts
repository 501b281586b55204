/**
 * What primary and workers say to each other: the figures of /metrics, which whichever worker is asked for must give for
 * all of them.
 *
 * Workers also say that there are jobs, whose processes are the primary's (`jobs`).
 *
 * ```
 *   worker ── all-metrics-wanted(ask) ──▶ primary ── metrics-wanted(ask) ──▶ each worker
 *   worker ◀── all-metrics(ask, text) ─── primary ◀── metrics(ask, families) ── each worker
 * ```
 */
export type FromWorker =
  | { readonly fairway: 'all-metrics-wanted'; readonly ask: number }
  | { readonly fairway: 'metrics'; readonly ask: number; readonly families: object[] }
  | { readonly fairway: 'jobs' };

export type FromPrimary =
  | { readonly fairway: 'metrics-wanted'; readonly ask: number }
  | { readonly fairway: 'all-metrics'; readonly ask: number; readonly text: string };

/** The channel carries messages of Node's own too. */
export function isOurs<M extends FromWorker | FromPrimary>(message: unknown): message is M {
  return typeof message === 'object' && message !== null && 'fairway' in message;
}
