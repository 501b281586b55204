/**
 * Chance's index values, predicates, orders and filters for the generated searches: few distinct values, so that
 * matches, ties and near misses are common.
 */

import { foldString } from '../fhir/primitives/fold.js';
import { CONTAINS, containedKey, containedPart } from '../fhir/search/contained.js';
import { Inside } from '../fhir/search/contained-values.js';
import { type IndexValue, OPEN_END } from '../fhir/search/index-value.js';
import type {
  CompositeTest,
  Predicate,
  Prefix,
  QueryPart,
  SortKey,
  ValueTest,
} from '../fhir/search/query.js';
import type { AccessFilter } from './access-filter.js';
import {
  dateValue,
  EVERYTHING,
  only,
  quantityValue,
  referenceValue,
  START,
  stringValue,
  tokenValue,
  uriValue,
} from './contract-world.js';
import type { Dice } from './dice.js';

export const TYPES = ['Patient', 'Observation', 'Encounter'] as const;
type TypeName = (typeof TYPES)[number];

const CODES = ['a', 'b', 'c'] as const;
const SYSTEMS = ['', 'http://one', 'http://two'] as const;
const NAMES = ['Ann', 'anna', 'Bo', 'bob', 'Änne', 'Bo b', '𝒜', '\uffee'] as const;
const UNITS = ['mg', 'g'] as const;
const BASES = ['g', 'm'] as const;
const URIS = ['http://a', 'http://a/b', 'http://a/b/', 'http://a/bc', 'urn:x'] as const;
const VERSIONS = ['1', '1.2', '1.2.3', '12', '2'] as const;
const PREFIXES: readonly Prefix[] = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'overlaps', 'includes'];
const AMOUNTS = [-1.5, 0, 0.1, 2, 5.35, 1e30] as const;
/** Whom the references of a type name. */
const TARGETS: Readonly<Record<TypeName, readonly (readonly [param: string, type: TypeName])[]>> = {
  Patient: [['link', 'Patient']],
  Observation: [
    ['patient', 'Patient'],
    ['encounter', 'Encounter'],
  ],
  Encounter: [['subject', 'Patient']],
};

/** Of a resource, with what it contains. */
export function anyValues(dice: Dice, type: TypeName, id: string): readonly IndexValue[] {
  const own = plainValues(dice, type, id);
  if (dice.below(3) > 0) return own;
  const memberships = own.filter(({ param }) => param.startsWith('@'));
  const inside = new Inside({ type, id }, new Map());
  const contained = LOCAL_IDS.filter(() => dice.below(2) === 0).flatMap((localId) => {
    const kind = dice.pick(TYPES);
    const values = plainValues(dice, kind, localId).filter(({ param }) => !param.startsWith('@'));
    return [
      ...inside.valuesOf(localId, kind, [...values, ...memberships]),
      ...TARGETS[type]
        .filter(([, target]) => target === kind)
        .map(([param]): IndexValue => {
          const key = containedKey({ type, id }, kind, localId);
          return { kind: 'reference', param, target: { kind: 'local', ...key } };
        }),
    ];
  });
  return [...own, ...contained];
}

const LOCAL_IDS = ['c1', 'c2'] as const;

function plainValues(dice: Dice, type: TypeName, id: string): readonly IndexValue[] {
  const values = [
    ...dice.some(3, () => tokenValue('code', dice.pick(CODES), dice.pick(SYSTEMS))),
    ...dice.some(2, () => stringValue('name', dice.pick(NAMES))),
    ...dice.some(2, () => anyAmount(dice, 'amount')),
    ...dice.some(2, () => ({
      kind: 'text' as const,
      param: 'code:text',
      folded: foldString(dice.pick(NAMES)),
    })),
    ...dice.some(2, () => ({ kind: 'position' as const, param: 'near', ...anyPlace(dice) })),
    ...dice.some(2, () => anyNumber(dice)),
    ...dice.some(1, () => uriValue('url', dice.pick(URIS))),
    ...dice.some(2, () => anyComposite(dice)),
    // Several dates on encounters, so that their sort date is not the whole truth.
    ...dice.some(type === 'Encounter' ? 2 : 1, () => anyDate(dice, 'date')),
    ...dice.some(1, () => anyDate(dice, 'issued')),
    ...TARGETS[type].flatMap(([param, target]) => dice.some(2, () => anyReference(dice, param, target))),
    ...(type === 'Patient'
      ? [referenceValue('@Patient', 'Patient', id)]
      : dice.some(1, () => anyReference(dice, '@Patient', 'Patient'))),
  ];
  const distinct = new Map(values.map((value) => [JSON.stringify(value), value]));
  return [...distinct.values()];
}

function anyId(dice: Dice, type: TypeName): string {
  return `${type.charAt(0)}${dice.below(60)}`;
}

function anyReference(dice: Dice, param: string, type: TypeName): IndexValue {
  if (dice.below(8) === 0)
    return { kind: 'reference', param, target: { kind: 'url', url: dice.pick(URIS), ...anyVersion(dice) } };
  return referenceValue(param, type, anyId(dice, type), dice.below(6) === 0 ? '1' : undefined);
}

function anyVersion(dice: Dice): { readonly version?: string } {
  return dice.below(2) === 0 ? {} : { version: dice.pick(VERSIONS) };
}

function anyDate(dice: Dice, param: string): IndexValue {
  const lo = anyTime(dice);
  const kind = dice.below(12);
  if (kind === 0) return dateValue(param, -OPEN_END, lo);
  if (kind === 1) return dateValue(param, lo, OPEN_END);
  return dateValue(param, lo, lo + dice.pick([0, 999, 5_000]));
}

function anyTime(dice: Dice): number {
  return START + dice.below(12) * 1_000;
}

function anyNumber(dice: Dice): IndexValue {
  const lo = dice.pick(AMOUNTS);
  return { kind: 'number', param: 'number', lo, hi: dice.below(3) === 0 ? lo + 1 : lo };
}

function anyAmount(dice: Dice, param: string): IndexValue {
  const amount = dice.pick(AMOUNTS);
  const value = quantityValue(param, amount, dice.pick(UNITS), dice.pick(UNITS));
  if (dice.below(3) === 0) return value;
  return { ...value, canonical: { base: dice.pick(BASES), lo: amount, hi: amount } } as IndexValue; // a quantity
}

function anyPlace(dice: Dice): { readonly latitude: number; readonly longitude: number } {
  return { latitude: dice.pick([-90, 0, 48.2, 48.21]), longitude: dice.pick([-180, 16.4, 179.9]) };
}

function anyComposite(dice: Dice): IndexValue {
  const codes = [
    tokenValue('', dice.pick(CODES), dice.pick(SYSTEMS)),
    ...dice.some(1, () => tokenValue('', dice.pick(CODES))),
  ];
  return {
    kind: 'composite',
    param: 'code-amount',
    components: [codes, dice.some(2, () => anyAmount(dice, ''))],
  };
}

/** What is searched of a type: stored resources, mostly; contained ones; what contains such. */
export function anyPart(dice: Dice, type: TypeName, where: Predicate): QueryPart {
  const part = { type, where };
  const kind = dice.below(6);
  if (kind === 0) return containedPart(part);
  if (kind > 1) return part;
  const contains: Predicate = { op: 'chain', param: CONTAINS, targets: [containedPart(part)] };
  return {
    type: dice.pick(TYPES),
    where: dice.below(2) === 0 ? contains : { op: 'or', of: [where, contains] },
  };
}

export function anyPredicate(dice: Dice, type: TypeName, depth: number): Predicate {
  const kind = dice.below(depth > 0 ? 16 : 9);
  const inner = (): Predicate => anyPredicate(dice, type, depth - 1);
  if (kind < 6) return anyValuePredicate(dice, type);
  switch (kind) {
    case 6:
      return { op: 'absent', param: dice.pick(['code', 'name', 'date', 'amount', 'url', 'never']) };
    case 7:
      return {
        op: 'id',
        ids: dice.some(3, () => (dice.below(4) === 0 ? dice.pick(LOCAL_IDS) : anyId(dice, type))),
      };
    case 8:
      return dice.below(2) === 0
        ? { op: 'compartment', name: 'Patient', id: anyId(dice, 'Patient') }
        : {
            op: 'last-updated',
            test: {
              kind: 'date',
              prefix: dice.pick(PREFIXES),
              lo: START + dice.below(200) * 1_000,
              hi: START + 200_000,
            },
          };
    case 9:
    case 10:
    case 11:
      return { op: 'and', of: [inner(), inner(), ...dice.some(1, inner)] };
    case 12:
      return { op: 'or', of: [inner(), inner(), ...dice.some(2, inner)] };
    case 13:
      return { op: 'not', of: inner() };
    case 14: {
      const [param, target] = dice.pick(TARGETS[type]);
      return {
        op: 'chain',
        param,
        targets: [{ type: target, where: anyPredicate(dice, target, depth - 1) }],
      };
    }
    default:
      return anyHas(dice, type, depth);
  }
}

function anyHas(dice: Dice, type: TypeName, depth: number): Predicate {
  const ways = TYPES.flatMap((source) =>
    TARGETS[source].filter(([, target]) => target === type).map(([param]) => ({ source, param })),
  );
  if (ways.length === 0) return EVERYTHING;
  const { source, param } = dice.pick(ways);
  return { op: 'has', param, source: { type: source, where: anyPredicate(dice, source, depth - 1) } };
}

function anyValuePredicate(dice: Dice, type: TypeName): Predicate {
  const tests: readonly (() => readonly [string, ValueTest])[] = [
    () => ['code', anyToken(dice)],
    () => ['code', anyTokenSet(dice)],
    () => [
      'name',
      {
        kind: 'string',
        mode: dice.pick(['starts', 'contains', 'ends', 'exact', 'eq', 'ne', 'gt', 'lt', 'ge', 'le']),
        value: foldString(dice.pick(NAMES)),
      },
    ],
    () => ['name', { kind: 'string', mode: 'exact', value: dice.pick(NAMES) }],
    () => ['code', { kind: 'other', than: dice.some(2, () => anyToken(dice)) }],
    () => ['url', { kind: 'other', than: dice.some(1, () => anyUri(dice)) }],
    () => ['amount', anyQuantity(dice)],
    () => ['code:text', { kind: 'text', value: foldString(dice.pick(NAMES)).slice(0, 2) }],
    () => ['near', { kind: 'position', ...anyPlace(dice), kilometres: dice.pick([0.5, 2, 50, 9_000]) }],
    () => ['number', { kind: 'number', ...anyRange(dice) }],
    () => ['url', anyUri(dice)],
    () => [
      'code-amount',
      {
        kind: 'composite',
        components: [dice.below(4) === 0 ? anyTokenSet(dice) : anyToken(dice), anyQuantity(dice)],
      } satisfies CompositeTest,
    ],
    () => [dice.pick(['date', 'issued']), { kind: 'date', prefix: dice.pick(PREFIXES), ...anyTimes(dice) }],
    () => [dice.pick(['date', 'issued']), { kind: 'date', prefix: dice.pick(PREFIXES), ...anyTimes(dice) }],
    () => anyReferenceTest(dice, type),
    () => anyReferenceSet(dice, type),
  ];
  const [param, test] = dice.pick(tests)();
  return { op: 'value', param, test };
}

function anyToken(dice: Dice): ValueTest & { readonly kind: 'token' } {
  const kind = dice.below(3);
  if (kind === 0) return { kind: 'token', code: dice.pick(CODES) };
  if (kind === 1) return { kind: 'token', system: dice.pick(SYSTEMS) };
  return { kind: 'token', system: dice.pick(SYSTEMS), code: dice.pick(CODES) };
}

function anyUri(dice: Dice): ValueTest & { readonly kind: 'uri' } {
  return { kind: 'uri', mode: dice.pick(['exact', 'below', 'above']), value: dice.pick(URIS) };
}

/** Sometimes with so many codes that look-ups go another way, most of which no resource has. */
function anyTokenSet(dice: Dice): ValueTest & { readonly kind: 'token-set' } {
  const unknown = dice.below(4) === 0 ? Array.from({ length: 100 }, (_, at) => `unknown-${at}`) : [];
  return {
    kind: 'token-set',
    members: dice.some(3, () => ({
      system: dice.pick(SYSTEMS),
      codes: [...dice.some(4, () => dice.pick(CODES)), ...unknown],
    })),
  };
}

function anyQuantity(dice: Dice): ValueTest & { readonly kind: 'quantity' } {
  const unit = dice.below(4);
  const range = anyRange(dice);
  if (unit === 3) return { kind: 'quantity', ...range, canonical: { ...range, base: dice.pick(BASES) } };
  return {
    kind: 'quantity',
    ...range,
    ...(unit > 0 ? { code: dice.pick(UNITS) } : {}),
    ...(unit > 1 ? { system: 'http://unitsofmeasure.org' } : {}),
  };
}

function anyRange(dice: Dice): { readonly prefix: Prefix; readonly lo: number; readonly hi: number } {
  const prefix = dice.pick(PREFIXES);
  const lo = dice.pick(AMOUNTS);
  const wide = prefix === 'eq' || prefix === 'ne' || prefix === 'overlaps';
  return { prefix, lo, hi: wide ? lo + dice.pick([0.05, 1.5]) : lo };
}

function anyTimes(dice: Dice): { readonly lo: number; readonly hi: number } {
  const lo = anyTime(dice);
  return { lo, hi: lo + dice.pick([0, 999, 4_000]) };
}

function anyReferenceTest(dice: Dice, type: TypeName): readonly [string, ValueTest] {
  const [param, target] = dice.pick(TARGETS[type]);
  const kind = dice.below(4);
  if (kind === 0) return [param, { kind: 'reference', target: anyCanonical(dice) }];
  const version = kind === 1 ? { version: '1' } : {};
  return [
    param,
    {
      kind: 'reference',
      target: {
        kind: 'local',
        types: dice.below(2) === 0 ? [] : [target],
        id: anyId(dice, target),
        ...version,
      },
    },
  ];
}

function anyCanonical(dice: Dice): (ValueTest & { kind: 'reference' })['target'] {
  const target = { kind: 'url', url: dice.pick(URIS), ...anyVersion(dice) } as const;
  const versions = dice.pick([undefined, 'below', 'above'] as const);
  return target.version === undefined || versions === undefined ? target : { ...target, versions };
}

function anyReferenceSet(dice: Dice, type: TypeName): readonly [string, ValueTest] {
  const [param, target] = dice.pick(TARGETS[type]);
  const count = dice.pick([1, 4, 30]);
  const ids = dice.some(count, () => anyId(dice, target));
  return [param, { kind: 'reference-set', type: target, ids }];
}

const SORT_KEYS: readonly Omit<SortKey, 'descending'>[] = [
  { param: 'date', kind: 'date' },
  { param: 'date', kind: 'date' },
  { param: 'issued', kind: 'date' },
  { param: 'code', kind: 'token' },
  { param: 'name', kind: 'string' },
  { param: 'number', kind: 'number' },
  { param: 'amount', kind: 'quantity' },
  { param: 'subject', kind: 'reference' },
  { param: 'url', kind: 'uri' },
  { param: '_id', kind: 'token' },
  { param: '_lastUpdated', kind: 'date' },
  { param: '_lastUpdated', kind: 'date' },
];

export function anySort(dice: Dice, _type: TypeName): readonly SortKey[] {
  return dice.some(2, () => ({ ...dice.pick(SORT_KEYS), descending: dice.below(2) === 0 }));
}

export function anyAccess(dice: Dice): AccessFilter {
  const allowed = TYPES.filter(() => dice.below(5) > 0);
  return only(
    Object.fromEntries(
      allowed.map((type) => [type, dice.below(3) === 0 ? EVERYTHING : anyPredicate(dice, type, 1)]),
    ),
  );
}
