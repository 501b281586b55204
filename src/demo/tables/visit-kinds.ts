/**
 * Kinds of visits as encounters are coded.
 * https://hl7.org/fhir/R4/v3/ActEncounterCode/vs.html
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { coding, concept, SYSTEM } from '../concepts.js';
import { POST } from './staff.js';

export interface VisitKind {
  readonly class: JsonObject;
  readonly type: JsonObject;
  /** Duration, shortest and longest. */
  readonly minutes: readonly [number, number];
  /** Local hours within which it begins. */
  readonly hours: readonly [number, number];
  /** Nothing is measured on the telephone. */
  readonly measured: boolean;
  readonly hospital: boolean;
  /** The post of whoever sees the patient; absent = by age and disease. */
  readonly post?: number;
  /** The note that is written about it. */
  readonly note: { readonly code: JsonObject; readonly share: number };
}

const AMBULATORY = coding(SYSTEM.actCode, 'AMB', 'ambulatory');
const PROGRESS = concept(SYSTEM.loinc, '11506-3', 'Progress note');

export const VISIT_KINDS = {
  checkUp: {
    class: AMBULATORY,
    type: concept(SYSTEM.snomed, '185349003', 'Encounter for check up (procedure)', 'Check-up'),
    minutes: [20, 45],
    hours: [8, 17],
    measured: true,
    hospital: false,
    note: { code: concept(SYSTEM.loinc, '34117-2', 'History and physical note'), share: 0.35 },
  },
  followUp: {
    class: AMBULATORY,
    type: concept(SYSTEM.snomed, '390906007', 'Follow-up encounter (procedure)', 'Follow-up visit'),
    minutes: [15, 30],
    hours: [8, 17],
    measured: true,
    hospital: false,
    note: { code: PROGRESS, share: 0.5 },
  },
  telehealth: {
    class: coding(SYSTEM.actCode, 'VR', 'virtual'),
    type: concept(SYSTEM.snomed, '185317003', 'Telephone encounter (procedure)', 'Telephone call'),
    minutes: [10, 20],
    hours: [9, 18],
    measured: false,
    hospital: false,
    note: { code: PROGRESS, share: 0.3 },
  },
  illness: {
    class: AMBULATORY,
    type: concept(SYSTEM.snomed, '185345009', 'Encounter for symptom (procedure)', 'Visit with a complaint'),
    minutes: [10, 25],
    hours: [8, 18],
    measured: true,
    hospital: false,
    note: { code: PROGRESS, share: 0.3 },
  },
  emergency: {
    class: coding(SYSTEM.actCode, 'EMER', 'emergency'),
    type: concept(
      SYSTEM.snomed,
      '50849002',
      'Emergency room admission (procedure)',
      'Emergency department visit',
    ),
    minutes: [70, 400],
    hours: [0, 24],
    measured: true,
    hospital: true,
    post: POST.emergency,
    note: { code: concept(SYSTEM.loinc, '34111-5', 'Emergency department Note'), share: 1 },
  },
  inpatient: {
    class: coding(SYSTEM.actCode, 'IMP', 'inpatient encounter'),
    type: concept(SYSTEM.snomed, '32485007', 'Hospital admission (procedure)', 'Hospital stay'),
    minutes: [1_500, 9_000],
    hours: [6, 22],
    measured: true,
    hospital: true,
    post: POST.internal,
    note: { code: concept(SYSTEM.loinc, '18842-5', 'Discharge summary'), share: 1 },
  },
} as const satisfies Record<string, VisitKind>;
