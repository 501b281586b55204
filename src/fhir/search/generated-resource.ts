/**
 * Random resources for tests: any type, shaped by its definitions, the same for the same seed.
 *
 * Invariant: what comes out has the JSON shape of its type (arrays, choices, cardinality), not its meaning: codes are made
 * up, and references lead anywhere.
 */
import type { Definitions, ElementDefinition } from '../definitions/definitions.js';
import type { JsonObject, JsonValue, ResourceObject } from '../format/json.js';

/** Numbers from 0 to 1 from a seed: a linear congruential generator, enough for tests. */
export function seeded(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

const MAX_DEPTH = 5;

interface Maker {
  readonly definitions: Definitions;
  readonly random: () => number;
}

export function generatedResource(definitions: Definitions, type: string, seed: number): ResourceObject {
  const maker: Maker = { definitions, random: seeded(seed) };
  const body = complex(maker, type, 0) ?? {};
  return { resourceType: type, ...body, id: `r${seed}` };
}

function complex(maker: Maker, type: string, depth: number): JsonObject | undefined {
  const { definitions, random } = maker;
  const definition = definitions.resourceTypes.get(type) ?? definitions.dataTypes.get(type);
  if (definition === undefined || depth > MAX_DEPTH) return undefined;
  const made: JsonObject = {};
  // The deeper, the sparser, so that resources stay small.
  const share = depth === 0 ? 0.6 : 0.5 / depth + 0.1;
  for (const element of definition.elements) {
    if (element.name === 'contained' || element.name === 'modifierExtension') continue;
    if (element.min === 0 && random() > share) continue;
    addElement(maker, element, depth, made);
  }
  return Object.keys(made).length === 0 ? undefined : made;
}

function addElement(maker: Maker, element: ElementDefinition, depth: number, made: JsonObject): void {
  const type = pick(maker, element.types);
  if (type === undefined) return;
  const key = element.choice ? element.name + type.charAt(0).toUpperCase() + type.slice(1) : element.name;
  const wanted = element.max > 1 ? 1 + Math.floor(maker.random() * 3) : 1;
  const values: JsonValue[] = [];
  for (let at = 0; at < wanted; at++) {
    const value = madeValue(maker, type, depth);
    if (value !== undefined) values.push(value);
  }
  if (values.length > 0) made[key] = element.max > 1 ? values : (values[0] as JsonValue); // not empty
}

function madeValue(maker: Maker, type: string, depth: number): JsonValue | undefined {
  const primitive = PRIMITIVES[type];
  if (primitive !== undefined) return pick(maker, primitive);
  if (type === 'Resource') return { resourceType: 'Basic', id: 'inline', code: { text: 'inline' } };
  if (type === 'Reference') return pick(maker, REFERENCES);
  return complex(maker, type, depth + 1);
}

function pick<T>({ random }: Maker, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}

const URIS = ['http://example.org/a', 'http://example.org/a/b', 'urn:oid:1.2.3'];

const PRIMITIVES: Readonly<Record<string, readonly JsonValue[]>> = {
  boolean: [true, false],
  code: ['phone', 'email', 'depends-on', 'derived-from', 'composed-of', 'active', 'Final'],
  string: ['Zoë', 'de la Cruz', 'x', 'two  blanks'],
  markdown: ['*some* text'],
  id: ['a1', 'B.2'],
  uri: URIS,
  url: URIS,
  canonical: ['http://example.org/q|1.0', 'http://example.org/q'],
  oid: ['urn:oid:1.2.3'],
  uuid: ['urn:uuid:6d2ee2b8-1a4a-4b0d-9f3a-0c2a6a3a8f10'],
  date: ['2020', '2020-02', '2020-02-29'],
  dateTime: ['2019', '2020-02-29T10:00:00Z', '2020-02-29T23:59:59.5+02:00'],
  instant: ['2020-02-29T10:00:00.123Z'],
  time: ['10:00:00'],
  decimal: [0, 1.5, -2.25, 100],
  integer: [0, 7, -3],
  positiveInt: [1, 12],
  unsignedInt: [0, 3],
  base64Binary: ['AAEC'],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>'],
};

const REFERENCES: readonly JsonValue[] = [
  { reference: 'Patient/p1' },
  { reference: 'Practitioner/d1', display: 'Doctor' },
  { reference: 'http://elsewhere.example/fhir/Group/g1' },
  { reference: '#c1' },
  { type: 'Patient', identifier: { system: 'http://example.org/mrn', value: 'M-1' } },
];
