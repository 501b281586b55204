/**
 * Strings: texts, and the parts of names and addresses, each a value of its own.
 * https://hl7.org/fhir/R4/search.html#string
 */
import type { JsonValue } from '../../format/json.js';
import { isObject } from '../../format/json.js';
import { foldString } from '../../primitives/fold.js';
import { type Extract, type Extraction, textOf, type ValueTable } from './extraction.js';

export const STRING_VALUES: ValueTable = {
  string: text(),
  markdown: text(),
  code: text(),
  uri: text(),
  HumanName: parts(['family', 'given', 'prefix', 'suffix', 'text']),
  Address: parts(['line', 'city', 'district', 'state', 'postalCode', 'country', 'text']),
  CodeableConcept: parts(['text']),
  ContactPoint: parts(['value']),
};

function text(): (param: string) => Extract {
  return (param) => (value, walk) => add(walk, param, value);
}

function parts(names: readonly string[]): (param: string) => Extract {
  return (param) => (value, walk) => {
    if (!isObject(value)) return;
    for (const name of names) {
      const part = value[name];
      if (part === undefined) continue;
      if (Array.isArray(part)) for (const item of part) add(walk, param, item);
      else add(walk, param, part);
    }
  };
}

function add(walk: Extraction, param: string, value: JsonValue): void {
  const exact = textOf(value);
  if (exact !== '') walk.values.push({ kind: 'string', param, exact, folded: foldString(exact) });
}
