/**
 * $meta: the profiles, tags and security labels of one resource, or those in use in a type or the whole store.
 * $meta-add, $meta-delete: of one resource.
 * https://hl7.org/fhir/R4/resource-operation-meta.html, https://hl7.org/fhir/R4/resource-operation-meta-add.html,
 * https://hl7.org/fhir/R4/resource-operation-meta-delete.html
 *
 * Invariants
 * - Labels are sets: system and code are what a tag or label is, the URL what a profile is. What changes nothing makes no
 *   version.
 * - A label in use is told where its asker may find a resource that carries it, and as that resource has it.
 */
import { assert } from '../base/assert.js';
import {
  isObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  type ResourceObject,
} from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';
import { type Issue, Refusal } from '../fhir/outcome.js';
import type { ValueTest } from '../fhir/search/query.js';
import type { DistinctValue } from '../ports/backend.js';
import type { Context } from './context.js';
import { givenParameters, META, type Parameter, readParameters } from './operation-parameters.js';
import type { Operation } from './operations.js';
import { planPatch } from './patch.js';
import { permit, searchableTypes } from './permit.js';
import { parseStored } from './projected.js';
import { notFound } from './read.js';
import type { FhirRequest } from './request.js';
import { beginResolution } from './resolution.js';
import type { FhirResponse } from './response.js';
import type { InstanceTarget, OperationTarget } from './target.js';
import { commitPlanned, type Planned } from './write.js';

const DEFINITION = 'http://hl7.org/fhir/OperationDefinition/Resource-';

export const META_OPERATIONS: readonly Operation[] = [
  {
    name: 'meta',
    definition: `${DEFINITION}meta`,
    levels: ['system', 'type', 'instance'],
    methods: ['GET', 'POST'],
    run: (request, { type, id }, context) =>
      type === undefined || id === undefined
        ? readLabels(request, type, context)
        : readMeta(request, { type, id }, context),
  },
  operation('meta-add', (request, target, context) =>
    changeMeta('meta-add', added, request, target, context),
  ),
  operation('meta-delete', (request, target, context) =>
    changeMeta('meta-delete', removed, request, target, context),
  ),
];

function operation(
  name: string,
  run: (request: FhirRequest, target: InstanceTarget, context: Context) => Promise<FhirResponse>,
): Operation {
  return {
    name,
    definition: `${DEFINITION}${name}`,
    levels: ['instance'],
    methods: ['POST'],
    run: (request, target, context) => run(request, instanceOf(target), context),
  };
}

/** The table lets only instances come here. */
function instanceOf({ type, id }: OperationTarget): InstanceTarget {
  assert(type !== undefined && id !== undefined, 'an operation on instances is given one');
  return { type, id };
}

async function readMeta(
  request: FhirRequest,
  target: InstanceTarget,
  context: Context,
): Promise<FhirResponse> {
  permit(context, target.type, 'read');
  readParameters('meta', {}, givenParameters(request, context), context);
  const result = await context.backend.read(target, context.access.read);
  if (result.kind !== 'found') throw notFound(result, target, context.baseUrl);
  return metaResponse(parseStored(result.resource.bytes).meta);
}

/** So many are told at most. */
const MOST_LABELS = 1_000;

async function readLabels(
  request: FhirRequest,
  type: string | undefined,
  context: Context,
): Promise<FhirResponse> {
  readParameters('meta', {}, givenParameters(request, context), context);
  const types = type === undefined ? [...context.knowledge.definitions.resourceTypes.keys()] : [type];
  const found = new LabelsInUse(context);
  for (const one of searchableTypes(context, types, type === undefined ? [] : [type]))
    await found.addType(one);
  return metaResponse(found.meta());
}

/** Labels that were found on resources, each once. */
class LabelsInUse {
  readonly #context: Context;
  readonly #sets = Object.fromEntries(Object.keys(SETS).map((name) => [name, new Map<string, JsonValue>()]));

  constructor(context: Context) {
    this.#context = context;
  }

  async addType(type: string): Promise<void> {
    const { backend } = this.#context;
    for (const [name, known] of Object.entries(this.#sets)) {
      const values = await backend.values(type, `_${name}`, MOST_LABELS + 1);
      if (values.length > MOST_LABELS) throw tooMany();
      for (const value of values) if (!known.has(keyOf(name, value))) await this.#addFrom(type, name, value);
    }
  }

  /** From a resource that the asker may find, with all that it carries. */
  async #addFrom(type: string, name: string, { system = '', code }: DistinctValue): Promise<void> {
    const { backend, access } = this.#context;
    const test: ValueTest =
      name === 'profile' ? { kind: 'uri', mode: 'exact', value: code } : { kind: 'token', system, code };
    const [id] = await backend.resolve(type, { op: 'value', param: `_${name}`, test }, access.search, 1);
    if (id === undefined) return;
    const result = await backend.read({ type, id }, access.search);
    if (result.kind !== 'found') return; // changed meanwhile
    const { meta } = parseStored(result.resource.bytes);
    for (const [set, known] of Object.entries(this.#sets)) {
      for (const label of listOf(isObject(meta) ? meta[set] : undefined)) {
        const key = SETS[set]?.(label) ?? '';
        if (!known.has(key)) known.set(key, label);
      }
      if (known.size > MOST_LABELS) throw tooMany();
    }
  }

  /** In the order of their codes. */
  meta(): JsonObject {
    const lists = Object.entries(this.#sets).map(([name, known]) => {
      const sorted = [...known].sort(([a], [b]) => (a < b ? -1 : 1));
      return [name, sorted.map(([, label]) => label)] as const;
    });
    return Object.fromEntries(lists.filter(([, labels]) => labels.length > 0));
  }
}

function keyOf(name: string, { system = '', code }: DistinctValue): string {
  return name === 'profile' ? code : `${system}|${code}`;
}

function tooMany(): Refusal {
  return new Refusal(
    'too-costly',
    `There are more than ${MOST_LABELS} profiles, tags or security labels: ask $meta of a type, or of one resource.`,
  );
}

function metaResponse(meta: JsonValue = {}): FhirResponse {
  const parameters = { resourceType: 'Parameters', parameter: [{ name: 'return', valueMeta: meta }] };
  return { status: 200, headers: {}, body: [Buffer.from(serialise(parameters))] };
}

/** A list with what was given added or removed; the same list where that changes nothing. */
type Change = (there: JsonArray, given: JsonArray, key: Key) => JsonArray;

type Key = (value: JsonValue) => string;

const profileKey: Key = (value) => String(value);
const codingKey: Key = (value) =>
  isObject(value) ? `${String(value.system ?? '')}|${String(value.code ?? '')}` : '';

/** The sets that a Meta holds. */
const SETS: Readonly<Record<string, Key>> = { profile: profileKey, security: codingKey, tag: codingKey };

const added: Change = (there, given, key) => {
  const known = new Set(there.map(key));
  const fresh = given.filter((value) => {
    const isNew = !known.has(key(value));
    known.add(key(value));
    return isNew;
  });
  return fresh.length === 0 ? there : [...there, ...fresh];
};

const removed: Change = (there, given, key) => {
  const unwanted = new Set(given.map(key));
  const rest = there.filter((value) => !unwanted.has(key(value)));
  return rest.length === there.length ? there : rest;
};

const LABELS: Parameter<JsonObject> = { ...META, required: true };

async function changeMeta(
  name: string,
  change: Change,
  request: FhirRequest,
  target: InstanceTarget,
  context: Context,
): Promise<FhirResponse> {
  permit(context, target.type, 'update');
  const given = givenParameters(request, context);
  const [labels = {}] = readParameters(name, { meta: LABELS }, given, context).meta;
  refuseUncoded(labels);
  const apply = (resource: ResourceObject) => changed(resource, labels, change);
  const { planned, outcomes } = await commitPlanned(context, () => plan(request, target, apply, context));
  const bytes = outcomes[0]?.bytes;
  return metaResponse((bytes === undefined ? planned.before : parseStored(bytes)).meta);
}

interface PlannedChange extends Planned {
  readonly before: ResourceObject;
}

/** A patch, but without a write where it changes nothing. */
async function plan(
  request: FhirRequest,
  target: InstanceTarget,
  apply: (resource: ResourceObject) => ResourceObject,
  context: Context,
): Promise<PlannedChange> {
  let before: ResourceObject | undefined;
  let isSame = false;
  const noting = (resource: ResourceObject): ResourceObject => {
    const after = apply(resource);
    before = resource;
    isSame = after === resource;
    return after;
  };
  const planned = await planPatch(request, target, noting, await beginResolution(context), context);
  assert(before !== undefined, 'a patch is planned by applying it');
  return { ...planned, before, writes: isSame ? [] : planned.writes };
}

function changed(resource: ResourceObject, labels: JsonObject, change: Change): ResourceObject {
  const meta = isObject(resource.meta) ? resource.meta : {};
  const after = { ...meta };
  let isSame = true;
  for (const [name, key] of Object.entries(SETS)) {
    const there = listOf(meta[name]);
    const list = change(there, listOf(labels[name]), key);
    if (list === there) continue;
    isSame = false;
    if (list.length > 0) after[name] = list;
    else delete after[name];
  }
  if (isSame) return resource;
  alignExtensions(meta, after);
  return { ...resource, meta: after };
}

/** `_profile` holds the extensions of the profiles by their place in the list. */
function alignExtensions(before: JsonObject, after: JsonObject): void {
  if (!Array.isArray(before._profile)) return;
  const [places, extensions] = [listOf(before.profile), before._profile];
  const aligned = listOf(after.profile).map((profile) => extensions[places.indexOf(profile)] ?? null);
  if (aligned.some((one) => one !== null)) after._profile = aligned;
  else delete after._profile;
}

function listOf(value: JsonValue | undefined): JsonArray {
  return Array.isArray(value) ? value : [];
}

/** A label without system and code could be told from no other one. */
function refuseUncoded(labels: JsonObject): void {
  const issues = ['security', 'tag'].flatMap((name) =>
    listOf(labels[name]).flatMap((value, at): Issue[] => {
      if (codingKey(value) !== '|') return [];
      const expression = [`Parameters.parameter.where(name = 'meta').value.${name}[${at}]`];
      const text = 'A tag or security label is told by its system and code: give it at least one of them.';
      return [{ severity: 'error', code: 'required', text, expression }];
    }),
  );
  if (issues.length > 0) throw new Refusal('invalid-parameter', issues);
}
