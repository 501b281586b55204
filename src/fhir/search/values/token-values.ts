/**
 * Tokens: codes, codings, identifiers, contact points, truth values.
 * https://hl7.org/fhir/R4/search.html#token
 */
import type { JsonObject, JsonValue } from '../../format/json.js';
import { isObject } from '../../format/json.js';
import { tokenCode } from '../token-code.js';
import { type Extract, type Extraction, textOf, type ValueTable } from './extraction.js';

export const TOKEN_VALUES: ValueTable = {
  code: primitive('code'),
  string: primitive('string'),
  id: primitive('id'),
  uri: primitive('uri'),
  url: primitive('url'),
  canonical: primitive('canonical'),
  oid: primitive('oid'),
  uuid: primitive('uuid'),
  boolean: (param) => (value, walk) => {
    if (typeof value === 'boolean') add(walk, param, '', String(value));
  },
  Coding: (param) => (value, walk) => {
    if (isObject(value)) addCoding(walk, param, value, 'Coding');
  },
  CodeableConcept: (param) => (value, walk) => {
    const codings = isObject(value) ? value.coding : undefined;
    if (!Array.isArray(codings)) return;
    for (const coding of codings) if (isObject(coding)) addCoding(walk, param, coding, 'CodeableConcept');
  },
  Identifier: (param) => (value, walk) => addIdentifier(walk, param, value),
  ContactPoint: (param) => (value, walk) => {
    const text = isObject(value) ? textOf(value.value) : '';
    if (text !== '') add(walk, param, '', tokenCode('', text, 'ContactPoint'));
  },
};

/** One value per identifier; one without a value can still be found by its system. */
export function addIdentifier(walk: Extraction, param: string, value: JsonValue | undefined): void {
  if (!isObject(value)) return;
  const system = textOf(value.system);
  const code = tokenCode(system, textOf(value.value), 'Identifier');
  if (system !== '' || code !== '') add(walk, param, system, code);
}

function primitive(type: string): (param: string) => Extract {
  return (param) => (value, walk) => {
    if (typeof value === 'string' && value !== '') add(walk, param, '', tokenCode('', value, type));
  };
}

function addCoding(walk: Extraction, param: string, coding: JsonObject, type: string): void {
  const system = textOf(coding.system);
  const code = tokenCode(system, textOf(coding.code), type);
  if (system !== '' || code !== '') add(walk, param, system, code);
}

function add(walk: Extraction, param: string, system: string, code: string): void {
  walk.values.push({ kind: 'token', param, system, code });
}
