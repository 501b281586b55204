/**
 * What clinical notes and narrative reports are called and the sentences they are put together from.
 * https://hl7.org/fhir/us/core/STU6.1/clinical-notes.html
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, SYSTEM } from '../concepts.js';

export interface ReportKind {
  /** Cardiology, pathology, radiology. */
  readonly category: JsonObject;
  readonly code: JsonObject;
  readonly text: string;
  /** Diseases' follow-ups and hospital stays ask for it; so does a share of check-ups. */
  readonly share: number;
  readonly ages: readonly [number, number];
}

export const REPORTS: readonly ReportKind[] = [
  {
    category: concept(SYSTEM.loinc, 'LP29708-2', 'Cardiology'),
    code: concept(SYSTEM.loinc, '11524-6', 'EKG study'),
    text: 'Sinus rhythm at rest. Axis and intervals within limits. No sign of acute ischemia. Compared with the tracing before, no change.',
    share: 0.07,
    ages: [40, 110],
  },
  {
    category: concept(SYSTEM.loinc, 'LP29684-5', 'Radiology'),
    code: concept(SYSTEM.loinc, '36643-5', 'XR Chest 2 Views'),
    text: 'Two views of the chest. Heart and vessels of normal size. Lungs clear on both sides, no effusion. Bones without finding. Impression: no acute disease.',
    share: 0.07,
    ages: [5, 110],
  },
  {
    category: concept(SYSTEM.loinc, 'LP7839-6', 'Pathology'),
    code: concept(SYSTEM.loinc, '11526-1', 'Pathology study'),
    text: 'One specimen in formalin, two pieces of 3 mm each. Regular mucosa with slight inflammation, no atypical cells. Diagnosis: benign.',
    share: 0.05,
    ages: [30, 110],
  },
];

/** Observation that goes with the electrocardiogram. */
export const EKG_IMPRESSION = concept(SYSTEM.loinc, '8601-7', 'EKG impression');
export const EKG_WORDS: readonly string[] = [
  'Sinus rhythm',
  'Sinus rhythm, otherwise unremarkable',
  'Sinus bradycardia',
];

export const NOTE_CATEGORY = concept(SYSTEM.usCoreDocumentCategory, 'clinical-note', 'Clinical Note');

export const NOTE_COMPLAINTS: readonly string[] = [
  'Came in on their own, reports that it began some days ago and has not become worse.',
  'Reports little pain, sleeps well, eats and drinks normally.',
  'No fever at home, no travel, nobody else in the household is ill.',
  'Feels better than at the visit before and has taken the medication as agreed.',
];

export const NOTE_FINDINGS: readonly string[] = [
  'Alert, in no distress. Heart sounds regular, lungs clear.',
  'Abdomen soft, no tenderness. Skin warm and dry.',
  'Walks without help, strength equal on both sides.',
];

export const NOTE_PLANS: readonly string[] = [
  'Goes on with the present treatment; blood tests before the next visit.',
  'Advised to rest, to drink enough and to call if it is not better within a week.',
  'Medication changed as discussed; to be looked at again in six weeks.',
  'Agreed on more movement in daily life and a follow-up in three months.',
];
