/**
 * Page cursors: what `next` and `previous` links carry for us, sealed.
 *
 * Invariant: a cursor continues the page sequence that it was made for and nothing else — same tenant, same principal,
 * same path, same query — and says as of when it reads.
 */
import { Refusal } from '../fhir/outcome.js';
import { type Link, queryString } from './bundle-pieces.js';
import type { Context } from './context.js';
import { FORM_PARAMETERS } from './negotiation.js';
import type { FhirRequest, QueryPair } from './request.js';

const CURSOR = '_cursor';

export type CursorPurpose = 'search-cursor' | 'history-cursor' | 'everything-cursor' | 'graphql-cursor';

/** The sequence: its path below the base, and its query as executed. */
export interface Sequence {
  readonly path: string;
  readonly applied: readonly QueryPair[];
}

interface Sealed<T> extends Sequence {
  readonly tenant: string;
  readonly principal: string;
  readonly place: T;
}

export function sealCursor<T>(
  purpose: CursorPurpose,
  sequence: Sequence,
  place: T,
  context: Context,
): string {
  const { tenant, access, sealer } = context;
  const { path, applied } = sequence;
  const sealed: Sealed<T> = { tenant, principal: access.principal, path, applied, place };
  return sealer.seal(purpose, JSON.stringify(sealed));
}

/**
 * Undefined where the query has no cursor. Beside a cursor only its own query's parameters may be repeated.
 * `T` is what the same purpose sealed: the seal vouches for the shape.
 */
export function openCursor<T>(
  purpose: CursorPurpose,
  path: string,
  query: readonly QueryPair[],
  context: Context,
): (Sequence & { readonly place: T }) | undefined {
  const token = query.find((pair) => pair[0] === CURSOR)?.[1];
  if (token === undefined) return undefined;
  const payload = context.sealer.open(purpose, token);
  if (payload === undefined) throw invalid('This cursor was not made here, or was changed');
  const sealed = JSON.parse(payload) as Sealed<T>; // sealed by sealCursor under the same purpose
  if (sealed.tenant !== context.tenant || sealed.principal !== context.access.principal) {
    throw invalid('This cursor was made for somebody else');
  }
  if (sealed.path !== path) throw invalid('This cursor was made for another path');
  const known = new Set(sealed.applied.map(textOf));
  const others = query.filter(([name]) => name !== CURSOR && !FORM_PARAMETERS.has(name));
  if (!others.every((pair) => known.has(textOf(pair)))) {
    throw invalid('A cursor continues a search with its own parameters, and others stand beside it');
  }
  return sealed;
}

function textOf([name, value]: QueryPair): string {
  return `${name}=${value}`;
}

function invalid(problem: string): Refusal {
  return new Refusal('cursor-invalid', `${problem}: follow the link as it was given, or start anew.`);
}

/** Where the pages beside a page begin; absent where there is none. */
export interface Neighbours<T> {
  readonly previous?: T;
  readonly next?: T;
}

/** self as executed, first, and the pages beside this one. _format and _pretty travel on. */
export function pageLinks<T>(
  purpose: CursorPurpose,
  sequence: Sequence,
  neighbours: Neighbours<T>,
  request: FhirRequest,
  context: Context,
): Link[] {
  const form = request.query.filter(([name]) => FORM_PARAMETERS.has(name));
  const urlOf = (pairs: readonly QueryPair[]): string =>
    `${context.baseUrl}${sequence.path}${queryString([...pairs, ...form])}`;
  const beside = (relation: 'previous' | 'next'): readonly Link[] => {
    const place = neighbours[relation];
    return place === undefined
      ? []
      : [{ relation, url: urlOf([[CURSOR, sealCursor(purpose, sequence, place, context)]]) }];
  };
  const first = urlOf(sequence.applied);
  const own = request.query.filter(([name]) => name === CURSOR);
  return [
    { relation: 'self', url: own.length === 0 ? first : urlOf([...sequence.applied, ...own]) },
    { relation: 'first', url: first },
    ...beside('previous'),
    ...beside('next'),
  ];
}
