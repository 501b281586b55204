/**
 * Every link of a resource: references, uris, canonicals and narrative links, contained resources, extensions and
 * choice types included. Types are walked by plans that are made from the definitions at first use.
 * https://hl7.org/fhir/R4/http.html#trules (what a transaction rewrites)
 *
 *   plan of Observation    subject ──▶ plan of Reference    reference ──▶ link
 *                          _status ──▶ plan of extensions   url ──▶ link
 *
 * Invariant: the resource given is never changed; the result shares all that had nothing to rewrite.
 */
import type { Definitions } from './definitions/definitions.js';
import { derived } from './derived.js';
import { isObject, type JsonObject, type JsonValue, type ResourceObject } from './format/json.js';
import { rewriteNarrative } from './narrative-links.js';
import { type Property, propertiesOf } from './properties.js';

export type LinkKind = 'reference' | 'uri' | 'canonical' | 'narrative';

export interface Link {
  readonly text: string;
  readonly kind: LinkKind;
  /** FHIRPath of the element that holds it: `Observation.performer[0].reference`. */
  readonly path: string;
}

/** Undefined leaves the link as it is. */
export type RewriteLink = (link: Link) => string | undefined;

/** Calls `rewrite` for every link; returns the same object if nothing was replaced. */
export function rewriteLinks(
  resource: ResourceObject,
  definitions: Definitions,
  rewrite: RewriteLink,
): ResourceObject {
  const plan = plansOf(definitions).resource(resource.resourceType);
  if (plan === undefined) return resource;
  const root = { name: resource.resourceType, index: undefined, parent: undefined };
  return walkObject(resource, plan, root, rewrite);
}

const LINK_TYPES: ReadonlyMap<string, LinkKind> = new Map([
  ['uri', 'uri'],
  ['url', 'uri'],
  ['oid', 'uri'],
  ['uuid', 'uri'],
  ['canonical', 'canonical'],
  ['xhtml', 'narrative'],
]);

/** Where the walk is; paths are put together only when somebody asks for one. */
interface Place {
  readonly name: string;
  readonly index: number | undefined;
  readonly parent: Place | undefined;
}

type Step = (value: JsonValue, place: Place, rewrite: RewriteLink) => JsonValue;

interface PlannedElement {
  /** Without the type of a choice or the underscore: as FHIRPath names it. */
  readonly name: string;
  readonly step: Step;
}

/** By JSON property name; what is not in it has no links. */
type Plan = Map<string, PlannedElement>;

class FoundLink implements Link {
  constructor(
    readonly text: string,
    readonly kind: LinkKind,
    private readonly place: Place,
  ) {}

  get path(): string {
    return pathOf(this.place);
  }
}

function pathOf({ name, index, parent }: Place): string {
  const own = index === undefined ? name : `${name}[${index}]`;
  return parent === undefined ? own : `${pathOf(parent)}.${own}`;
}

function walkObject<T extends JsonObject>(object: T, plan: Plan, place: Place, rewrite: RewriteLink): T {
  let changed: JsonObject | undefined;
  for (const property of Object.keys(object)) {
    const element = plan.get(property);
    if (element === undefined) continue;
    const before = object[property] as JsonValue; // an own key has a value
    const after = walkElement(before, element, place, rewrite);
    if (after === before) continue;
    changed ??= { ...object };
    changed[property] = after;
  }
  return (changed ?? object) as T; // a copy of T with other texts in it
}

function walkElement(
  value: JsonValue,
  { name, step }: PlannedElement,
  parent: Place,
  rewrite: RewriteLink,
): JsonValue {
  if (!Array.isArray(value)) return step(value, { name, index: undefined, parent }, rewrite);
  let changed: JsonValue[] | undefined;
  for (let index = 0; index < value.length; index++) {
    const before = value[index] as JsonValue; // below the length
    const after = step(before, { name, index, parent }, rewrite);
    if (after === before) continue;
    changed ??= [...value];
    changed[index] = after;
  }
  return changed ?? value;
}

function linkStep(kind: LinkKind): Step {
  if (kind === 'narrative') {
    return (value, place, rewrite) =>
      typeof value === 'string'
        ? rewriteNarrative(value, (link) => rewrite(new FoundLink(link, kind, place)))
        : value;
  }
  return (value, place, rewrite) =>
    typeof value === 'string' ? (rewrite(new FoundLink(value, kind, place)) ?? value) : value;
}

/** Plans of one set of definitions, made when first met; types refer to each other and to themselves. */
class Plans {
  private readonly byType = new Map<string, Plan>();
  private readonly ofAnyResource: Step;

  constructor(private readonly definitions: Definitions) {
    this.ofAnyResource = (value, place, rewrite) => {
      if (!isObject(value) || typeof value.resourceType !== 'string') return value;
      const plan = this.resource(value.resourceType);
      return plan === undefined ? value : walkObject(value, plan, place, rewrite);
    };
  }

  resource(type: string): Plan | undefined {
    return this.definitions.resourceTypes.has(type) ? this.plan(type) : undefined;
  }

  private plan(type: string): Plan {
    let plan = this.byType.get(type);
    if (plan === undefined) {
      plan = new Map();
      this.byType.set(type, plan);
      for (const [key, property] of propertiesOf(this.definitions)(type)) {
        const step = this.step(type, property);
        if (step !== undefined) plan.set(key, { name: property.element.name, step });
      }
    }
    return plan;
  }

  private step(owner: string, { name, type, primitive, sibling }: Property): Step | undefined {
    if (type === 'Resource') return this.ofAnyResource;
    if (!primitive || sibling) return this.stepInto(type);
    const kind = owner === 'Reference' && name === 'reference' ? 'reference' : LINK_TYPES.get(type);
    return kind === undefined ? undefined : linkStep(kind);
  }

  private stepInto(type: string): Step {
    let plan: Plan | undefined;
    return (value, place, rewrite) => {
      if (!isObject(value)) return value;
      plan ??= this.plan(type);
      return walkObject(value, plan, place, rewrite);
    };
  }
}

const plansOf = derived((definitions) => new Plans(definitions));
