/**
 * Which resources a transaction's entries are about: new ids for what is created, and what criteria match.
 * https://hl7.org/fhir/R4/http.html#trules
 *
 *   If-None-Exist   nothing matches → new · one matches → that one, nothing is written · several → 412
 *                   a second entry with the same criteria takes what the first creates
 *   PUT, PATCH ?…   as outside of transactions
 *   DELETE ?…       goes first: what it deletes matches nothing further on
 *
 * Invariant: no resource is written by two entries of one transaction.
 */
import { type Issue, Refusal } from '../../fhir/outcome.js';
import { canonicalCondition } from '../../fhir/search/canonical-condition.js';
import type { Predicate } from '../../fhir/search/query.js';
import { ambiguous } from '../condition.js';
import { anotherId, nothingToMatch } from '../conditional-update.js';
import type { Context } from '../context.js';
import { tooMany } from '../delete.js';
import type { Pace } from '../pace.js';
import type { Resolution } from '../resolution.js';
import { Findings } from './findings.js';
import type { CreateEntry, DeleteEntry, UpdateEntry, WriteEntry } from './transaction-entry.js';

export interface Identity {
  /** One, but for conditional deletes. */
  readonly ids: readonly string[];
  /** `found`: If-None-Exist found it; `shared`: another entry with the same If-None-Exist creates it. */
  readonly how: 'named' | 'matched' | 'fresh' | 'found' | { readonly sharedWith: WriteEntry };
}

export type Identities = ReadonlyMap<WriteEntry, Identity>;

/** `entries` in the order in which they are carried out. */
export async function identify(
  entries: readonly WriteEntry[],
  resolution: Resolution,
  context: Context,
  pace: Pace,
): Promise<Identities> {
  const findings = new Findings();
  const matching = new Matching(resolution, context);
  const identities = new Map<WriteEntry, Identity>();
  for (const entry of entries) {
    const { index } = entry.request;
    const identity = await findings.attemptAsync(index, () => identityOf(entry, matching));
    if (identity !== undefined) identities.set(entry, identity);
    if (pace.due()) await pace.rest();
  }
  findRepeated(identities, findings);
  findings.refuse();
  return identities;
}

export function isWritten({ how }: Identity): boolean {
  return how === 'named' || how === 'matched' || how === 'fresh';
}

async function identityOf(entry: WriteEntry, matching: Matching): Promise<Identity> {
  if (entry.kind === 'create') return creationOf(entry, matching);
  if (entry.kind === 'delete') return deletionOf(entry, matching);
  const { type, id, where } = entry;
  if (id !== undefined || where === undefined) return { ids: id === undefined ? [] : [id], how: 'named' };
  const match = await matching.one(type, where);
  if (entry.kind === 'update') return updateOf(entry, where, match, matching);
  if (match === undefined) throw new Refusal('not-found', `No ${type} meets the criteria.`);
  return { ids: [match], how: 'matched' };
}

async function creationOf(entry: CreateEntry, matching: Matching): Promise<Identity> {
  const fresh: Identity = { ids: [entry.freshId], how: 'fresh' };
  if (entry.where === undefined) return fresh;
  const match = await matching.one(entry.type, entry.where);
  if (match !== undefined) return { ids: [match], how: 'found' };
  const first = matching.claim(entry, entry.where);
  if (first === undefined) return fresh;
  return { ids: [first.freshId], how: { sharedWith: first } };
}

function updateOf(
  entry: UpdateEntry,
  where: Predicate,
  match: string | undefined,
  matching: Matching,
): Identity {
  const { type, resource, request, freshId } = entry;
  const ownId = typeof resource.id === 'string' ? resource.id : undefined;
  if (match !== undefined) {
    if (ownId !== undefined && ownId !== match) throw anotherId(type);
    return { ids: [match], how: 'matched' };
  }
  if (request.header('if-match') !== undefined) throw nothingToMatch(type);
  if (matching.claim(entry, where) !== undefined) {
    const text = `Another entry makes the ${type} that these criteria name: a transaction may do so once.`;
    throw new Refusal('transaction-invalid', [{ severity: 'error', code: 'duplicate', text }]);
  }
  return { ids: [ownId ?? freshId], how: 'fresh' };
}

async function deletionOf({ type, id, where }: DeleteEntry, matching: Matching): Promise<Identity> {
  const ids = where === undefined ? (id === undefined ? [] : [id]) : await matching.doomed(type, where);
  matching.remove(type, ids);
  return { ids, how: where === undefined ? 'named' : 'matched' };
}

/** What criteria match, in the store less what the transaction has deleted before. */
class Matching {
  readonly #removed = new Map<string, Set<string>>();
  /** By criteria that matched nothing: who creates what will. */
  readonly #claims = new Map<string, CreateEntry | UpdateEntry>();

  constructor(
    private readonly resolution: Resolution,
    private readonly context: Context,
  ) {}

  async one(type: string, where: Predicate): Promise<string | undefined> {
    const [id, ...others] = await this.#surviving(type, where);
    if (others.length > 0) throw ambiguous(type);
    return id;
  }

  async #surviving(type: string, where: Predicate): Promise<readonly string[]> {
    const ids = await this.resolution.resolve(type, where);
    const removed = this.#removed.get(type);
    if (removed === undefined || !ids.some((id) => removed.has(id))) return ids;
    const without: Predicate = { op: 'not', of: { op: 'id', ids: [...removed] } };
    return this.resolution.resolve(type, { op: 'and', of: [where, without] });
  }

  /** All that a conditional delete deletes; each rests on a condition of its own. */
  async doomed(type: string, where: Predicate): Promise<readonly string[]> {
    const { backend, access, settings } = this.context;
    const limit = Math.max(1, settings.conditionalDeleteLimit);
    const evaluable = await this.resolution.evaluable(type, where);
    const ids = await backend.resolve(type, evaluable, access.search, limit + 1);
    if (ids.length > limit) throw tooMany(type, limit);
    for (const id of ids) {
      await this.resolution.resolve(type, { op: 'and', of: [evaluable, { op: 'id', ids: [id] }] });
    }
    return ids;
  }

  remove(type: string, ids: readonly string[]): void {
    const removed = this.#removed.get(type) ?? new Set<string>();
    for (const id of ids) removed.add(id);
    this.#removed.set(type, removed);
  }

  /** The entry that had these criteria before, if any did. */
  claim(entry: CreateEntry | UpdateEntry, where: Predicate): CreateEntry | UpdateEntry | undefined {
    const key = canonicalCondition(entry.type, where);
    const first = this.#claims.get(key);
    if (first === undefined) this.#claims.set(key, entry);
    return first;
  }
}

function findRepeated(identities: Identities, findings: Findings): void {
  const claimed = new Map<string, number>();
  for (const [entry, identity] of identities) {
    if (!isWritten(identity)) continue;
    for (const id of identity.ids) {
      const key = `${entry.type}/${id}`;
      const first = claimed.get(key);
      if (first !== undefined) findings.add('transaction-invalid', [repeated(entry, first)]);
      claimed.set(key, entry.request.index);
    }
  }
}

function repeated({ type, request }: WriteEntry, first: number): Issue {
  return {
    severity: 'error',
    code: 'duplicate',
    text: `This entry and Bundle.entry[${first}] write the same ${type}: a transaction may write each resource once.`,
    expression: [`Bundle.entry[${request.index}].request.url`],
  };
}
