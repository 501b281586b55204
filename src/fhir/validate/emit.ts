/**
 * Pieces of code that all keywords emit into ajv's functions: reporting a problem, calling another check.
 * https://ajv.js.org/codegen.html
 */
import { _, type Code, type KeywordCxt, Name, str } from 'ajv';
import type { JsonValue } from '../format/json.js';
import { found, MAX_PROBLEMS, merged, type Problem } from './problem.js';

/** A compiled check: true = valid; if not, `errors` holds its problems until it is called again. */
export interface Check {
  (value: JsonValue): boolean;
  errors?: readonly Problem[] | null;
}

/** A check that is made when it is first needed, and then replaces itself. */
export interface LateCheck {
  check: Check;
}

/** Variables of every function that ajv generates. */
const PROBLEMS = new Name('vErrors');
const COUNT = new Name('errors');
const BASE = new Name('instancePath');

/** Adds a finding (code of a Finding object) at the present place, or at an item of it. */
export function report(cxt: KeywordCxt, finding: Code, item?: Name): void {
  const { gen, it } = cxt;
  const add = gen.scopeValue('func', { ref: found });
  const here = str`${BASE}${it.errorPath}`;
  gen.assign(
    PROBLEMS,
    _`${add}(${PROBLEMS}, ${item === undefined ? here : str`${here}/${item}`}, ${finding})`,
  );
  gen.assign(COUNT, _`${PROBLEMS}.length`);
}

/** Leaves a loop that has found enough. */
export function breakWhenFull({ gen }: KeywordCxt): void {
  gen.if(_`${COUNT} >= ${MAX_PROBLEMS}`, () => gen.break());
}

/** Calls a check; its problems become problems below the present place. */
export function callCheck({ gen, data, it }: KeywordCxt, late: LateCheck): void {
  const holder = gen.scopeValue('obj', { ref: late });
  gen.if(_`!${holder}.check(${data})`, () => {
    const merge = gen.scopeValue('func', { ref: merged });
    const here = str`${BASE}${it.errorPath}`;
    gen.assign(PROBLEMS, _`${merge}(${PROBLEMS}, ${here}, ${holder}.check.errors)`);
    gen.assign(COUNT, _`${PROBLEMS}.length`);
  });
}
