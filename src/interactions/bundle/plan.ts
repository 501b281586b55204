/**
 * A transaction as one commit: identities, then links, then the writes in the order of the specification.
 * https://hl7.org/fhir/R4/http.html#trules
 *
 * Invariant: a plan reads the store and changes nothing, so it can be made anew whenever what it rests on has changed.
 */
import type { ResourceObject } from '../../fhir/format/json.js';
import type { Refusal } from '../../fhir/outcome.js';
import type { ExpectedVersion, Write } from '../../ports/backend.js';
import { idTaken } from '../conditional-update.js';
import type { Context } from '../context.js';
import { creation } from '../create.js';
import type { Pace } from '../pace.js';
import { planPatch } from '../patch.js';
import { permitChange } from '../permit.js';
import { checkReferences } from '../references.js';
import { beginResolution, type Resolution, resolved } from '../resolution.js';
import { replacement, updateConflict, updateExpects } from '../update.js';
import { expectedVersion, notTheVersion } from '../version-headers.js';
import type { Planned } from '../write.js';
import { Findings, refusalInEntry } from './findings.js';
import { type Identities, type Identity, identify, isWritten } from './identities.js';
import { Links, writtenKeys } from './links.js';
import type { PatchEntry, Transaction, UpdateEntry, WriteEntry } from './transaction-entry.js';

export interface TransactionPlan extends Planned {
  readonly identities: Identities;
  /** Places in `writes`. */
  readonly writesOf: ReadonlyMap<WriteEntry, readonly number[]>;
}

/** Creates before updates, so that an update may refer to what the same bundle creates, and deletes before all. */
const RANK: Readonly<Record<WriteEntry['kind'], number>> = { delete: 0, create: 1, update: 2, patch: 2 };

export function inOrder({ entries }: Transaction): readonly WriteEntry[] {
  return entries
    .filter((entry): entry is WriteEntry => entry.kind !== 'read')
    .sort((a, b) => RANK[a.kind] - RANK[b.kind]);
}

export async function planTransaction(
  transaction: Transaction,
  context: Context,
  pace: Pace,
): Promise<TransactionPlan> {
  const resolution = await beginResolution(context);
  const ordered = inOrder(transaction);
  const identities = await identify(ordered, resolution, context, pace);
  const links = new Links(identities, context);
  await links.resolve(transaction.conditionalReferences, identities, resolution, pace);
  const drafting: Drafting = { links, resolution, written: writtenKeys(identities), context };
  const drafts = await draftAll(identities, drafting, pace);
  return {
    ...resolved(resolution),
    writes: drafts.map((draft) => draft.write),
    conflict: (write, current) => conflictOf(drafts[write], current),
    identities,
    writesOf: placesByEntry(drafts),
  };
}

interface Draft {
  readonly entry: WriteEntry;
  readonly write: Write;
  /** Undefined: plan anew. */
  readonly conflict: (current: string | undefined) => Refusal | undefined;
}

interface Drafting {
  readonly links: Links;
  readonly resolution: Resolution;
  readonly written: ReadonlySet<string>;
  readonly context: Context;
}

async function draftAll(identities: Identities, drafting: Drafting, pace: Pace): Promise<readonly Draft[]> {
  const findings = new Findings();
  const drafts: Draft[] = [];
  for (const [entry, identity] of identities) {
    if (!isWritten(identity)) continue;
    const made = await findings.attemptAsync(entry.request.index, () => draft(entry, identity, drafting));
    if (made !== undefined) drafts.push(...made);
    if (pace.due()) await pace.rest();
  }
  findings.refuse();
  return drafts;
}

async function draft(entry: WriteEntry, identity: Identity, drafting: Drafting): Promise<readonly Draft[]> {
  const { context } = drafting;
  if (entry.kind === 'delete') {
    return Promise.all(identity.ids.map((id) => draftDelete(entry, id, context)));
  }
  const [id] = identity.ids;
  if (id === undefined) return [];
  switch (entry.kind) {
    case 'create': {
      const resource = await linked(entry, drafting);
      const write = creation(resource, id, context);
      return [{ entry, write, conflict: () => idTaken(entry.type) }];
    }
    case 'update':
      return [await draftUpdate(entry, id, identity, drafting)];
    case 'patch':
      return draftPatch(entry, id, drafting);
  }
}

/** The resource with its links rewritten. */
async function linked(
  { resource, links }: Pick<UpdateEntry, 'resource' | 'links'>,
  drafting: Drafting,
): Promise<ResourceObject> {
  const rewritten = drafting.links.rewrite(resource, links);
  await checkReferences(rewritten, drafting.resolution, drafting.context, drafting.written);
  return rewritten;
}

async function draftDelete(entry: WriteEntry, id: string, context: Context): Promise<Draft> {
  const { type, request } = entry;
  await permitChange({ type, id }, 'delete', context);
  const { backend, access } = context;
  const expected = await expectedVersion(request, { type, id }, backend, access.delete);
  return { entry, write: { kind: 'delete', type, id, expected }, conflict: notTheVersion };
}

async function draftUpdate(
  entry: UpdateEntry,
  id: string,
  { how }: Identity,
  drafting: Drafting,
): Promise<Draft> {
  const { context } = drafting;
  const resource = await linked(entry, drafting);
  if (how === 'fresh') {
    if (id !== entry.freshId) await permitChange({ type: entry.type, id }, 'update', context);
    const write = replacement(resource, id, { kind: 'absent' }, context);
    return { entry, write, conflict: () => idTaken(entry.type) };
  }
  const expected: ExpectedVersion = await updateExpects(entry.request, { type: entry.type, id }, context);
  return {
    entry,
    write: replacement(resource, id, expected, context),
    conflict: (current) => updateConflict(expected, current),
  };
}

/** What a patch brings in may refer to other entries too. */
async function draftPatch(entry: PatchEntry, id: string, drafting: Drafting): Promise<readonly Draft[]> {
  const { links, resolution, written, context } = drafting;
  const target = { type: entry.type, id };
  const apply = async (resource: ResourceObject): Promise<ResourceObject> =>
    links.rewriteAll(await entry.patch(resource), context.baseUrl);
  const planned = await planPatch(entry.request, target, apply, resolution, context, written);
  const { writes, conflict } = planned;
  return writes.map((write) => ({ entry, write, conflict: (current) => conflict?.(0, current) }));
}

function conflictOf(draft: Draft | undefined, current: string | undefined): Refusal | undefined {
  const refusal = draft?.conflict(current);
  return draft === undefined || refusal === undefined
    ? undefined
    : refusalInEntry(draft.entry.request.index, refusal);
}

function placesByEntry(drafts: readonly Draft[]): ReadonlyMap<WriteEntry, readonly number[]> {
  const places = new Map<WriteEntry, number[]>();
  drafts.forEach(({ entry }, place) => {
    const known = places.get(entry);
    if (known === undefined) places.set(entry, [place]);
    else known.push(place);
  });
  return places;
}
