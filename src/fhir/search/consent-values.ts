/**
 * What an active privacy Consent denies, as index values: so that a store can tell whose records are closed to somebody
 * without reading Consents one by one.
 * https://hl7.org/fhir/R4/consent.html, https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
 *
 *   @ConsentOf      the patient
 *   @Denies         one composite per denial: actors · types · labels · time
 *   @DeniesUnless   the one denial that has exceptions
 *   @Permits        its exceptions, in the same shape
 *
 * A provision that denies is a denial, wherever it stands, with the conditions of those around it; provisions that permit and
 * stand directly in it are its exceptions. What is denied by one and permitted by another is denied.
 *
 * Invariant: fails closed. A condition that is not understood is left out of a denial, which then denies more; a permission
 * with one counts for nothing. Of several denials with exceptions none has any.
 */
import { isObject, type JsonObject, type JsonValue } from '../format/json.js';
import { dateRange } from '../primitives/date.js';
import {
  CONSENT_OF,
  DENIES,
  DENIES_UNLESS,
  type IndexValue,
  OPEN_END,
  PERMITS,
  type ReferenceTarget,
} from './index-value.js';

/** Everybody, every type, whatever the labels. */
export const ANY = '*';
/** Some label that is not one of SENSITIVE. */
export const OTHER_LABEL = 'other';

/** Codes of v3-Confidentiality and v3-ActCode that are told from each other. */
export const SENSITIVE = {
  'http://terminology.hl7.org/CodeSystem/v3-Confidentiality': ['R', 'V'],
  'http://terminology.hl7.org/CodeSystem/v3-ActCode': ['ETH', 'HIV', 'PSY', 'SDV', 'SEX', 'STD', 'SUD'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

interface Condition {
  /** Undefined: any. */
  readonly actors?: readonly string[];
  readonly types?: readonly string[];
  readonly labels?: readonly string[];
  readonly lo: number;
  readonly hi: number;
}

interface Denial {
  readonly condition: Condition;
  readonly exceptions: readonly Condition[];
}

const ALWAYS: Condition = { lo: -OPEN_END, hi: OPEN_END };

type FindTarget = (reference: string) => ReferenceTarget | undefined;

/** None where the Consent is not active, is about something else, or denies nothing. */
export function consentValues(consent: JsonObject, target: FindTarget): readonly IndexValue[] {
  if (consent.status !== 'active' || !isAboutPrivacy(consent)) return [];
  const patient = referenceOf(consent.patient, target);
  if (patient?.kind !== 'local' || patient.type !== 'Patient') return [];
  const denials = denialsOf(consent, target);
  if (denials.length === 0) return [];
  const withExceptions = denials.filter(({ exceptions }) => exceptions.length > 0);
  const only = withExceptions.length === 1 ? withExceptions[0] : undefined;
  return [
    { kind: 'reference', param: CONSENT_OF, target: { kind: 'local', type: 'Patient', id: patient.id } },
    ...denials.map((denial) => composite(denial === only ? DENIES_UNLESS : DENIES, denial.condition)),
    ...(only?.exceptions ?? []).map((exception) => composite(PERMITS, exception)),
  ];
}

/** Where its scope is said in words alone it may be about privacy. */
function isAboutPrivacy({ scope }: JsonObject): boolean {
  const codes = listOf(isObject(scope) ? scope.coding : undefined).map((coding) => coding.code);
  return codes.length === 0 || codes.includes('patient-privacy');
}

function denialsOf(consent: JsonObject, target: FindTarget): readonly Denial[] {
  const { provision, policyRule } = consent;
  const isOptOut = listOf(isObject(policyRule) ? policyRule.coding : undefined).some(({ code }) =>
    OPT_OUT.has(String(code)),
  );
  const root = isObject(provision) ? provision : undefined;
  if (!isOptOut) return root === undefined ? [] : denialsIn(root, root.type === 'deny', ALWAYS, target);
  if (root === undefined) return [{ condition: ALWAYS, exceptions: [] }];
  // The base rule denies; a root with a type of its own stands in it, one without is its conditions.
  return root.type === undefined
    ? denialsIn(root, true, ALWAYS, target)
    : denialsIn({ provision: [root] }, true, ALWAYS, target);
}

const OPT_OUT: ReadonlySet<string> = new Set(['OPTOUT', 'OPTOUTE']);

function denialsIn(
  provision: JsonObject,
  denies: boolean,
  around: Condition,
  target: FindTarget,
): readonly Denial[] {
  const condition = narrowed(around, conditionToDeny(provision, target));
  if (condition === undefined) return [];
  const inner = listOf(provision.provision);
  const exceptions = inner.filter(isPermission).flatMap((one) => conditionToPermit(one, target) ?? []);
  return [
    ...(denies ? [{ condition, exceptions }] : []),
    ...inner.flatMap((one) => denialsIn(one, !isPermission(one), condition, target)),
  ];
}

/** One without a type denies: it says nothing else. */
function isPermission({ type }: JsonObject): boolean {
  return type === 'permit';
}

/** At least what the provision means. */
function conditionToDeny(provision: JsonObject, target: FindTarget): Condition {
  const actors = listOf(provision.actor).map(({ reference }) => actorOf(reference, target, PERSONS));
  const types = listOf(provision.class).map(typeOf);
  const labels = listOf(provision.securityLabel).flatMap(labelsOf);
  return {
    ...periodOf(provision.period, { lo: -OPEN_END, hi: OPEN_END }),
    ...(actors.length === 0 || actors.includes(undefined) ? {} : { actors: known(actors) }),
    ...(types.length === 0 || types.includes(undefined) ? {} : { types: known(types) }),
    ...(labels.length === 0 ? {} : { labels }),
  };
}

/** Elements of a provision that narrow it in ways that are not looked at. */
const NOT_UNDERSTOOD = ['purpose', 'code', 'dataPeriod', 'data', 'modifierExtension'];
const SEEING: ReadonlySet<unknown> = new Set(['access', 'use', 'disclose']);

/** At most what the provision means; undefined: nothing. */
function conditionToPermit(provision: JsonObject, target: FindTarget): Condition | undefined {
  if (NOT_UNDERSTOOD.some((name) => provision[name] !== undefined)) return undefined;
  if (listOf(provision.provision).some(isPermission)) return undefined;
  const actions = listOf(provision.action).flatMap(({ coding }) => listOf(coding).map(({ code }) => code));
  if (provision.action !== undefined && !actions.some((code) => SEEING.has(code))) return undefined;
  const actors = known(listOf(provision.actor).map(({ reference }) => actorOf(reference, target)));
  const types = known(listOf(provision.class).map(typeOf));
  const labels = listOf(provision.securityLabel).map((label) => sensitive(label) ?? '');
  const parts = [
    [provision.actor, actors],
    [provision.class, types],
  ] as const;
  if (parts.some(([written, read]) => written !== undefined && read.length === 0)) return undefined;
  return {
    ...periodOf(provision.period, { lo: OPEN_END, hi: -OPEN_END }),
    ...(provision.actor === undefined ? {} : { actors }),
    ...(provision.class === undefined ? {} : { types }),
    ...(provision.securityLabel === undefined ? {} : { labels }),
  };
}

/** Both hold. Undefined: they never do. */
function narrowed(around: Condition, inner: Condition): Condition | undefined {
  const [lo, hi] = [Math.max(around.lo, inner.lo), Math.min(around.hi, inner.hi)];
  const actors = common(around.actors, inner.actors);
  const types = common(around.types, inner.types);
  if (lo > hi || actors?.length === 0 || types?.length === 0) return undefined;
  // A resource can have several labels: one of those of the inner provision is enough.
  const labels = inner.labels ?? around.labels;
  return { lo, hi, ...(actors && { actors }), ...(types && { types }), ...(labels && { labels }) };
}

function common(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.filter((each) => other.includes(each));
}

/** Whom a person who signs in can be. Organisations, teams and groups may stand for anybody: who denies them something denies it to all. */
const PERSONS: ReadonlySet<string> = new Set([
  'Patient',
  'Person',
  'Practitioner',
  'PractitionerRole',
  'RelatedPerson',
]);

/** What a service that acts for itself can stand for besides: it is permitted something by that name alone. */
const ACTORS: ReadonlySet<string> = new Set([...PERSONS, 'Organization', 'Device']);

function actorOf(
  reference: JsonValue | undefined,
  target: FindTarget,
  types: ReadonlySet<string> = ACTORS,
): string | undefined {
  const found = referenceOf(reference, target);
  if (found?.kind !== 'local' || !types.has(found.type)) return undefined;
  return `${found.type}/${found.id}`;
}

const RESOURCE_TYPES = 'http://hl7.org/fhir/resource-types';

function typeOf({ system, code }: JsonObject): string | undefined {
  return system === RESOURCE_TYPES && typeof code === 'string' && /^[A-Z][A-Za-z]+$/.test(code)
    ? code
    : undefined;
}

/** What is restricted is very restricted all the more. */
function labelsOf(label: JsonObject): readonly string[] {
  const found = sensitive(label);
  if (found === undefined) return [OTHER_LABEL];
  return found.endsWith('v3-Confidentiality|R') ? [found, found.replace(/R$/, 'V')] : [found];
}

function sensitive({ system, code }: JsonObject): string | undefined {
  const codes = Object.entries(SENSITIVE).find(([each]) => each === system)?.[1] as
    | readonly string[]
    | undefined; // the keys of a table, looked up by any text
  return typeof code === 'string' && codes?.includes(code) === true ? `${String(system)}|${code}` : undefined;
}

/** `unreadable`: what an end that cannot be read stands for. */
function periodOf(
  period: JsonValue | undefined,
  unreadable: { readonly lo: number; readonly hi: number },
): { readonly lo: number; readonly hi: number } {
  if (period === undefined) return ALWAYS;
  if (!isObject(period)) return unreadable;
  const { start, end } = period;
  return {
    lo: start === undefined ? -OPEN_END : (dateRange(String(start))?.lo ?? unreadable.lo),
    hi: end === undefined ? OPEN_END : (dateRange(String(end))?.hi ?? unreadable.hi),
  };
}

function referenceOf(value: JsonValue | undefined, target: FindTarget): ReferenceTarget | undefined {
  return isObject(value) && typeof value.reference === 'string' ? target(value.reference) : undefined;
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function known(values: readonly (string | undefined)[]): readonly string[] {
  return values.filter((value) => value !== undefined);
}

function composite(param: string, { actors, types, labels, lo, hi }: Condition): IndexValue {
  return {
    kind: 'composite',
    param,
    components: [
      tokens('actor', actors),
      tokens('type', types),
      tokens('label', labels),
      [{ kind: 'date', param: '', lo, hi }],
    ],
  };
}

function tokens(system: string, codes: readonly string[] = [ANY]): readonly IndexValue[] {
  return [...new Set(codes)].map((code) => ({ kind: 'token', param: '', system, code }));
}
