/**
 * One page of everything: the matches of one subject after the other until the page is full.
 *
 * Invariant: what lies in the compartments of several subjects is a match of one of them alone: a subject is its own,
 * another resource belongs to the subject with the least id.
 */
import { allOf, anyOf } from '../../fhir/search/tree.js';
import type { PageKey, Position, ResourceKey, SearchPage, StoredResource } from '../../ports/backend.js';
import type { Context } from '../context.js';
import { makePace } from '../pace.js';
import { timeLeft } from '../search.js';
import { localLinks } from './links.js';
import type { Roster, Subject } from './roster.js';
import type { Selection } from './selection.js';

/** Where a sequence goes on: all of it reads as of one position. */
export interface Place {
  readonly asOf: Position;
  readonly subject: Subject;
  /** Absent: at the subject's beginning. */
  readonly after?: PageKey;
}

export interface EverythingPage {
  readonly matches: readonly StoredResource[];
  /** Whose compartments were read for this page. */
  readonly subjects: readonly ResourceKey[];
  readonly next?: Place;
}

/** Searches per page. Where many subjects have nothing that is asked for, or time runs out, a page ends before it is full. */
const SEARCHES = 50;

export interface Walk {
  readonly roster: Roster;
  readonly selection: Selection;
  readonly count: number;
  readonly context: Context;
}

export async function readPage(walk: Walk, from: Place | undefined): Promise<EverythingPage> {
  const matches: StoredResource[] = [];
  const subjects = new Map<string, ResourceKey>();
  const pace = makePace();
  let place = from ?? (await firstPlace(walk));
  for (let searches = 0; place !== undefined && matches.length < walk.count; searches++) {
    if (searches > 0 && (searches >= SEARCHES || isLate(walk.context))) break;
    if (pace.due()) await pace.rest();
    const { subject } = place;
    subjects.set(subject.id, subject);
    const page = await searchAt(place, walk.count - matches.length, walk);
    for (const match of page.matches) {
      if (await isMatchOf(subject, match, walk)) matches.push(match);
    }
    place = page.next === undefined ? await behind(place, walk) : { ...place, after: page.next };
  }
  return { matches, subjects: [...subjects.values()], ...(place === undefined ? {} : { next: place }) };
}

function isLate({ clock, deadline }: Context): boolean {
  return clock.now() >= deadline;
}

async function firstPlace({ roster, context }: Walk): Promise<Place | undefined> {
  const asOf = await context.backend.position();
  const subject = await roster.at(undefined, asOf);
  return subject && { asOf, subject };
}

async function behind({ asOf, subject }: Place, { roster }: Walk): Promise<Place | undefined> {
  const next = subject.next && (await roster.at(subject.next, asOf));
  return next && { asOf, subject: next };
}

async function searchAt(
  { asOf, subject, after }: Place,
  count: number,
  { selection, context }: Walk,
): Promise<SearchPage> {
  return context.backend.search({
    query: { parts: selection.parts(subject), sort: [] },
    access: context.access.search,
    count,
    total: 'none',
    includes: [],
    asOf,
    ...(after === undefined ? {} : { after }),
    deadline: timeLeft(context),
  });
}

async function isMatchOf(subject: Subject, match: StoredResource, walk: Walk): Promise<boolean> {
  const { roster, context } = walk;
  if (roster.hasOne || subject.type !== roster.type) return true;
  if (match.type === subject.type) {
    return match.id === subject.id || (await roster.among([match.id])).length === 0;
  }
  const before = localLinks(match.bytes, context.baseUrl)
    .filter(({ type, id }) => type === subject.type && id < subject.id)
    .map(({ id }) => id);
  if (before.length === 0) return true;
  const others = await roster.among(before);
  if (others.length === 0) return true;
  const compartments = others.map((id) => ({ op: 'compartment', name: subject.type, id }) as const);
  const where = allOf([{ op: 'id', ids: [match.id] }, anyOf(compartments)]);
  return (await context.backend.resolve(match.type, where, context.access.search, 1)).length === 0;
}
