/**
 * The population of the leak hunt: a few patients whose records refer to each other in every way, with what belongs to
 * none, labels, and references written in each of the ways that FHIR has.
 *
 * Invariant: every resource that is made carries a secret of its own, which no other resource and no request has.
 */
import type { JsonObject } from '../../../fhir/format/json.js';
import type { Dice } from '../../../ports/dice.js';
import { BASE } from '../../testing.js';

export type Tree = JsonObject & { readonly resourceType: string; readonly id: string };

export const PATIENTS = ['p1', 'p2', 'p3', 'p4'] as const;
export const PRACTITIONERS = ['d1', 'd2'] as const;
export const CATEGORIES = ['laboratory', 'vital-signs'] as const;
/** How many ids there are of a type, so that the same ones come again. */
const PER_TYPE = 5;

const RESTRICTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };

type Shape = (dice: Dice) => JsonObject;

const patient = (dice: Dice): JsonObject => reference('Patient', dice.pick(PATIENTS), dice);
const practitioner = (dice: Dice): JsonObject => reference('Practitioner', dice.pick(PRACTITIONERS), dice);
const of = (dice: Dice, ...types: readonly string[]): JsonObject => {
  const type = dice.pick(types);
  return reference(type, anyId(type, dice), dice);
};
const concept = (code: string): JsonObject => ({ coding: [{ system: 'http://codes.test', code }] });
const maybe = (dice: Dice, name: string, value: () => JsonObject | JsonObject[]): JsonObject =>
  dice.below(2) === 0 ? {} : { [name]: value() };

/** Has no place of its own, and is seen with what contains it. */
const INSIDE: JsonObject = { resourceType: 'Medication', id: 'inside', code: concept('pill') };

const CLINICAL = ['Observation', 'Condition', 'Encounter', 'DocumentReference', 'MedicationRequest'] as const;

export const SHAPES: Readonly<Record<string, Shape>> = {
  Patient: (dice) => ({
    active: dice.below(2) === 0,
    name: [{ family: 'Somebody' }],
    ...maybe(dice, 'generalPractitioner', () => [practitioner(dice)]),
    ...maybe(dice, 'link', () => [{ other: patient(dice), type: 'seealso' }]),
    ...maybe(dice, 'managingOrganization', () => of(dice, 'Organization')),
  }),
  Observation: (dice) => ({
    status: dice.pick(['final', 'preliminary']),
    category: [concept(dice.pick(CATEGORIES))],
    code: concept(dice.pick(['a', 'b'])),
    ...maybe(dice, 'subject', () => patient(dice)),
    ...maybe(dice, 'performer', () => [dice.below(3) === 0 ? patient(dice) : practitioner(dice)]),
    ...maybe(dice, 'encounter', () => of(dice, 'Encounter')),
    ...maybe(dice, 'derivedFrom', () => [of(dice, 'Observation')]),
    effectiveDateTime: `2024-01-${10 + dice.below(20)}`,
  }),
  Condition: (dice) => ({
    category: [concept(dice.pick(CATEGORIES))],
    code: concept('a'),
    subject: patient(dice),
    ...maybe(dice, 'asserter', () => patient(dice)),
    ...maybe(dice, 'encounter', () => of(dice, 'Encounter')),
  }),
  Encounter: (dice) => ({
    status: 'finished',
    class: { code: 'AMB' },
    ...maybe(dice, 'subject', () => patient(dice)),
    ...maybe(dice, 'partOf', () => of(dice, 'Encounter')),
    ...maybe(dice, 'serviceProvider', () => of(dice, 'Organization')),
  }),
  MedicationRequest: (dice) => ({
    status: 'active',
    intent: 'order',
    subject: patient(dice),
    ...(dice.below(2) === 0
      ? { medicationReference: of(dice, 'Medication') }
      : { contained: [INSIDE], medicationReference: { reference: '#inside' } }),
  }),
  DocumentReference: (dice) => ({
    status: 'current',
    category: [concept(dice.pick(CATEGORIES))],
    ...maybe(dice, 'subject', () => patient(dice)),
    ...maybe(dice, 'author', () => [patient(dice)]),
    content: [{ attachment: { url: `Binary/${anyId('Binary', dice)}` } }],
  }),
  Binary: (dice) => ({
    contentType: 'text/plain',
    ...maybe(dice, 'securityContext', () =>
      dice.below(4) === 0
        ? { reference: dice.pick(['http://elsewhere.test/fhir/Patient/p1', 'Patient/nobody']) }
        : of(dice, 'Patient', ...CLINICAL),
    ),
  }),
  Provenance: (dice) => ({
    target: [of(dice, 'Patient', 'Organization', ...CLINICAL), ...dice.some(1, () => of(dice, ...CLINICAL))],
    recorded: '2024-01-01T00:00:00Z',
    agent: [{ who: practitioner(dice) }],
  }),
  List: (dice) => ({
    status: 'current',
    mode: 'working',
    ...maybe(dice, 'subject', () => patient(dice)),
    ...maybe(dice, 'source', () => patient(dice)),
    entry: [{ item: of(dice, 'Patient', ...CLINICAL) }],
  }),
  Group: (dice) => ({
    type: 'person',
    actual: true,
    member: [{ entity: patient(dice) }, { entity: patient(dice) }],
  }),
  Device: (dice) => ({ ...maybe(dice, 'patient', () => patient(dice)) }),
  Task: (dice) => ({
    status: 'requested',
    intent: 'order',
    ...maybe(dice, 'for', () => patient(dice)),
    ...maybe(dice, 'focus', () => of(dice, ...CLINICAL)),
  }),
  RelatedPerson: (dice) => ({ patient: patient(dice) }),
  Appointment: (dice) => ({
    status: 'booked',
    participant: [
      { actor: patient(dice), status: 'accepted' },
      { actor: dice.below(2) === 0 ? patient(dice) : practitioner(dice), status: 'accepted' },
    ],
  }),
  Basic: (dice) => ({
    code: concept('note'),
    ...maybe(dice, 'subject', () => of(dice, 'Patient', 'Organization')),
    ...maybe(dice, 'author', () => patient(dice)),
  }),
  AuditEvent: (dice) => ({
    type: { system: 'http://codes.test', code: 'rest' },
    recorded: '2024-01-01T00:00:00Z',
    agent: [{ requestor: true }],
    source: { observer: { display: 'us' } },
    entity: [{ what: patient(dice) }],
  }),
  Consent: (dice) => ({
    status: dice.below(6) === 0 ? 'inactive' : 'active',
    scope: { coding: [{ code: dice.below(8) === 0 ? 'research' : 'patient-privacy' }] },
    category: [concept(dice.pick(CATEGORIES))],
    patient: patient(dice),
    policyRule: { coding: [{ code: dice.below(12) === 0 ? 'OPTOUT' : 'OPTIN' }] },
    provision: dice.below(3) === 0 ? denials(dice) : denial(dice),
  }),
  Organization: () => ({ name: 'House' }),
  Practitioner: () => ({ active: true }),
  Location: (dice) => ({ ...maybe(dice, 'partOf', () => of(dice, 'Location')) }),
  Medication: () => ({ code: concept('pill') }),
  ValueSet: () => ({
    status: 'active',
    compose: { include: [{ system: 'http://codes.test', concept: [{ code: 'a' }] }] },
  }),
};

/** Rules that say no to most are few, or there would be nothing to see. */
function denial(dice: Dice): JsonObject {
  const inner = dice.below(2) === 0 ? {} : { provision: [{ type: 'deny', ...narrow(dice) }] };
  const permit = { type: 'permit', ...narrow(dice), ...inner };
  const labelled = dice.below(3) === 0 ? { securityLabel: [RESTRICTED] } : {};
  const exception = dice.below(2) === 0 ? {} : { provision: [permit] };
  return { type: 'deny', ...narrow(dice), ...labelled, ...during(dice), ...exception };
}

function denials(dice: Dice): JsonObject {
  const provision = dice.some(3, () => ({ type: 'deny', ...narrow(dice), ...during(dice) }));
  return provision.length === 0 ? { type: 'permit' } : { type: 'permit', provision };
}

function narrow(dice: Dice): JsonObject {
  const actor = dice.below(3) === 0 ? patient(dice) : practitioner(dice);
  const code = dice.pick(['Observation', 'Condition', 'Patient', 'Encounter']);
  return {
    ...(dice.below(4) > 0 ? { actor: [{ role: concept('who'), reference: actor }] } : {}),
    ...(dice.below(4) > 0 ? { class: [{ system: 'http://hl7.org/fhir/resource-types', code }] } : {}),
  };
}

/** The world stands still in 2024. */
function during(dice: Dice): JsonObject {
  return dice.pick<JsonObject>([{}, {}, { period: { start: '2023' } }, { period: { end: '2023' } }]);
}

export const TYPES: readonly string[] = Object.keys(SHAPES);

export function anyType(dice: Dice): string {
  // Half of what is asked and written is about records.
  return dice.below(2) === 0
    ? dice.pick(['Observation', 'Patient', 'Condition', 'Encounter'])
    : dice.pick(TYPES);
}

export function anyId(type: string, dice: Dice): string {
  if (type === 'Patient') return dice.pick(PATIENTS);
  if (type === 'Practitioner') return dice.pick(PRACTITIONERS);
  return `${type.toLowerCase().slice(0, 12)}-${dice.below(PER_TYPE)}`;
}

export function anyResource(type: string, id: string, secret: string, dice: Dice): Tree {
  const shape = SHAPES[type];
  if (shape === undefined) throw new Error(`no shape for ${type}`);
  const security = dice.below(6) === 0 ? { security: [RESTRICTED] } : {};
  const content = type === 'Binary' ? { data: Buffer.from(secret).toString('base64') } : {};
  const meta = { tag: [{ system: 'urn:secret', code: secret }], ...security };
  const made = shape(dice);
  const inside =
    made.contained === undefined ? {} : { contained: [{ ...INSIDE, manufacturer: { display: secret } }] };
  return { resourceType: type, id, meta, ...made, ...inside, ...content };
}

/** `zq17zq`: nothing else looks like it. */
export class Secrets {
  #made = 0;
  next(): string {
    this.#made += 1;
    return `zq${this.#made}zq`;
  }
}

function reference(type: string, id: string, dice: Dice): JsonObject {
  const written = [`${type}/${id}`, `${type}/${id}`, `${BASE}/${type}/${id}`, `${type}/${id}/_history/1`];
  return { reference: dice.pick(written) };
}
