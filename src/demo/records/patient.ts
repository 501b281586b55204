/**
 * Patient, RelatedPerson and Coverage.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-patient.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import type { Chart } from '../chart.js';
import { ABSENT, coding, concept, profile, SYSTEM, usCoreExtension } from '../concepts.js';
import { phone, reference, STREAM, stableId } from '../identity.js';
import { ageAt } from '../person.js';
import type { Site } from '../site.js';
import { FAMILY_NAMES, type Heritage, STREETS } from '../tables/people.js';
import { PAYERS } from '../tables/staff.js';
import { DAY, dateText, dateTimeText, YEAR } from '../time.js';

const PATIENT_META = profile('patient');
const RELATED_META = profile('relatedperson');
const COVERAGE_META = profile('coverage');
const RECORD_NUMBER = concept(SYSTEM.identifierType, 'MR', 'Medical record number', 'Medical record number');
const SOCIAL_SECURITY = concept(SYSTEM.identifierType, 'SS', 'Social Security number');
const MEMBER_NUMBER = concept(SYSTEM.identifierType, 'MB', 'Member Number');
const SELF = concept(SYSTEM.subscriberRelationship, 'self', 'Self');
const CHILD = concept(SYSTEM.subscriberRelationship, 'child', 'Child');
const GROUP = concept(SYSTEM.coverageClass, 'group', 'Group');
const PLAN = concept(SYSTEM.coverageClass, 'plan', 'Plan');
const MOTHER = concept(SYSTEM.roleCode, 'MTH', 'mother');
const SPOUSE = concept(SYSTEM.roleCode, 'SPS', 'spouse');
const SIBLING = concept(SYSTEM.roleCode, 'SIB', 'sibling');

export function patient(chart: Chart): ResourceObject {
  const { person, site, showcase } = chart;
  const died = person.death;
  return {
    resourceType: 'Patient',
    id: person.id,
    meta: PATIENT_META,
    extension: extensions(chart),
    identifier: identifiers(chart),
    active: true,
    name: names(chart),
    telecom: telecom(chart),
    gender: person.female ? 'female' : 'male',
    birthDate: dateText(person.birth),
    ...(died === undefined ? {} : { deceasedDateTime: dateTimeText(died, site.town.zone) }),
    address: addresses(chart),
    ...(showcase.gaps === true
      ? {}
      : { communication: [{ language: person.language.language, preferred: true }] }),
    generalPractitioner: [generalPractitioner(site)],
    managingOrganization: site.organization,
  };
}

function extensions({ person, showcase, random }: Chart): JsonObject[] {
  const list = [heritage('race', person.race), heritage('ethnicity', person.ethnicity)];
  if (showcase.tribe === true || (person.race.code === '1002-5' && random.chance(0.7))) {
    const tribe = concept(SYSTEM.tribe, '91', 'Fort Mojave Indian Tribe of Arizona, California & Nevada');
    list.push({
      url: usCoreExtension('tribal-affiliation'),
      extension: [
        { url: 'tribalAffiliation', valueCodeableConcept: tribe },
        { url: 'isEnrolled', valueBoolean: true },
      ],
    });
  }
  list.push(
    { url: usCoreExtension('birthsex'), valueCode: person.female ? 'F' : 'M' },
    { url: usCoreExtension('sex'), valueCode: person.female ? '248152002' : '248153007' },
  );
  if (random.chance(0.3)) {
    const identity = person.female
      ? concept(SYSTEM.snomed, '446141000124107', 'Identifies as female gender (finding)', 'Female')
      : concept(SYSTEM.snomed, '446151000124109', 'Identifies as male gender (finding)', 'Male');
    list.push({ url: usCoreExtension('genderIdentity'), valueCodeableConcept: identity });
  }
  return list;
}

function heritage(name: 'race' | 'ethnicity', { code, text, detail }: Heritage): JsonObject {
  const system = SYSTEM.raceAndEthnicity;
  return {
    url: usCoreExtension(name),
    extension: [
      { url: 'ombCategory', valueCoding: coding(system, code, text) },
      ...(detail === undefined
        ? []
        : [{ url: 'detailed', valueCoding: coding(system, detail.code, detail.display) }]),
      { url: 'text', valueString: text },
    ],
  };
}

function identifiers({ person, site, random }: Chart): JsonObject[] {
  const list: JsonObject[] = [
    {
      use: 'usual',
      type: RECORD_NUMBER,
      system: `urn:oid:2.999.1.1.${site.index + 1}`,
      value: `M${String(person.index).padStart(7, '0')}`,
      assigner: { display: site.name },
    },
  ];
  // Numbers that begin with 9 were never given out.
  if (random.chance(0.6)) {
    const value = `9${random.integer(10, 99)}-${random.integer(10, 99)}-${random.integer(1000, 9999)}`;
    list.push({ use: 'official', type: SOCIAL_SECURITY, system: 'http://hl7.org/fhir/sid/us-ssn', value });
  }
  return list;
}

function names({ person, showcase, since, random }: Chart): JsonObject[] {
  if (showcase.nameless === true) return [{ ...ABSENT }];
  const { given, middle, family } = person;
  const suffix = random.chance(0.03) ? { suffix: ['Jr.'] } : {};
  if (showcase.moved !== true) return [{ use: 'official', family, given: [given, middle], ...suffix }];
  const changed = dateText(since + 90 * DAY);
  return [
    { use: 'official', family, given: [given, middle], suffix: ['PhD'], period: { start: changed } },
    { use: 'old', family: random.pick(FAMILY_NAMES), given: [given, middle], period: { end: changed } },
  ];
}

function telecom({ person, showcase, random }: Chart): JsonObject[] {
  if (showcase.gaps === true) return [{ system: 'phone', value: phone(person.index), use: 'home' }];
  return [
    { system: 'phone', value: phone(person.index), use: random.chance(0.5) ? 'mobile' : 'home', rank: 1 },
    { system: 'email', value: `patient-${person.index}@example.org`, use: 'home' },
  ];
}

function addresses({ person, site, showcase, since, random }: Chart): JsonObject[] {
  const { town } = site;
  const postalCode = `${town.postal}${String(person.index % 100).padStart(2, '0')}`;
  const home = { line: [person.street], city: town.name, state: town.state, postalCode, country: 'US' };
  if (showcase.moved !== true) return [{ use: 'home', ...home }];
  const moved = dateText(since + 120 * DAY);
  return [
    { use: 'home', ...home, period: { start: moved } },
    {
      use: 'old',
      ...home,
      line: [`${random.integer(1, 90)} ${random.pick(STREETS)}`],
      period: { end: moved },
    },
  ];
}

export function generalPractitioner({ staff }: Site): JsonObject {
  return staff[0]?.reference ?? {};
}

/** A parent of every child, somebody close of some grown-ups. */
export function relatedPerson(chart: Chart): ResourceObject[] {
  const { person, random, site, now } = chart;
  const child = ageAt(person, now) < 18;
  if (!child && !random.chance(0.2) && chart.showcase.implant !== true) return [];
  const relationship = child ? MOTHER : random.pick([SPOUSE, SIBLING]);
  const birth = child
    ? person.birth - random.between(19, 40) * YEAR
    : person.birth + random.between(-5, 5) * YEAR;
  return [
    {
      resourceType: 'RelatedPerson',
      id: chart.newId(),
      meta: RELATED_META,
      active: true,
      patient: chart.subject,
      relationship: [relationship],
      name: [{ use: 'official', family: person.family, given: [person.middle] }],
      telecom: [{ system: 'phone', value: phone(person.index + 350), use: 'home' }],
      birthDate: dateText(birth),
      address: [
        { use: 'home', line: [person.street], city: site.town.name, state: site.town.state, country: 'US' },
      ],
    },
  ];
}

export function coverage(chart: Chart): ResourceObject {
  const { random, person, until } = chart;
  const payer = random.weighted(PAYERS);
  const payerId = stableId(chart.seed, STREAM.payer, PAYERS.indexOf(payer));
  const number = String(random.integer(100_000_000, 999_999_999));
  return {
    resourceType: 'Coverage',
    id: chart.newId(),
    meta: COVERAGE_META,
    identifier: [{ type: MEMBER_NUMBER, system: 'urn:oid:2.999.1.2', value: `${number}-01` }],
    status: person.death === undefined ? 'active' : 'cancelled',
    type: payer.type,
    subscriberId: number,
    beneficiary: chart.subject,
    relationship: ageAt(person, until) < 18 ? CHILD : SELF,
    period: {
      start: dateText(chart.since),
      ...(person.death === undefined ? {} : { end: dateText(person.death) }),
    },
    payor: [reference('Organization', payerId, payer.name)],
    class: [
      { type: GROUP, value: String(random.integer(1000, 9999)), name: `${chart.site.name} group` },
      { type: PLAN, value: payer.plan.toLowerCase().replaceAll(' ', '-'), name: payer.plan },
    ],
  };
}
