/**
 * Problems → issues: for each kind of finding its code and its sentence.
 * https://hl7.org/fhir/R4/operationoutcome.html
 *
 * Invariant: a sentence names the element and what is allowed there; it never repeats a value. A name that is unknown
 * is repeated only if it looks like one.
 */
import type { Definitions } from '../definitions/definitions.js';
import { isNumber, type JsonValue } from '../format/json.js';
import type { Issue, IssueCode } from '../outcome.js';
import { propertiesOf } from '../properties.js';
import { nearest } from '../search/nearest.js';
import { expressionOf } from './location.js';
import { primitiveRequirement } from './primitive-requirements.js';
import { type ContainedRule, type Finding, MAX_PROBLEMS, type Problem } from './problem.js';
import { RULES } from './rules.js';
import { xhtmlProblem } from './xhtml.js';

/** `text` goes on where the expression of the place ends; `below` is added to that expression. */
interface Explanation {
  readonly code: IssueCode;
  readonly text: string;
  readonly below?: string;
}

type Explain<K extends Finding['kind']> = (
  finding: Extract<Finding, { kind: K }>,
  definitions: Definitions,
) => Explanation;

const EXPLANATIONS: { readonly [K in Finding['kind']]: Explain<K> } = {
  unknown: explainUnknown,
  missing: ({ element, choice, type }) => ({
    code: 'required',
    below: element,
    text: `is required in ${type}${choice ? ', with a type in its name' : ''}`,
  }),
  'several-types': ({ element }) => ({
    code: 'structure',
    below: element,
    text: 'is there with several types: only one of them is allowed',
  }),
  'not-object': ({ value }) => ({ code: 'structure', text: `must be an object, not ${kindOf(value)}` }),
  'not-array': ({ value }) => ({ code: 'structure', text: `must be an array, not ${kindOf(value)}` }),
  'empty-object': () => ({ code: 'structure', text: 'is an empty object: give it content or leave it out' }),
  'empty-array': () => ({ code: 'structure', text: 'is an empty array: give it items or leave it out' }),
  null: () => ({
    code: 'structure',
    text: 'is null: that is allowed only in an array whose sibling with an underscore has something at this place',
  }),
  'too-many': ({ max }) => ({ code: 'structure', text: `may have at most ${max} items` }),
  primitive: explainPrimitive,
  rule: ({ rule }) => ({ code: 'invariant', text: `${RULES[rule]?.text} (${rule})` }),
  'no-type': () => ({ code: 'structure', text: 'must name its type in the property resourceType' }),
  'unknown-type': ({ name }, { resourceTypes }) => ({
    code: 'structure',
    text: `must be of a type of FHIR R4, which ${shown(name) ?? 'its resourceType'} is not${suggestion(name, resourceTypes.keys())}`,
  }),
  contained: ({ rule, below }) => ({ ...CONTAINED[rule], ...(below === undefined ? {} : { below }) }),
};

const CONTAINED: Readonly<Record<ContainedRule, Explanation>> = {
  nested: { code: 'invariant', text: 'is not allowed: a contained resource contains no others (dom-2)' },
  version: {
    code: 'invariant',
    text: 'is not allowed: a contained resource has no version of its own (dom-4)',
  },
  security: {
    code: 'invariant',
    text: 'is not allowed: a contained resource has no security labels of its own (dom-5)',
  },
  'same-id': { code: 'invariant', text: 'must differ from the ids of the other contained resources' },
  reference: {
    code: 'invariant',
    text: 'must lead to a contained resource, and none has the id after its # (ref-1)',
  },
};

/** All issues of a resource; a flood is cut off, and says so. */
export function issuesOf(
  definitions: Definitions,
  resource: JsonValue,
  problems: readonly Problem[],
): readonly Issue[] {
  const issues = problems.slice(0, MAX_PROBLEMS).map(({ path, finding }): Issue => {
    // The table has for each kind the function of that kind; TypeScript cannot follow a union through it.
    const explain = EXPLANATIONS[finding.kind] as Explain<Finding['kind']>;
    const { code, text, below } = explain(finding, definitions);
    const place = expressionOf(definitions, resource, path);
    const expression = below === undefined ? place : `${place}.${below}`;
    return {
      severity: 'error',
      code,
      text: `${expression} ${text}${text.endsWith('?') ? '' : '.'}`,
      expression: [expression],
    };
  });
  return problems.length < MAX_PROBLEMS ? issues : [...issues, CUT_OFF];
}

const CUT_OFF: Issue = {
  severity: 'information',
  code: 'incomplete',
  text: `Only the first ${MAX_PROBLEMS} problems are listed: there may be more.`,
};

function explainUnknown(
  { name, type }: Extract<Finding, { kind: 'unknown' }>,
  definitions: Definitions,
): Explanation {
  const visible = shown(name);
  const known = [...propertiesOf(definitions)(type).keys()].filter((property) => !property.startsWith('_'));
  const text = `is no element of ${type}${suggestion(name, known)}`;
  return visible === undefined
    ? { code: 'structure', text: `has a property that ${text}` }
    : { code: 'structure', below: visible, text };
}

/** A property name that is one; anything else could be data. */
function shown(name: string): string | undefined {
  return /^_?[A-Za-z][A-Za-z0-9]{0,63}$/.test(name) ? name : undefined;
}

function suggestion(name: string, candidates: Iterable<string>): string {
  const near = nearest(name, candidates);
  return near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
}

const LISTED_CODES = 25;

function explainPrimitive(
  { type, codes, value }: Extract<Finding, { kind: 'primitive' }>,
  definitions: Definitions,
): Explanation {
  const json = definitions.primitives.get(type)?.json ?? 'string';
  if (jsonTypeOf(value) !== json) {
    return { code: 'structure', text: `must be a JSON ${json}, not ${kindOf(value)}` };
  }
  if (codes !== undefined) {
    const set = [...(definitions.codeSets.get(codes) ?? [])];
    const list = set.length <= LISTED_CODES ? set.join(', ') : `the codes of ${codes}`;
    return { code: 'code-invalid', text: `must be one of ${list}` };
  }
  if (type === 'xhtml') return { code: 'value', text: xhtmlProblem(String(value)) ?? '' };
  return { code: 'value', text: `must be ${primitiveRequirement(type)}` };
}

function jsonTypeOf(value: JsonValue): string {
  return isNumber(value) ? 'number' : typeof value;
}

function kindOf(value: JsonValue): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return { string: 'a string', number: 'a number', boolean: 'a boolean' }[jsonTypeOf(value)] ?? 'an object';
}
