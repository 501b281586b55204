/**
 * A plan, carried out: the answer's `data`, and the errors of single fields.
 * https://hl7.org/fhir/R4/graphql.html, https://spec.graphql.org/October2021/#sec-Execution
 *
 * As in FHIR's own JSON, an element that has no value has no place in the answer; a resource that is not there, or may not
 * be seen, is null.
 *
 * Invariant: a field that fails leaves null and an error with its path; what is too costly ends the whole.
 */
import type { Definitions } from '../../fhir/definitions/definitions.js';
import {
  isObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  literalOf,
  NumberLiteral,
  type ResourceObject,
} from '../../fhir/format/json.js';
import { Refusal } from '../../fhir/outcome.js';
import { parseReference } from '../../fhir/reference.js';
import type { StoredResource } from '../../ports/backend.js';
import type { Context } from '../context.js';
import { makePace, type Pace } from '../pace.js';
import { Collation } from './collation.js';
import { type AnswerPath, FieldErrors } from './errors.js';
import { isTooCostly } from './limits.js';
import { actualType, picked } from './pick.js';
import type { Plan, PlannedField, PlanOf } from './plan.js';
import { Reader } from './reader.js';

export interface Execution {
  readonly data: JsonObject;
  readonly errors: JsonArray;
}

/** `root`: the resource that the operation was called on; absent for the system. */
export async function execute(
  plan: Plan,
  root: StoredResource | undefined,
  context: Context,
): Promise<Execution> {
  const executor = new Executor(context);
  const object = root === undefined ? {} : executor.reader.tree(root);
  const data = await executor.object(plan, { object, container: object, path: undefined });
  return { data, errors: executor.errors.all };
}

/** What a selection stands on. */
interface Spot {
  readonly object: JsonObject;
  /** The resource in which references to contained resources are looked for. */
  readonly container: JsonObject;
  readonly path: AnswerPath | undefined;
}

/** What a field yields: simple values, or objects and the plan for each. */
interface Yield {
  readonly values: readonly JsonValue[];
  readonly list: boolean;
  readonly below?: PlanOf;
}

/** What flattening above has made of the names here. */
interface Flattened {
  readonly list: boolean;
  readonly suffix: string;
}

const PLAIN: Flattened = { list: false, suffix: '' };
const ABSENT: Yield = { values: [], list: false };
const NULL: Yield = { values: [null], list: false };

class Executor {
  readonly reader: Reader;
  readonly errors = new FieldErrors();
  readonly #definitions: Definitions;
  readonly #pace: Pace = makePace();

  constructor(private readonly context: Context) {
    this.reader = new Reader(context);
    this.#definitions = context.knowledge.definitions;
  }

  async object(plan: Plan, spot: Spot): Promise<JsonObject> {
    const collation = new Collation((key, text) => {
      this.errors.add({ step: key, parent: spot.path }, { severity: 'error', code: 'processing', text });
    });
    await this.#fill(collation, plan, spot, PLAIN);
    return collation.object();
  }

  async #fill(target: Collation, plan: Plan, spot: Spot, flattened: Flattened): Promise<void> {
    if (this.#pace.due()) {
      this.reader.budget.inTime();
      await this.#pace.rest();
    }
    for (const field of plan.fields) {
      const path = { step: `${field.key}${flattened.suffix}`, parent: spot.path };
      const yielded = this.#yield(field, spot, path);
      await this.#put(target, field, yielded instanceof Promise ? await yielded : yielded, flattened, {
        ...spot,
        path,
      });
    }
  }

  async #put(
    target: Collation,
    field: PlannedField,
    { values, list, below }: Yield,
    flattened: Flattened,
    { container, path }: Spot,
  ): Promise<void> {
    const { key, type, source, first, flatten, singleton, slice } = field;
    const manner = { type, list: list || flattened.list, singleton };
    const taken = first ? values.slice(0, 1) : values;
    if (taken.length === 0 && list && !flatten) target.open(`${key}${flattened.suffix}`, manner);
    for (const [index, value] of taken.entries()) {
      const sliced = slice?.(value, actualType(value, source), index);
      const suffix = sliced === undefined ? flattened.suffix : `${flattened.suffix}.${sliced}`;
      const place = list ? { step: index, parent: path } : path;
      if (below === undefined || !isObject(value)) {
        if (flatten) continue;
        this.reader.budget.answer(key.length + sizeOf(value));
        target.add(`${key}${suffix}`, value, manner);
        continue;
      }
      const spot = { object: value, container: containerOf(field, value, container), path: place };
      if (flatten) {
        await this.#fill(target, below(value), spot, { list: manner.list, suffix });
      } else {
        this.reader.budget.answer(key.length + OVERHEAD);
        target.add(`${key}${suffix}`, await this.object(below(value), spot), manner);
      }
    }
  }

  #yield(field: PlannedField, spot: Spot, path: AnswerPath): Yield | Promise<Yield> {
    switch (field.kind) {
      case 'typename':
        return { values: [field.type], list: false };
      case 'leaf': {
        const value = spot.object[field.property];
        if (value === undefined) return ABSENT;
        return { values: Array.isArray(value) ? value : [value], list: field.list };
      }
      case 'object':
        return this.#elements(field, spot);
      case 'resolve':
        return this.#caught(path, () => this.#resolved(field, spot));
      case 'read':
        return this.#caught(path, async () => {
          const resource = await this.reader.read({ type: field.type, id: field.id });
          return resource === undefined ? NULL : { values: [resource], list: false, below: field.below };
        });
      case 'list':
      case 'connection':
        return this.#caught(path, () => this.#found(field, spot));
    }
  }

  #elements(field: Extract<PlannedField, { kind: 'object' }>, { object }: Spot): Yield {
    const value = object[field.property];
    if (value === undefined) return ABSENT;
    const all = Array.isArray(value) ? value : [value];
    const { pick, list, below, source } = field;
    if (pick === undefined) return { values: all, list, below };
    // Beside primitives stand nulls, which keep the places; a choice among them leaves these out.
    const values = picked(all.filter(isObject), source, pick);
    return values.length === 0 ? ABSENT : { values, list, below };
  }

  async #found(
    field: Extract<PlannedField, { kind: 'list' | 'connection' }>,
    { object }: Spot,
  ): Promise<Yield> {
    const { kind, search, below } = field;
    const key = this.reader.keyOf(object);
    if (search.reference !== undefined && key === undefined) return { values: [], list: kind === 'list' };
    if (kind === 'list') return { values: [...(await this.reader.list(search, key))], list: true, below };
    return { values: [await this.reader.connection(search, key)], list: false, below };
  }

  async #resolved(
    { optional, only, below }: Extract<PlannedField, { kind: 'resolve' }>,
    { object, container }: Spot,
  ): Promise<Yield> {
    const resource = await this.#target(object, container, only);
    if (resource === 'of-another-type') return ABSENT;
    if (resource !== undefined) {
      const passes = only === undefined || only.has(resource.resourceType);
      return passes ? { values: [resource], list: false, below } : ABSENT;
    }
    if (optional) return NULL;
    const text =
      'The reference leads to nothing that can be read here: say resource(optional: true) where that may be.';
    throw new Refusal('not-found', text);
  }

  async #target(
    { reference }: JsonObject,
    container: JsonObject,
    only: ReadonlySet<string> | undefined,
  ): Promise<ResourceObject | undefined | 'of-another-type'> {
    if (typeof reference !== 'string') return undefined;
    const parsed = parseReference(reference, this.context.baseUrl);
    if (parsed.kind === 'contained') return contained(container, parsed.fragment);
    if (parsed.kind !== 'local' || !this.#definitions.resourceTypes.has(parsed.type)) return undefined;
    if (only !== undefined && !only.has(parsed.type)) return 'of-another-type';
    return this.reader.read({ type: parsed.type, id: parsed.id }, parsed.version);
  }

  async #caught(path: AnswerPath, work: () => Promise<Yield>): Promise<Yield> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refusal) || isTooCostly(error)) throw error;
      for (const issue of error.issues) this.errors.add(path, issue);
      return NULL;
    }
  }
}

/** Roughly what an object takes beside its members. */
const OVERHEAD = 8;

function sizeOf(value: JsonValue): number {
  if (typeof value === 'string') return value.length + OVERHEAD;
  return value instanceof NumberLiteral ? literalOf(value).length + OVERHEAD : OVERHEAD;
}

function containerOf(field: PlannedField, value: JsonObject, container: JsonObject): JsonObject {
  if (typeof value.resourceType !== 'string') return container;
  return field.kind === 'object' && field.property === 'contained' ? container : value;
}

/** '' is the containing resource itself. */
function contained(container: JsonObject, fragment: string): ResourceObject | undefined {
  const { contained: list } = container;
  const found =
    fragment === ''
      ? container
      : (Array.isArray(list) ? list : []).find((one) => isObject(one) && one.id === fragment);
  return isObject(found) && typeof found.resourceType === 'string'
    ? (found as ResourceObject) // what names its type and stands in a checked resource is one
    : undefined;
}
