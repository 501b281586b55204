/**
 * The one write path: every change of data, whichever interaction or door it comes by, is checked and prepared here and
 * committed here.
 * https://hl7.org/fhir/R4/http.html#transactional-integrity
 *
 * Invariant: nothing is stored that was not validated; what a commit rests on (conditions, versions read) is looked at
 * again by the backend inside the atomic section, and a changed answer sends us back to plan anew.
 */
import { assert } from '../base/assert.js';
import { isObject, type JsonValue, type ResourceObject } from '../fhir/format/json.js';
import { parseJson } from '../fhir/format/parse.js';
import { serialise } from '../fhir/format/serialise.js';
import { Refusal } from '../fhir/outcome.js';
import { readCustomParameter } from '../fhir/search/custom-parameter.js';
import type {
  CommitResult,
  Condition,
  MaybePromise,
  Position,
  PreparedResource,
  Write,
  WriteOutcome,
} from '../ports/backend.js';
import type { Context, Knowledge } from './context.js';
import { hiddenOrAbsent, mayNotChange } from './permit.js';

/** The tree as a valid resource of the type that the place calls for; otherwise refused with all that is wrong. */
export function checkResource(value: JsonValue, type: string, context: Context): ResourceObject {
  if (!isObject(value) || typeof value.resourceType !== 'string') {
    throw new Refusal(
      'invalid-resource',
      `The body must be a ${type} resource: a JSON object with "resourceType".`,
    );
  }
  const resource = value as ResourceObject; // resourceType was looked at just above
  if (resource.resourceType !== type) {
    throw new Refusal(
      'type-mismatch',
      `The resource's resourceType is not ${type}, which the URL names: send it to its own type's URL.`,
    );
  }
  const issues = context.knowledge.validate(resource);
  if (issues.some((issue) => issue.severity === 'error' || issue.severity === 'fatal')) {
    throw new Refusal('invalid-resource', issues);
  }
  return resource;
}

/** What FHIR allows as an id. https://hl7.org/fhir/R4/datatypes.html#id */
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

export function checkId(id: string): string {
  if (!ID.test(id)) {
    throw new Refusal('id-invalid', 'An id has 1 to 64 letters, digits, hyphens and dots, and nothing else.');
  }
  return id;
}

/**
 * A checked resource as the store takes it, under its final id: the id that the tree carries, and meta.versionId and
 * meta.lastUpdated, are the server's to give. Index values depend on the id, so this comes after conditions are resolved.
 */
export function prepare(
  resource: ResourceObject,
  id: string,
  context: Pick<Context, 'knowledge'>,
): PreparedResource {
  const knowledge = context.knowledge.latest();
  const { resourceType: _type, id: _id, meta, ...others } = resource;
  const identified = resource.id === id ? resource : { ...resource, id };
  checkSearchParameter(identified, knowledge);
  const rest = serialise(others);
  return {
    metaRest: metaRest(meta),
    rest: rest === '{}' ? '}' : `,${rest.slice(1)}`,
    values: knowledge.index(identified),
    indexedAt: knowledge.at,
  };
}

/** What other definitions made of a write is made anew: a plan may hold writes that were prepared long before it. */
function upToDate(write: Write, context: Context): Write {
  if (write.kind !== 'put' || write.resource.indexedAt === context.knowledge.latest().at) return write;
  const { type, id, resource } = write;
  const meta = resource.metaRest === '' ? '' : `,"meta":{${resource.metaRest.slice(1)}}`;
  const tree = parseJson(`{"resourceType":"${type}","id":"${id}"${meta}${resource.rest}`);
  return { ...write, resource: prepare(tree as ResourceObject, id, context) }; // put together by `prepare`
}

/** An active SearchParameter is stored only where it can be searched by. */
function checkSearchParameter(resource: ResourceObject, { definitions }: Knowledge): void {
  if (resource.resourceType !== 'SearchParameter') return;
  const { issues } = readCustomParameter(resource, definitions);
  if (issues.length > 0) throw new Refusal('unprocessable', issues);
}

function metaRest(meta: JsonValue | undefined): string {
  if (!isObject(meta)) return '';
  const { versionId: _v, lastUpdated: _l, _versionId, _lastUpdated, ...others } = meta;
  const text = serialise(others);
  return text === '{}' ? '' : `,${text.slice(1, -1)}`;
}

/** What a plan came to: the writes, and what they rest on. */
export interface Planned {
  readonly writes: readonly Write[];
  /** From a `Resolution`; [] where nothing was resolved. */
  readonly conditions: readonly Condition[];
  /** From a `Resolution`; 0 where nothing was resolved. */
  readonly resolvedAt: Position;
  /**
   * A write did not find the version that it expected (`current`: what is there instead). Answers the refusal that the
   * client must see (If-Match), or undefined to plan anew. Absent: always plan anew.
   */
  readonly conflict?: (write: number, current: string | undefined) => Refusal | undefined;
}

export interface Committed<P extends Planned> {
  readonly planned: P;
  /** In the order of planned.writes. */
  readonly outcomes: readonly WriteOutcome[];
}

/** Plans are cheap; only a resource that many write at once comes near this. */
const ATTEMPTS = 64;
/** A batch of SearchParameters goes in one by one: each that does sends all others back once. */
const DEFINITION_CHANGES = 1_024;

/**
 * Plans, commits, and plans anew while others' commits change what the plan rested on. Ends in 409 when that does not
 * end. A plan without writes is not committed.
 */
export async function commitPlanned<P extends Planned>(
  context: Context,
  plan: () => MaybePromise<P>,
): Promise<Committed<P>> {
  let [attempts, changes] = [0, 0];
  while (attempts < ATTEMPTS && changes < DEFINITION_CHANGES) {
    const planned = await plan();
    if (planned.writes.length === 0) return { planned, outcomes: [] };
    const { conditions, resolvedAt } = planned;
    const writes = planned.writes.map((write) => upToDate(write, context));
    const result = await context.backend.commit({
      access: context.access,
      writes,
      conditions,
      resolvedAt,
    });
    if (result.kind === 'committed') return { planned, outcomes: result.outcomes };
    const refusal = refusalOf(result, planned);
    if (refusal !== undefined) throw 'write' in result ? new RefusedWrite(result.write, refusal) : refusal;
    if (result.kind === 'definitions-changed') changes += 1;
    else attempts += 1;
  }
  throw new Refusal(
    'version-conflict',
    'Others changed the same resources again and again while this request was worked on: send it again.',
    { 'retry-after': '1' },
  );
}

/** The same for plans of exactly one write. */
export async function commitOne(context: Context, plan: () => MaybePromise<Planned>): Promise<WriteOutcome> {
  const { outcomes } = await commitPlanned(context, plan);
  const [outcome] = outcomes;
  assert(outcome !== undefined, 'a commit of one write has an outcome');
  return outcome;
}

/** A refusal that is about one write of a plan, by its place in it. */
export class RefusedWrite extends Refusal {
  constructor(
    readonly write: number,
    { kind, issues, headers }: Refusal,
  ) {
    super(kind, issues, headers);
  }
}

/** Undefined: plan anew. */
function refusalOf(
  result: Exclude<CommitResult, { kind: 'committed' }>,
  planned: Planned,
): Refusal | undefined {
  switch (result.kind) {
    case 'condition-changed':
      return undefined;
    case 'definitions-changed':
      // What was resolved may have been resolved by a parameter that is no longer what it was.
      return planned.conditions.length === 0 ? undefined : definitionsChanged();
    case 'version-conflict':
      return planned.conflict?.(result.write, result.current);
    case 'lease-lost':
      return new Refusal(
        'version-conflict',
        'The job that this belongs to has ended, or is worked on by others.',
      );
    case 'refused':
      // A commit names one of its writes.
      return refusedWrite(planned.writes[result.write] as Write, result);
  }
}

function definitionsChanged(): Refusal {
  return new Refusal(
    'version-conflict',
    'The search parameters were changed while this request looked for resources by them: send it again.',
    { 'retry-after': '1' },
  );
}

type Refused = Extract<CommitResult, { kind: 'refused' }>;

function refusedWrite({ type }: Write, refused: Refused): Refusal {
  if (refused.side === 'before') return refused.known ? mayNotChange(type) : hiddenOrAbsent(type);
  return new Refusal('forbidden', `You may not store this ${type}: what you were granted does not cover it.`);
}
