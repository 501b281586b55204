/**
 * `_id` and `_lastUpdated`: facts of the version's row, which are no index values and have nodes of their own.
 * https://hl7.org/fhir/R4/search.html#all
 */
import type { Predicate } from '../query.js';
import { anyOf, EVERYTHING, NOTHING, noneOf } from '../tree.js';
import { readDateTest } from './date.js';
import { isProblems, type ReadFilter, truthOf } from './modifiers.js';
import { malformed, Problem } from './problem.js';
import { splitUnescaped } from './split.js';

export const ID = /^[A-Za-z0-9\-.]{1,64}$/;

const readIds: ReadFilter = (text) => {
  const ids = text.split(',');
  if (ids.every((id) => ID.test(id))) return { op: 'id', ids: [...new Set(ids)] };
  return [malformed('is no id: ids are up to 64 letters, digits, - and ., without the type')];
};

const readLastUpdated: ReadFilter = (text, _at, { now }) => {
  const tests = splitUnescaped(text, ',').map((part) => readDateTest(part, now));
  const problems = tests.filter((test) => test instanceof Problem);
  if (problems.length > 0) return problems;
  return anyOf(
    tests
      .filter((test) => !(test instanceof Problem))
      .map((test): Predicate => ({ op: 'last-updated', test })),
  );
};

/** Every resource has both. */
const missing: ReadFilter = (text) => {
  const absent = truthOf(text);
  if (absent === undefined) return [malformed('is :missing=true or :missing=false')];
  return absent ? NOTHING : EVERYTHING;
};

const notIds: ReadFilter = (text, at, reading) => {
  const ids = readIds(text, at, reading);
  return isProblems(ids) ? ids : noneOf(ids);
};

/** By parameter, then by modifier; '' = none. */
const ROW_PARAMETERS: Readonly<Record<string, Readonly<Record<string, ReadFilter>>>> = {
  _id: { '': readIds, not: notIds, missing },
  _lastUpdated: { '': readLastUpdated, missing },
};

/** undefined: the parameter is one like others. */
export function rowFilterReader(
  code: string,
  modifier: string | undefined,
): ReadFilter | Problem | undefined {
  const uses = Object.hasOwn(ROW_PARAMETERS, code) ? ROW_PARAMETERS[code] : undefined;
  if (uses === undefined) return undefined;
  const name = modifier ?? '';
  const use = Object.hasOwn(uses, name) ? uses[name] : undefined;
  return use ?? new Problem('modifier', `is not supported here with the modifier :${modifier}`);
}
