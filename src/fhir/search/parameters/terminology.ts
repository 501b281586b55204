/**
 * Tokens by terminology: `:in` and `:not-in` by a value set, `:above` and `:below` by the hierarchy of a code system.
 * https://hl7.org/fhir/R4/search.html#token
 *
 * Invariant: nothing is looked up here: what is read is the name of a set. Parameters that have no codes of a code system
 * are refused, for none of their values could be in one.
 */
import type { SearchParameter } from '../../definitions/definitions.js';
import { parseReference } from '../../reference.js';
import type { Direction, Predicate } from '../query.js';
import { malformed, Problem } from './problem.js';
import type { ParameterAt, Reading } from './reading.js';
import { unescaped } from './split.js';
import { readTokenParts } from './token.js';

/** Element types that hold codes of a code system. An extension can hold any of them. */
const CODED: ReadonlySet<string> = new Set(['code', 'Coding', 'CodeableConcept', 'Extension']);

/** `http://example.org/ValueSet/x`, with or without `|version`, or `ValueSet/x` of this server. */
export function readValueSet(
  text: string,
  { parameter }: ParameterAt,
  { baseUrl }: Reading,
): readonly Predicate[] | Problem {
  const plain = unescaped(text);
  if (plain instanceof Problem) return plain;
  if (!isCoded(parameter)) return notCoded(parameter);
  const valueSet = valueSetNamed(plain, baseUrl);
  if (valueSet === undefined) {
    return malformed('names no value set: give its canonical URL, with or without |version, or ValueSet/id');
  }
  return [{ op: 'named-set', param: parameter.code, set: { kind: 'value-set', valueSet } }];
}

function valueSetNamed(text: string, baseUrl: string | undefined): string | undefined {
  const parsed = parseReference(text, baseUrl);
  if (parsed.kind === 'absolute' || parsed.kind === 'urn') return text;
  const isOwn = parsed.kind === 'local' && parsed.type === 'ValueSet' && parsed.version === undefined;
  return isOwn ? `ValueSet/${parsed.id}` : undefined;
}

/** `system|code`; the system may be left out where the parameter's binding has but one. */
export function readConcept(direction: Direction) {
  return (text: string, { parameter }: ParameterAt): readonly Predicate[] | Problem => {
    const parts = readTokenParts(text);
    if (parts instanceof Problem) return parts;
    if (!isCoded(parameter)) return notCoded(parameter);
    const { code } = parts;
    const system = parts.system ? parts.system : onlySystem(parameter);
    if (code === undefined) return malformed(`needs a code: system|code`);
    if (system === undefined) {
      return malformed(`needs the code system whose hierarchy is meant: system|code`);
    }
    const set = { kind: 'concepts', direction, system, code } as const;
    return [{ op: 'named-set', param: parameter.code, set }];
  };
}

function onlySystem({ impliedSystems = [] }: SearchParameter): string | undefined {
  return impliedSystems.length === 1 ? impliedSystems[0] : undefined;
}

function isCoded({ elementTypes }: SearchParameter): boolean {
  return elementTypes.length === 0 || elementTypes.some((type) => CODED.has(type));
}

function notCoded({ elementTypes }: SearchParameter): Problem {
  const what = `its values are ${elementTypes.join(' or ')}, not codes of a code system`;
  return new Problem('modifier', `cannot be searched by terminology: ${what}`);
}
