/**
 * What scopes mean, in words that a patient understands.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 *
 * Invariant: every scope has words; a type that has none of its own is named as it is, never left out.
 */
import { ADMIN_SCOPE, type ResourceScope } from '../../smart/scope.js';

export interface ScopeWords {
  /** `See your conditions`. */
  readonly title: string;
  readonly detail?: string;
}

const TYPES: Readonly<Record<string, readonly [name: string, detail?: string]>> = {
  '*': ['whole health record', 'Everything that is kept here'],
  AllergyIntolerance: ['allergies', 'What causes a reaction, and how severe it is'],
  Appointment: ['appointments'],
  AuditEvent: ['access log', 'Who looked at what, and when'],
  Binary: ['attached files'],
  CarePlan: ['care plans'],
  CareTeam: ['care teams', 'Who takes part in the care'],
  Communication: ['messages'],
  Condition: ['health problems', 'Diagnoses, health concerns and what visits were about'],
  Consent: ['consents'],
  Coverage: ['insurance'],
  Device: ['devices', 'Implants and other equipment'],
  DiagnosticReport: ['reports', 'Results of laboratory and imaging, with their notes'],
  DocumentReference: ['documents and notes'],
  Encounter: ['visits', 'When and where care took place'],
  ExplanationOfBenefit: ['claims and payments'],
  FamilyMemberHistory: ['family history'],
  Goal: ['goals'],
  Group: ['patient groups'],
  HealthcareService: ['services on offer'],
  Immunization: ['vaccinations'],
  Location: ['places of care'],
  Medication: ['medicine descriptions'],
  MedicationAdministration: ['medicines given in care'],
  MedicationDispense: ['medicines handed out'],
  MedicationRequest: ['prescriptions'],
  MedicationStatement: ['current and past medicines'],
  Observation: ['measurements and results', 'Vital signs, laboratory results, smoking status and the like'],
  Organization: ['care organizations'],
  Patient: ['personal details', 'Name, birth date, address and contacts'],
  Person: ['personal details'],
  Practitioner: ['clinicians’ names'],
  PractitionerRole: ['clinicians’ roles'],
  Procedure: ['procedures', 'Operations and other treatments'],
  Provenance: ['sources of entries', 'Who wrote what'],
  Questionnaire: ['questionnaires'],
  QuestionnaireResponse: ['questionnaire answers'],
  RelatedPerson: ['relatives and other contacts'],
  ServiceRequest: ['orders', 'Tests and treatments that were asked for'],
  Specimen: ['specimens'],
};

const CATEGORIES: Readonly<Record<string, string>> = {
  'encounter-diagnosis': 'visit diagnoses',
  'problem-list-item': 'problem list',
  'health-concern': 'health concerns',
  laboratory: 'laboratory results',
  'vital-signs': 'vital signs',
  'social-history': 'social history, such as smoking',
  survey: 'survey answers',
  sdoh: 'living conditions',
  imaging: 'imaging results',
  exam: 'examination findings',
  'clinical-note': 'clinical notes',
};

/** Whose: `your` where the person who is asked is the patient, else `the patient’s`. */
export function scopeWords(scope: ResourceScope, whose: 'your' | 'the patient’s'): ScopeWords {
  const [name, detail] = TYPES[scope.type] ?? [`entries of the kind ${scope.type}`];
  const narrowed = scope.constraint === undefined ? undefined : constraintWords(scope.constraint, name);
  return {
    title: `${verbs(scope.permissions)} ${owned(scope, narrowed ?? name, whose)}`,
    ...(narrowed === undefined && detail !== undefined ? { detail } : {}),
  };
}

const ADMIN_WORDS: Readonly<Record<string, ScopeWords>> = {
  [ADMIN_SCOPE]: {
    title: 'Manage this server',
    detail: 'Let apps, services and people in, and shut them out',
  },
};

export function adminWords(scope: string): ScopeWords {
  return ADMIN_WORDS[scope] ?? { title: scope };
}

function verbs(permissions: string): string {
  const sees = /[rs]/.test(permissions);
  const acts = [
    ...(sees ? ['see'] : []),
    ...(permissions.includes('c') ? ['add'] : []),
    ...(permissions.includes('u') ? ['change'] : []),
    ...(permissions.includes('d') ? ['delete'] : []),
  ];
  const last = acts.pop() ?? 'see';
  const text = acts.length === 0 ? last : `${acts.join(', ')} and ${last}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function owned({ context, type }: ResourceScope, name: string, whose: string): string {
  if (context === 'patient') return `${whose} ${name}`;
  const where = context === 'user' ? 'every record that you may open' : 'all records';
  return type === '*' ? where : `${name} in ${where}`;
}

function constraintWords(constraint: string, name: string): string {
  const [first, ...more] = [...new URLSearchParams(constraint)].map(([param, value]) => {
    const code = value.slice(value.lastIndexOf('|') + 1);
    return { known: param === 'category' ? CATEGORIES[code] : undefined, said: `${param} ${code}` };
  });
  if (first === undefined) return name;
  const rest = [...(first.known === undefined ? [first] : []), ...more].map(({ said }) => said);
  return `${first.known ?? name}${rest.length > 0 ? ` with ${rest.join(' and ')}` : ''}`;
}
