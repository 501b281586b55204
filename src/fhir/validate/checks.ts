/**
 * Checks of types and resources: schemas are made and compiled by ajv when the first value of their type comes.
 * https://ajv.js.org/api.html
 *
 * Invariant: a type is compiled once; what was compiled knows other types only by their LateCheck.
 */
import { Ajv } from 'ajv';
import { assert } from '../../base/assert.js';
import type { Definitions } from '../definitions/definitions.js';
import { isObject, type JsonValue, type ResourceObject } from '../format/json.js';
import { containedProblems, fragmentProblems } from './contained.js';
import type { Check, LateCheck } from './emit.js';
import { keywords, type Surroundings } from './keywords.js';
import { isUnspaced, type PrimitiveCheck, primitiveChecks } from './primitives.js';
import type { Finding, Problem } from './problem.js';
import { ELEMENT_ID, REFERENCE_TEXT, SIBLING, siblingSchema, typeSchema } from './type-schema.js';

/** The check of a resource that stands for itself: as a body, in a Bundle, in Parameters. */
export function resourceCheck(definitions: Definitions): (resource: JsonValue) => readonly Problem[] {
  const checks = new Checks(definitions);
  return (resource) => checks.whole(resource);
}

const NONE: readonly Problem[] = [];

class Checks implements Surroundings {
  readonly #definitions: Definitions;
  readonly #ajv: Ajv;
  readonly #types = new Map<string, LateCheck>();
  readonly #primitives: Map<string, PrimitiveCheck>;
  readonly #places: Readonly<Record<'whole' | 'contained', LateCheck>>;
  /** Whether the resource being checked has a reference to a contained one. */
  #fragmentMet = false;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
    this.#primitives = new Map(primitiveChecks(definitions));
    this.#primitives.set(ELEMENT_ID, isUnspaced);
    this.#primitives.set(REFERENCE_TEXT, (value) => this.#isReference(value));
    this.#places = {
      whole: { check: asCheck((value) => this.whole(value)) },
      contained: { check: asCheck((value) => this.#typed(value)) },
    };
    this.#ajv = new Ajv({
      allErrors: true,
      messages: false,
      meta: false,
      validateSchema: false,
      addUsedSchema: false,
      // Its passes over the code it makes took a third of compiling, and what they make runs no faster.
      code: { optimize: false },
    });
    this.#ajv.addVocabulary([...keywords(this)]);
  }

  /** Its structure, and the rules that concern it together with what it contains. */
  whole(value: JsonValue): readonly Problem[] {
    const outer = this.#fragmentMet;
    this.#fragmentMet = false;
    const problems = this.#typed(value);
    const fragmentMet = this.#fragmentMet;
    this.#fragmentMet = outer;
    if (!isObject(value) || !(fragmentMet || value.contained !== undefined)) return problems;
    const resource = value as ResourceObject; // its type was looked at above; contained rules need none
    return [
      ...problems,
      ...containedProblems(resource),
      ...(fragmentMet ? fragmentProblems(resource, this.#definitions) : NONE),
    ];
  }

  #typed(value: JsonValue): readonly Problem[] {
    if (!isObject(value)) return only({ kind: 'not-object', value });
    const type = value.resourceType;
    if (typeof type !== 'string') return only({ kind: 'no-type' });
    if (!this.#definitions.resourceTypes.has(type)) return only({ kind: 'unknown-type', name: type });
    const late = this.type(type);
    return late.check(value) ? NONE : (late.check.errors ?? NONE);
  }

  type(name: string): LateCheck {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const late: LateCheck = {
      check: (value) => {
        late.check = this.#compile(name);
        return late.check(value);
      },
    };
    this.#types.set(name, late);
    return late;
  }

  resource(place: 'contained' | 'whole'): LateCheck {
    return this.#places[place];
  }

  primitive(type: string, codes: string | undefined): PrimitiveCheck {
    const set = codes === undefined ? undefined : this.#definitions.codeSets.get(codes);
    if (set !== undefined) return (value) => typeof value === 'string' && set.has(value);
    const check = this.#primitives.get(type);
    assert(check !== undefined, `the definitions have no primitive type ${type}`);
    return check;
  }

  #compile(name: string): Check {
    const { resourceTypes, dataTypes } = this.#definitions;
    const type = resourceTypes.get(name) ?? dataTypes.get(name);
    assert(type !== undefined || name === SIBLING, `the definitions have no type ${name}`);
    const schema =
      type === undefined ? siblingSchema(this.#definitions) : typeSchema(this.#definitions, type);
    // The keywords report Problems in place of ajv's own errors.
    return this.#ajv.compile(schema) as unknown as Check;
  }

  #isReference(value: JsonValue): boolean {
    if (!isUnspaced(value)) return false;
    if ((value as string).charCodeAt(0) === NUMBER_SIGN) this.#fragmentMet = true; // isUnspaced: a string
    return true;
  }
}

const NUMBER_SIGN = 0x23;

function asCheck(problemsOf: (value: JsonValue) => readonly Problem[]): Check {
  const check: Check = (value) => {
    const problems = problemsOf(value);
    check.errors = problems;
    return problems.length === 0;
  };
  return check;
}

function only(finding: Finding): readonly Problem[] {
  return [{ path: '', finding }];
}
