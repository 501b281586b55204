/**
 * `questionnaire:below=http://example.org/q|1`: references to a canonical by a part of its version; `:above` to the
 * versions that the one named is a part of.
 * https://hl7.org/fhir/R4/search.html#reference, https://hl7.org/fhir/R4/references.html#canonical
 *
 * Invariant: a version has segments at its dots: 1.2 is below 1, 10 is not.
 */
import type { SearchParameter } from '../../definitions/definitions.js';
import { parseReference } from '../../reference.js';
import type { ReferenceTest } from '../query.js';
import { targetOf } from '../reference-target.js';
import { malformed, Problem } from './problem.js';
import type { ReadValue } from './reading.js';
import { unescaped } from './split.js';

/** The reader for references that are canonicals; undefined: the modifier says something else here. */
export function versionsReader(
  { type, elementTypes }: SearchParameter,
  modifier: string,
): ReadValue | undefined {
  if (type !== 'reference' || !elementTypes.includes('canonical')) return undefined;
  return modifier === 'below' || modifier === 'above' ? readVersions(modifier) : undefined;
}

function readVersions(versions: 'below' | 'above'): ReadValue {
  return (text, _at, { baseUrl }) => {
    const plain = unescaped(text);
    if (plain instanceof Problem) return plain;
    const target = targetOf(parseReference(plain, baseUrl));
    if (target?.kind === 'url' && target.version !== undefined) {
      const { url, version } = target;
      return [{ kind: 'reference', target: { kind: 'url', url, version, versions } } satisfies ReferenceTest];
    }
    return malformed('is no canonical URL with a version, such as http://example.org/q|1.2');
  };
}
