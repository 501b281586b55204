/**
 * Which modifiers may stand on which type of parameter, and what each does.
 * https://hl7.org/fhir/R4/search.html#modifiers
 *
 * Invariant: a modifier that is not served is refused, on every handling: ignoring it would change what the search means.
 */
import type { SearchParameter, SearchParameterType } from '../../definitions/definitions.js';
import { nearest } from '../nearest.js';
import type { Predicate, ValueTest } from '../query.js';
import { allOf, anyOf, noneOf } from '../tree.js';
import { versionsReader } from './canonical-versions.js';
import { readComposite } from './composite.js';
import { readHierarchy } from './hierarchy.js';
import { malformed, Problem } from './problem.js';
import type { ParameterAt, Reading } from './reading.js';
import { readReference } from './reference.js';
import { splitUnescaped } from './split.js';
import { readString } from './string.js';
import { readConcept, readValueSet } from './terminology.js';
import { readText } from './text.js';
import { readIdentifier, readOfType } from './token.js';
import { readUri } from './uri.js';
import { plainReader } from './values.js';

export type Found = Predicate | readonly Problem[];

/** The whole value, alternatives included, as a predicate on the parameter. */
export type ReadFilter = (text: string, at: ParameterAt, reading: Reading) => Found;

/** One alternative (no comma) as tests, or as predicates, of which one must hold. */
type ReadAlternative<T> = (text: string, at: ParameterAt, reading: Reading) => readonly T[] | Problem;

/** Specified, and known not to be served. */
const NOT_SERVED = Symbol('not served');

type Uses = Readonly<Record<string, ReadFilter | typeof NOT_SERVED>>;

const MODIFIERS: Readonly<Record<SearchParameterType, Uses>> = {
  token: {
    not: (text, at, reading) => negated(plain(text, at, reading)),
    text: alternatives(readText, (code) => `${code}:text`),
    in: anyPredicate(readValueSet),
    'not-in': (text, at, reading) => negated(anyPredicate(readValueSet)(text, at, reading)),
    above: anyPredicate(readConcept('above')),
    below: anyPredicate(readConcept('below')),
    'of-type': alternatives(readOfType, (code) => `${code}:of-type`),
  },
  string: { exact: alternatives(readString('exact')), contains: alternatives(readString('contains')) },
  reference: {
    identifier: alternatives(readIdentifier, (code) => `${code}:identifier`),
    above: anyPredicate(readHierarchy('above')),
    below: anyPredicate(readHierarchy('below')),
  },
  uri: { above: alternatives(readUri('above')), below: alternatives(readUri('below')) },
  date: {},
  number: {},
  quantity: {},
  composite: {},
  special: {},
};

/** The reader for a parameter with this modifier; undefined = none. */
export function filterReader(
  { parameter }: ParameterAt,
  modifier: string | undefined,
  { definitions }: Reading,
): ReadFilter | Problem {
  if (modifier === undefined) return plain;
  if (modifier === 'missing') return missing;
  const readVersions = versionsReader(parameter, modifier);
  if (readVersions !== undefined) return alternatives(readVersions);
  const uses = MODIFIERS[parameter.type];
  const use = Object.hasOwn(uses, modifier) ? uses[modifier] : undefined;
  if (use === NOT_SERVED) {
    return new Problem('modifier', `is not supported here with the modifier :${modifier}`);
  }
  if (use !== undefined) return use;
  if (parameter.type === 'reference' && definitions.resourceTypes.has(modifier)) {
    return typeFits(parameter, modifier) ?? alternatives(readReference(modifier));
  }
  return notThere(parameter, modifier, uses);
}

/** A type filter that nothing can pass is a mistake. */
export function typeFits({ targets }: SearchParameter, type: string): Problem | undefined {
  if (targets.length === 0 || targets.includes(type)) return undefined;
  return malformed(`cannot refer to ${type}, only to ${targets.join(', ')}`);
}

function notThere({ type, targets }: SearchParameter, modifier: string, uses: Uses): Problem {
  const served = ['missing', ...Object.keys(uses).filter((name) => uses[name] !== NOT_SERVED)];
  const possible = type === 'reference' ? [...served, ...targets] : served;
  const near = nearest(modifier, possible)[0];
  const hint = near === undefined ? '' : ` (did you mean :${near}?)`;
  return new Problem(
    'modifier',
    `has no modifier of that name${hint}; on a parameter of type ${type} there are ${served.map((name) => `:${name}`).join(', ')}${type === 'reference' ? ' and the type referred to, such as :Patient' : ''}`,
  );
}

export function alternatives(
  read: ReadAlternative<ValueTest>,
  param: (code: string) => string = (code) => code,
): ReadFilter {
  return anyPredicate((text, at, reading) => {
    const tests = read(text, at, reading);
    if (tests instanceof Problem) return tests;
    const code = param(at.parameter.code);
    return tests.map((test) => ({ op: 'value', param: code, test }));
  });
}

function anyPredicate(read: ReadAlternative<Predicate>): ReadFilter {
  return (text, at, reading) => {
    const predicates: Predicate[] = [];
    const problems: Problem[] = [];
    for (const part of splitUnescaped(text, ',')) {
      const found =
        part === '' ? malformed('has an empty alternative: leave out the comma') : read(part, at, reading);
      if (found instanceof Problem) problems.push(found);
      else predicates.push(...found);
    }
    return problems.length > 0 ? problems : anyOf(predicates);
  };
}

const plain: ReadFilter = (text, at, reading) => {
  const { type } = at.parameter;
  return alternatives(type === 'composite' ? readComposite : plainReader(type))(text, at, reading);
};

function negated(found: Found): Found {
  return isProblems(found) ? found : noneOf(found);
}

export function isProblems<T extends object>(found: T | readonly Problem[]): found is readonly Problem[] {
  return Array.isArray(found);
}

const missing: ReadFilter = (text, { parameter }) => {
  const absent = truthOf(text);
  if (absent === undefined) return [malformed('is :missing=true or :missing=false')];
  const nowhere = allOf(valuesOf(parameter).map((param): Predicate => ({ op: 'absent', param })));
  return absent ? nowhere : noneOf(nowhere);
};

export function truthOf(text: string): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** A logical reference has an identifier alone, and is not missing. */
function valuesOf({ code, type }: SearchParameter): readonly string[] {
  return type === 'reference' ? [code, `${code}:identifier`] : [code];
}
