/**
 * A page put together from what the index found and what was judged as it was.
 *
 * Invariant: nothing is taken from beyond the last row that the index gave, where it may have more.
 */
import type { PageKey } from '../../../ports/backend.js';
import { type Place, pageKey } from './page-key.js';
import { comparePlaces, type SearchFound, type SearchJob } from './search.js';

export interface Page<P extends Place> {
  /** In the order of the search. */
  readonly places: readonly P[];
  readonly next?: PageKey;
  readonly previous?: PageKey;
}

/** `judged` are behind the edge where reading began, in the order of reading; so many as could be on the page. */
export function pageOf<P extends Place>(
  job: Pick<SearchJob, 'query' | 'edge' | 'count'>,
  { order, places }: Pick<SearchFound, 'order'> & { readonly places: readonly P[] },
  past?: { readonly judged: readonly P[]; readonly isJudged: (place: P) => boolean },
): Page<P> {
  const { count, edge } = job;
  const backwards = edge?.backwards === true;
  const compare = comparePlaces(job, order);
  const horizon = places.length > count ? places.at(-1) : undefined;
  const certain = past === undefined ? places : united(places, past, compare, horizon);
  const read = certain.slice(0, count);
  const more = count > 0 && (horizon !== undefined || certain.length > count);
  const shown = backwards ? [...read].reverse() : read;
  const [first = horizon, last = horizon] = [shown[0], shown.at(-1)];
  const hasNext = backwards || more;
  const hasPrevious = edge !== undefined && (!backwards || more);
  return {
    places: shown,
    ...(hasNext && last !== undefined ? { next: pageKey(order, last) } : {}),
    ...(hasPrevious && first !== undefined ? { previous: pageKey(order, first) } : {}),
  };
}

function united<P extends Place>(
  places: readonly P[],
  past: { readonly judged: readonly P[]; readonly isJudged: (place: P) => boolean },
  compare: (left: Place, right: Place) => number,
  horizon: P | undefined,
): readonly P[] {
  return [...places.filter((place) => !past.isJudged(place)), ...past.judged]
    .sort(compare)
    .filter((place) => horizon === undefined || compare(place, horizon) <= 0);
}
