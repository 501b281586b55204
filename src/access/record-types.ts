/**
 * Which types hold the record of a patient, and how they name whose record it is.
 * https://hl7.org/fhir/R4/compartmentdefinition-patient.html
 *
 *   members of the compartment   by the parameters of the CompartmentDefinition, but for those below
 *   LINKED                       no members, and yet about one patient
 *   PROXIES                      visible with what they are about: see grant-access.ts
 *   WITHHELD                     members that tell of others too, or of how the record was used: never by patient
 *   SHARED                       no patient's: organisations, people who care, terminology, definitions
 *
 * Invariant: a type that stands nowhere here and in no compartment is in no patient's record.
 */
import type { Definitions } from '../fhir/definitions/definitions.js';

const LINKED: Readonly<Record<string, readonly string[]>> = {
  Device: ['patient'],
  GuidanceResponse: ['subject'],
  Task: ['patient'],
};

/** A Group names other patients; an AuditEvent names who looked, and is read by whoever is to audit. */
const WITHHELD: ReadonlySet<string> = new Set(['AuditEvent', 'Group']);

/** Whose visibility follows from that of the resources that they refer to, by the parameter. */
export const BINARY = 'Binary';
export const PROVENANCE = 'Provenance';

/** Asked for by name alone, in scopes and in policies. */
export const AUDIT_EVENT = 'AuditEvent';

export const SHARED: readonly string[] = [
  'ActivityDefinition',
  'CapabilityStatement',
  'CodeSystem',
  'CompartmentDefinition',
  'ConceptMap',
  'Endpoint',
  'HealthcareService',
  'ImplementationGuide',
  'InsurancePlan',
  'Library',
  'Location',
  'Measure',
  'Medication',
  'MedicationKnowledge',
  'NamingSystem',
  'OperationDefinition',
  'Organization',
  'OrganizationAffiliation',
  'PlanDefinition',
  'Practitioner',
  'PractitionerRole',
  'Questionnaire',
  'SearchParameter',
  'StructureDefinition',
  'Substance',
  'ValueSet',
];

const SHARED_TYPES: ReadonlySet<string> = new Set(SHARED);

export function isShared(type: string): boolean {
  return SHARED_TYPES.has(type);
}

/** The reference parameters that make a resource part of a patient's record; [] where its type is in no record. */
export function recordParameters(type: string, definitions: Definitions): readonly string[] {
  if (WITHHELD.has(type)) return [];
  const linked = Object.hasOwn(LINKED, type) ? LINKED[type] : undefined;
  return linked ?? definitions.compartments.get('Patient')?.get(type) ?? [];
}

export function isCompartmentType(type: string, definitions: Definitions): boolean {
  return (definitions.compartments.get('Patient')?.get(type)?.length ?? 0) > 0;
}

/** Part of some patient's record, the patient included. */
export function isRecordType(type: string, definitions: Definitions): boolean {
  return type === 'Patient' || type === BINARY || recordParameters(type, definitions).length > 0;
}
