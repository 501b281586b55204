/**
 * Tokens: codes, codings, identifiers, contact points, truth values.
 * https://hl7.org/fhir/R4/search.html#token
 */
import type { JsonObject, JsonValue } from '../../format/json.js';
import { isObject } from '../../format/json.js';
import { foldString, foldToken } from '../../primitives/fold.js';
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
    if (!isObject(value)) return;
    addCoding(walk, param, value, 'Coding');
    addText(walk, param, value.display);
  },
  CodeableConcept: (param) => (value, walk) => {
    if (!isObject(value)) return;
    const { coding: codings, text } = value;
    addText(walk, param, text);
    if (!Array.isArray(codings)) return;
    for (const coding of codings) {
      if (!isObject(coding)) continue;
      addCoding(walk, param, coding, 'CodeableConcept');
      if (coding.display !== text) addText(walk, param, coding.display);
    }
  },
  Identifier: (param) => (value, walk) => {
    addIdentifier(walk, param, value);
    if (param !== COMPONENT && isObject(value) && isObject(value.type))
      addTyped(walk, param, value, value.type);
  },
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

/** An identifier under each coding of its type, for `:of-type`, and by the text of its type. */
function addTyped(walk: Extraction, param: string, identifier: JsonObject, type: JsonObject): void {
  addText(walk, param, type.text);
  const code = textOf(identifier.value);
  if (code === '' || !Array.isArray(type.coding)) return;
  for (const coding of type.coding) {
    if (!isObject(coding)) continue;
    const typeCode = foldToken(textOf(coding.code));
    if (typeCode !== '') add(walk, `${param}:of-type`, typeSystem(textOf(coding.system), typeCode), code);
  }
}

/** The system under which an identifier of a type is indexed: neither a URL nor '' holds a blank. */
export function typeSystem(system: string, code: string): string {
  return `${system} ${code}`;
}

/** The words that stand with a code, for `:text`. */
function addText(walk: Extraction, param: string, text: JsonValue | undefined): void {
  if (param === COMPONENT) return;
  const folded = foldString(textOf(text));
  if (folded !== '') walk.values.push({ kind: 'text', param: `${param}:text`, folded });
}

/** The code of a composite's component, which has no modifiers. */
const COMPONENT = '';

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
