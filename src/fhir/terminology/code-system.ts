/**
 * A code system as searches need it: its codes, what stands above and below each, and their properties.
 * https://hl7.org/fhir/R4/codesystem.html
 *
 * Invariant: every code that an edge names is a code of the system. A hierarchy that runs in a circle is walked once.
 */
import { isNumber, isObject, type JsonObject, type JsonValue, literalOf } from '../format/json.js';

/** Flat, as it is kept in compiled form; the numbers are places in `codes`. */
export interface CodeSystemContent {
  readonly url: string;
  readonly version?: string;
  readonly codes: readonly string[];
  readonly edges: readonly (readonly [child: number, parent: number])[];
  readonly properties: readonly (readonly [code: number, property: string, value: string])[];
}

export interface Concept {
  readonly code: string;
  readonly parents: readonly Concept[];
  readonly children: readonly Concept[];
  readonly properties: ReadonlyMap<string, readonly string[]>;
}

export interface CodeSystem {
  readonly url: string;
  readonly version?: string;
  readonly concepts: ReadonlyMap<string, Concept>;
}

interface Draft {
  readonly code: string;
  readonly parents: Draft[];
  readonly children: Draft[];
  readonly properties: Map<string, string[]>;
}

export function codeSystemOf({ url, version, codes, edges, properties }: CodeSystemContent): CodeSystem {
  const drafts = codes.map((code): Draft => ({ code, parents: [], children: [], properties: new Map() }));
  for (const [child, parent] of edges) {
    drafts[child]?.parents.push(drafts[parent] as Draft); // edges name codes that are there
    drafts[parent]?.children.push(drafts[child] as Draft);
  }
  for (const [code, property, value] of properties) {
    const values = drafts[code]?.properties;
    if (values?.get(property)?.push(value) === undefined) values?.set(property, [value]);
  }
  return {
    url,
    ...(version === undefined ? {} : { version }),
    concepts: new Map(drafts.map((draft) => [draft.code, draft])),
  };
}

/** Contents that hold no concepts of their own. https://hl7.org/fhir/R4/valueset-codesystem-content-mode.html */
const WITHOUT_CONCEPTS: ReadonlySet<JsonValue | undefined> = new Set(['not-present', 'supplement']);

/** A CodeSystem resource; undefined where it holds no concepts. */
export function readCodeSystem(resource: JsonObject): CodeSystemContent | undefined {
  const { url, version, content } = resource;
  if (typeof url !== 'string' || WITHOUT_CONCEPTS.has(content)) return undefined;
  const reading = new Reading();
  reading.take(resource.concept, undefined);
  return {
    url,
    ...(typeof version === 'string' ? { version } : {}),
    codes: [...reading.places.keys()],
    edges: reading.edges(),
    properties: reading.properties,
  };
}

/** Properties that say where a concept stands. */
const UPWARD: ReadonlySet<string> = new Set(['parent', 'subsumedBy']);
const DOWNWARD: ReadonlySet<string> = new Set(['child']);

class Reading {
  readonly places = new Map<string, number>();
  readonly properties: (readonly [code: number, property: string, value: string])[] = [];
  readonly #named: (readonly [child: string, parent: string])[] = [];

  take(concepts: JsonValue | undefined, parent: string | undefined): void {
    if (!Array.isArray(concepts)) return;
    for (const concept of concepts) {
      if (!isObject(concept) || typeof concept.code !== 'string') continue;
      const { code } = concept;
      const place = this.places.get(code) ?? this.places.size;
      this.places.set(code, place);
      if (parent !== undefined) this.#named.push([code, parent]);
      this.#takeProperties(concept.property, code, place);
      this.take(concept.concept, code);
    }
  }

  #takeProperties(properties: JsonValue | undefined, code: string, place: number): void {
    if (!Array.isArray(properties)) return;
    for (const property of properties) {
      if (!isObject(property) || typeof property.code !== 'string') continue;
      const value = propertyValue(property);
      if (value === undefined) continue;
      if (UPWARD.has(property.code)) this.#named.push([code, value]);
      else if (DOWNWARD.has(property.code)) this.#named.push([value, code]);
      else this.properties.push([place, property.code, value]);
    }
  }

  /** Each once; those that name what is not there are left out. */
  edges(): readonly (readonly [child: number, parent: number])[] {
    const edges = new Map<string, readonly [number, number]>();
    for (const [child, parent] of this.#named) {
      const from = this.places.get(child);
      const to = this.places.get(parent);
      if (from !== undefined && to !== undefined && from !== to) edges.set(`${from} ${to}`, [from, to]);
    }
    return [...edges.values()];
  }
}

const VALUES = ['valueCode', 'valueString', 'valueBoolean', 'valueInteger', 'valueDateTime', 'valueDecimal'];

function propertyValue(property: JsonObject): string | undefined {
  const value = VALUES.map((name) => property[name]).find((one) => one !== undefined);
  if (value !== undefined) return isNumber(value) ? literalOf(value) : String(value);
  const coding = property.valueCoding;
  return isObject(coding) && typeof coding.code === 'string' ? coding.code : undefined;
}

/** The concept of a code: as it is written, or, where searches do not look at case, in other case. */
export function conceptOf(
  { concepts }: CodeSystem,
  code: string,
  comparable: (code: string) => string,
): Concept | undefined {
  const exact = concepts.get(code);
  if (exact !== undefined) return exact;
  const wanted = comparable(code);
  for (const concept of concepts.values()) if (comparable(concept.code) === wanted) return concept;
  return undefined;
}

/** The concept and all that stands above or below it. */
export function closure(concept: Concept, direction: 'above' | 'below'): readonly string[] {
  const reached = new Set([concept]);
  for (const one of reached) {
    for (const next of direction === 'above' ? one.parents : one.children) reached.add(next);
  }
  return [...reached].map(({ code }) => code);
}
