/**
 * Codes, concepts, quantities and profiles as JSON. Their displays are those of the terminologies.
 *
 * Invariant: what is made here is frozen where it is shared between resources, so that a consumer which changed one
 * resource in place would fail loudly and not change another patient's.
 */
import { type JsonNumber, type JsonObject, NumberLiteral } from '../fhir/format/json.js';

const HL7 = 'http://terminology.hl7.org/CodeSystem';
const US_CORE = 'http://hl7.org/fhir/us/core';

export const SYSTEM = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  cvx: 'http://hl7.org/fhir/sid/cvx',
  icd10: 'http://hl7.org/fhir/sid/icd-10-cm',
  ucum: 'http://unitsofmeasure.org',
  npi: 'http://hl7.org/fhir/sid/us-npi',
  raceAndEthnicity: 'urn:oid:2.16.840.1.113883.6.238',
  taxonomy: 'http://nucc.org/provider-taxonomy',
  language: 'urn:ietf:bcp:47',
  actCode: `${HL7}/v3-ActCode`,
  roleCode: `${HL7}/v3-RoleCode`,
  participation: `${HL7}/v3-ParticipationType`,
  nullFlavor: `${HL7}/v3-NullFlavor`,
  tribe: `${HL7}/v3-TribalEntityUS`,
  interpretation: `${HL7}/v3-ObservationInterpretation`,
  observationCategory: `${HL7}/observation-category`,
  conditionCategory: `${HL7}/condition-category`,
  conditionClinical: `${HL7}/condition-clinical`,
  conditionVerification: `${HL7}/condition-ver-status`,
  allergyClinical: `${HL7}/allergyintolerance-clinical`,
  allergyVerification: `${HL7}/allergyintolerance-verification`,
  dataAbsent: `${HL7}/data-absent-reason`,
  diagnosticService: `${HL7}/v2-0074`,
  identifierType: `${HL7}/v2-0203`,
  specimenType: `${HL7}/v2-0487`,
  appointmentReason: `${HL7}/v2-0276`,
  organizationType: `${HL7}/organization-type`,
  medicationRequestCategory: `${HL7}/medicationrequest-category`,
  subscriberRelationship: `${HL7}/subscriber-relationship`,
  coverageClass: `${HL7}/coverage-class`,
  provenanceParticipant: `${HL7}/provenance-participant-type`,
  dischargeDisposition: `${HL7}/discharge-disposition`,
  goalAchievement: `${HL7}/goal-achievement`,
  connectionType: `${HL7}/endpoint-connection-type`,
  payloadType: `${HL7}/endpoint-payload-type`,
  usCoreCategory: `${US_CORE}/CodeSystem/us-core-category`,
  usCoreConditionCategory: `${US_CORE}/CodeSystem/condition-category`,
  usCoreDocumentCategory: `${US_CORE}/CodeSystem/us-core-documentreference-category`,
  carePlanCategory: `${US_CORE}/CodeSystem/careplan-category`,
  documentFormat: 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
} as const;

const DATA_ABSENT_URL = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/** Extension URL of US Core by its last part: `race`. */
export function usCoreExtension(name: string): string {
  return `${US_CORE}/StructureDefinition/us-core-${name}`;
}

export function coding(system: string, code: string, display: string): JsonObject {
  return Object.freeze({ system, code, display });
}

/** One coding and the text beside it. */
export function concept(system: string, code: string, display: string, text: string = display): JsonObject {
  return Object.freeze({ coding: frozenList(coding(system, code, display)), text });
}

/** Several codings of one meaning. */
export function concepts(text: string, ...codings: JsonObject[]): JsonObject {
  return Object.freeze({ coding: frozenList(...codings), text });
}

/** `meta` that claims a US Core profile by its last part: `patient`. */
export function profile(name: string): JsonObject {
  return profileUrl(`${US_CORE}/StructureDefinition/us-core-${name}`);
}

function profileUrl(url: string): JsonObject {
  return Object.freeze({ profile: frozenList(url) });
}

/** Stands in the place of a value that must be there and is not known. */
export const ABSENT: JsonObject = Object.freeze({
  extension: frozenList({ url: DATA_ABSENT_URL, valueCode: 'unknown' }),
});

export const ABSENT_CONCEPT = concept(SYSTEM.dataAbsent, 'unknown', 'Unknown');

/** A number with exactly so many decimals: `4.0` keeps its zero, as a laboratory would write it. */
export function decimal(value: number, digits: number): JsonNumber {
  const scale = 10 ** digits;
  const scaled = Math.round(value * scale);
  return digits > 0 && scaled % 10 === 0
    ? new NumberLiteral((scaled / scale).toFixed(digits))
    : scaled / scale;
}

/** `unit` is for people, `code` is UCUM. */
export function quantity(value: JsonNumber, unit: string, code: string): JsonObject {
  return { value, unit, system: SYSTEM.ucum, code };
}

/** The type says that lists of a resource can change; these are shared, so they must not. */
function frozenList<Item extends string | JsonObject>(...items: Item[]): Item[] {
  for (const item of items) Object.freeze(item);
  Object.freeze(items);
  return items;
}
