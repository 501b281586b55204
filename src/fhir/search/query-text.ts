/**
 * A query tree as text that people read: for explanations of searches, never for parsing.
 *
 * Invariant: says all that the tree says. Values are those of the query.
 */
import { unreachable } from '../../base/assert.js';
import type { DateTest, Predicate, QueryPart, ReferenceTest, StringTest, ValueTest } from './query.js';

/** One line: `code is http://loinc.org|8867-4`, `subject leads to Patient (gender is female)`. */
export function predicateText(predicate: Predicate): string {
  switch (predicate.op) {
    case 'everything':
      return 'everything';
    case 'nothing':
      return 'nothing';
    case 'and':
    case 'or':
      return `(${predicate.of.map(predicateText).join(` ${predicate.op} `)})`;
    case 'not':
      return `not ${predicateText(predicate.of)}`;
    case 'id':
      return `id is ${predicate.ids.join(' or ')}`;
    case 'last-updated':
      return `last updated ${testText(predicate.test)}`;
    case 'value':
      return `${predicate.param} ${testText(predicate.test)}`;
    case 'absent':
      return `${predicate.param} is absent`;
    case 'named-set':
      return `${predicate.param} is in a set that is known by its name`;
    case 'chain':
      return `${predicate.param} leads to ${predicate.targets.map(partText).join(' or ')}`;
    case 'has':
      return `${predicate.param} of ${partText(predicate.source)} leads here`;
    case 'compartment':
      return `in the compartment of ${predicate.name}/${predicate.id}`;
    default:
      return unreachable(predicate);
  }
}

function partText({ type, where }: QueryPart): string {
  return where.op === 'everything' ? `any ${type}` : `${type} (${predicateText(where)})`;
}

export function testText(test: ValueTest): string {
  switch (test.kind) {
    case 'token':
      return `is ${test.system ?? ''}${test.system === undefined ? '' : '|'}${test.code ?? ''}`;
    case 'string':
      return `${STRING_MODES[test.mode]} ${test.value}`;
    case 'date':
      return `${test.prefix} ${dateText(test)}`;
    case 'number':
      return `${test.prefix} ${rangeText(test)}`;
    case 'quantity':
      return [
        test.prefix,
        rangeText(test),
        ...[test.system, test.code].filter((one) => one !== undefined),
      ].join(' ');
    case 'reference':
      return `refers to ${targetText(test)}`;
    case 'uri':
      return `is ${test.mode === 'exact' ? '' : `${test.mode} `}${test.value}`;
    case 'text':
      return `has words that begin with ${test.value}`;
    case 'position':
      return `is within ${test.kilometres} km of ${test.latitude}, ${test.longitude}`;
    case 'words':
      return `holds ${test.phrases.map(({ words, begins }) => `"${words}${begins ? '…' : ''}"`).join(' and ')}`;
    case 'other':
      return `is other than ${test.than.map((one) => testText(one).replace(/^is /, '')).join(' or ')}`;
    case 'token-set': {
      const many = test.members.reduce((sum, { codes }) => sum + codes.length, 0);
      return `is one of ${many} codes of ${test.members.map(({ system }) => system).join(', ')}`;
    }
    case 'reference-set':
      return `refers to one of ${test.ids.length} ${test.type} resources`;
    case 'composite':
      return `has ${test.components.map(testText).join(' together with ')}`;
    default:
      return unreachable(test);
  }
}

const STRING_MODES: Readonly<Record<StringTest['mode'], string>> = {
  starts: 'starts with',
  contains: 'contains',
  ends: 'ends with',
  exact: 'is exactly',
  eq: 'is',
  ne: 'is not',
  gt: 'is after',
  lt: 'is before',
  ge: 'is not before',
  le: 'is not after',
};

/** The end of the range is in it. */
function dateText({ lo, hi }: DateTest): string {
  const [from, to] = [instant(lo), instant(hi)];
  return from === to ? from : `${from} to ${to}`;
}

/** Years of more than four digits and open ends have no instant of FHIR; they are shown as the calendar's ends. */
function instant(time: number): string {
  return new Date(time).toISOString();
}

function rangeText({ lo, hi }: { readonly lo: number; readonly hi: number }): string {
  return lo === hi ? String(lo) : `${lo} to below ${hi}`;
}

function targetText({ target }: ReferenceTest): string {
  const version = target.version === undefined ? '' : ` in version ${target.version}`;
  if (target.kind === 'url') return `${target.url}${version}`;
  const types = target.types.length === 0 ? 'any type' : target.types.join(' or ');
  return `${types} with id ${target.id}${version}`;
}
