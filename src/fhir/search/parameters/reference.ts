/**
 * Reference values: `Patient/1`, `1`, an absolute URL, a canonical with or without `|version`, a urn.
 * https://hl7.org/fhir/R4/search.html#reference
 *
 * Invariant: a type that the parameter cannot refer to is refused: the answer would always be empty.
 */
import { parseReference } from '../../reference.js';
import { targetOf } from '../reference-target.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue, SingleTest } from './reading.js';
import { unescaped } from './split.js';

const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const SHAPES = 'a reference is Type/id, id, an absolute URL or a canonical URL';

/** `only`: the type of `subject:Patient=`. */
export function readReference(only?: string): ReadValue {
  return (text, { parameter }, { baseUrl, definitions }) => {
    const plain = unescaped(text);
    if (plain instanceof Problem) return plain;
    const possible = only === undefined ? parameter.targets : [only];
    if (ID.test(plain)) {
      return [{ kind: 'reference', target: { kind: 'local', types: possible, id: plain } }];
    }
    const target = targetOf(parseReference(plain, baseUrl));
    if (target === undefined) return malformed(`is no reference that can be searched for: ${SHAPES}`);
    if (target.kind === 'url') return [{ kind: 'reference', target }];
    if (!definitions.resourceTypes.has(target.type)) return malformed(`names no resource type: ${SHAPES}`);
    if (possible.length > 0 && !possible.includes(target.type)) {
      return malformed(`cannot refer to ${target.type}, only to ${possible.join(', ')}`);
    }
    return [localTest(target.type, target.id, target.version)];
  };
}

function localTest(type: string, id: string, version: string | undefined): SingleTest {
  return {
    kind: 'reference',
    target: { kind: 'local', types: [type], id, ...(version === undefined ? {} : { version }) },
  };
}
