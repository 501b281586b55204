/**
 * A process that runs searches which are too long for the thread that others wait for. The engine cannot be
 * interrupted; the parent kills this process past the deadline, which a reader of a WAL database survives.
 *
 * Invariant: reads only; ends when its parent does.
 */
import { Refusal, type RefusalKind } from '../../fhir/outcome.js';
import type { Position } from '../../ports/backend.js';
import { Connection } from './connection.js';
import type { Place } from './search/page-key.js';
import { Scope, UNBOUNDED } from './search/scope.js';
import { runSearch, type SearchFound, type SearchJob } from './search/search.js';
import { View } from './view.js';

export interface ReaderTask {
  readonly number: number;
  readonly job: SearchJob;
}

/** A match and the position of the version that matched: just that one is sent. Without it the current one is. */
export interface VersionPlace extends Place {
  readonly position?: Position;
}

export interface ReaderFound extends SearchFound {
  readonly places: readonly VersionPlace[];
  /** Of the reader's moment. */
  readonly position: Position;
}

export type ReaderReply =
  | { readonly number: number; readonly kind: 'found'; readonly found: ReaderFound }
  | {
      readonly number: number;
      readonly kind: 'refused';
      readonly refusal: RefusalKind;
      readonly text: string;
    }
  | { readonly number: number; readonly kind: 'failed'; readonly text: string };

const [, , file = '', dates = '[]'] = process.argv;
// The parent passes the entries of a Map<string, string>.
const primaryDates = new Map(JSON.parse(dates) as [string, string][]);
const view = new View(Connection.open(file, 'reader'), 0);

process.on('disconnect', () => process.exit(0));
process.on('message', (task: ReaderTask) => process.send?.(reply(task)));

function reply({ number, job }: ReaderTask): ReaderReply {
  try {
    return { number, kind: 'found', found: view.snapshot(() => find(job)) };
  } catch (error) {
    if (error instanceof Refusal)
      return { number, kind: 'refused', refusal: error.kind, text: error.message };
    return { number, kind: 'failed', text: error instanceof Error ? error.message : String(error) };
  }
}

function find(job: SearchJob): ReaderFound {
  const scope = new Scope(view.connection, view.catalogue, primaryDates, job.access, UNBOUNDED);
  const found = runSearch(scope, job);
  const places = found.places.map((place) => {
    const rid = place.keys.at(-1) ?? null;
    const [position = 0] =
      view.connection.get<[number]>('SELECT position FROM resource WHERE rid = ?', rid) ?? [];
    return { ...place, position };
  });
  return { ...found, places, position: view.position };
}
