/**
 * What patients have in common: sites with their staff and calendars, payers, the laboratory, the formulary.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-practitioner.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { freeSlots, horizon, SCHEDULED_STAFF } from '../calendar.js';
import { concept, profile, SYSTEM } from '../concepts.js';
import { npi, phone, reference, STREAM, stableId } from '../identity.js';
import type { Site, StaffMember } from '../site.js';
import { DRUG_NAMES, DRUGS } from '../tables/drugs.js';
import { STREETS } from '../tables/people.js';
import { PAYERS, POSTS } from '../tables/staff.js';
import { instantText } from '../time.js';

const ORGANIZATION_META = profile('organization');
const LOCATION_META = profile('location');
const PRACTITIONER_META = profile('practitioner');
const ROLE_META = profile('practitionerrole');
const MEDICATION_META = profile('medication');
const PROVIDER = concept(SYSTEM.organizationType, 'prov', 'Healthcare Provider');
const PAYER = concept(SYSTEM.organizationType, 'pay', 'Payer');
const CLINIC = concept(SYSTEM.roleCode, 'PC', 'Primary care clinic');
const HOSPITAL = concept(SYSTEM.roleCode, 'HOSP', 'Hospital');

/** What there is once, however many sites. */
export function commonResources(seed: number): ResourceObject[] {
  const street = {
    line: ['1 Pier Plaza'],
    city: 'Lodestar',
    state: 'CO',
    postalCode: '81301',
    country: 'US',
  };
  const contact = [{ system: 'phone', value: phone(7), use: 'work' }];
  const organization = (
    id: string,
    name: string,
    type: JsonObject,
    identifier: JsonObject[],
  ): ResourceObject => ({
    resourceType: 'Organization',
    id,
    meta: ORGANIZATION_META,
    identifier,
    active: true,
    type: [type],
    name,
    telecom: contact,
    address: [street],
  });
  const laboratory = organization(
    stableId(seed, STREAM.laboratory, 0),
    'Sounding Line Laboratories',
    PROVIDER,
    [npi(90_000_001), { system: 'urn:oid:2.16.840.1.113883.4.7', value: '06D9999901' }],
  );
  const payers = PAYERS.map(({ name }, place) =>
    organization(stableId(seed, STREAM.payer, place), name, PAYER, [
      { system: 'urn:oid:2.999.1.6', value: `PAYER-${place + 1}` },
    ]),
  );
  return [laboratory, ...payers, ...formulary(seed)];
}

function formulary(seed: number): ResourceObject[] {
  return DRUG_NAMES.map((name, place) => ({
    resourceType: 'Medication',
    id: stableId(seed, STREAM.medication, place),
    meta: MEDICATION_META,
    code: DRUGS[name].code,
    status: 'active',
  }));
}

export function siteResources(seed: number, site: Site, now: number): ResourceObject[] {
  return [
    endpoint(seed, site),
    organizationRecord(seed, site),
    location(site, site.clinic, CLINIC, 0),
    location(site, site.hospital, HOSPITAL, 1),
    ...site.staff.flatMap((member) => [practitioner(site, member), role(seed, site, member)]),
    ...calendars(seed, site, now),
  ];
}

function endpoint(seed: number, site: Site): ResourceObject {
  return {
    resourceType: 'Endpoint',
    id: stableId(seed, STREAM.endpoint, site.index),
    status: 'active',
    connectionType: { system: SYSTEM.connectionType, code: 'hl7-fhir-rest', display: 'HL7 FHIR' },
    name: `${site.name} FHIR endpoint`,
    payloadType: [concept(SYSTEM.payloadType, 'any', 'Any')],
    address: `https://fhir-${site.index + 1}.example.org/fhir`,
  };
}

function organizationRecord(seed: number, site: Site): ResourceObject {
  return {
    resourceType: 'Organization',
    id: idOf(site.organization),
    meta: ORGANIZATION_META,
    identifier: [
      npi(80_000_000 + site.index),
      {
        system: 'urn:oid:2.16.840.1.113883.4.7',
        value: `${10 + (site.index % 90)}D${1_000_000 + site.index}`,
      },
    ],
    active: true,
    type: [PROVIDER],
    name: `${site.name} Health`,
    telecom: [
      { system: 'phone', value: phone(site.index + 11), use: 'work' },
      { system: 'url', value: `https://site-${site.index + 1}.example.org` },
    ],
    address: [address(site, 0)],
    endpoint: [reference('Endpoint', stableId(seed, STREAM.endpoint, site.index))],
  };
}

function location(site: Site, place: JsonObject, type: JsonObject, number: number): ResourceObject {
  return {
    resourceType: 'Location',
    id: idOf(place),
    meta: LOCATION_META,
    identifier: [{ system: 'urn:oid:2.999.1.7', value: `LOC-${site.index + 1}-${number + 1}` }],
    status: 'active',
    name: String(place.display),
    mode: 'instance',
    type: [type],
    telecom: [{ system: 'phone', value: phone(site.index * 2 + number), use: 'work' }],
    address: address(site, number),
    managingOrganization: site.organization,
  };
}

function practitioner(site: Site, member: StaffMember): ResourceObject {
  return {
    resourceType: 'Practitioner',
    id: member.id,
    meta: PRACTITIONER_META,
    identifier: [npi(member.number)],
    active: true,
    name: [
      {
        use: 'official',
        family: member.family,
        given: [member.given],
        prefix: [member.post.prefix],
        suffix: [member.post.suffix],
      },
    ],
    telecom: [
      { system: 'phone', value: phone(member.number + 31), use: 'work' },
      { system: 'email', value: `staff-${member.number}@example.org`, use: 'work' },
    ],
    address: [address(site, 0)],
    gender: member.female ? 'female' : 'male',
  };
}

function role(seed: number, site: Site, member: StaffMember): ResourceObject {
  return {
    resourceType: 'PractitionerRole',
    id: stableId(seed, STREAM.role, member.number),
    meta: ROLE_META,
    active: true,
    practitioner: member.reference,
    organization: site.organization,
    code: [member.post.role],
    specialty: [member.post.specialty],
    location: [site.clinic],
    telecom: [{ system: 'phone', value: phone(member.number + 31), use: 'work' }],
    endpoint: [reference('Endpoint', stableId(seed, STREAM.endpoint, site.index))],
  };
}

function calendars(seed: number, site: Site, now: number): ResourceObject[] {
  const zone = site.town.zone;
  const [start, end] = horizon(now, zone);
  const staff = site.staff.slice(0, SCHEDULED_STAFF);
  const schedules = staff.map((member) => ({
    resourceType: 'Schedule',
    id: stableId(seed, STREAM.schedule, member.number),
    active: true,
    specialty: [member.post.specialty],
    actor: [member.reference, site.clinic],
    planningHorizon: { start: instantText(start), end: instantText(end) },
  }));
  const slots = freeSlots(now, zone).map((time, place) => ({
    resourceType: 'Slot',
    id: stableId(seed, STREAM.slot, site.index * 1000 + place),
    schedule: reference('Schedule', String(schedules[time.staff]?.id)),
    status: 'free',
    start: instantText(time.start),
    end: instantText(time.end),
  }));
  return [...schedules, ...slots];
}

function address(site: Site, number: number): JsonObject {
  const { town } = site;
  const street = STREETS[(site.index + number * 5) % STREETS.length] ?? '';
  const postalCode = `${town.postal}${String(site.index % 100).padStart(2, '0')}`;
  return {
    line: [`${100 + POSTS.length * number} ${street}`],
    city: town.name,
    state: town.state,
    postalCode,
    country: 'US',
  };
}

/** The id in a reference of our own making, `Type/id`. */
function idOf({ reference: text }: JsonObject): string {
  return String(text).slice(String(text).indexOf('/') + 1);
}
