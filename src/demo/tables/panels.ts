/** Panels of laboratory tests, their specimens, and results that are words. https://loinc.org */
import type { JsonObject } from '../../fhir/format/json.js';
import { coding, concept, concepts, SYSTEM } from '../concepts.js';
import type { LabName } from './labs.js';

export interface Panel {
  readonly code: JsonObject;
  readonly tests: readonly LabName[];
  readonly specimen: 'serum' | 'blood' | 'urine';
  /** Results that are words and not numbers come with it. */
  readonly strip?: boolean;
}

export const PANELS = {
  metabolic: {
    code: concept(SYSTEM.loinc, '24321-2', 'Basic metabolic 2000 panel - Serum or Plasma'),
    tests: [
      'glucose',
      'ureaNitrogen',
      'creatinine',
      'filtrationRate',
      'calcium',
      'sodium',
      'potassium',
      'carbonDioxide',
      'chloride',
    ],
    specimen: 'serum',
  },
  lipid: {
    code: concept(SYSTEM.loinc, '24331-1', 'Lipid 1996 panel - Serum or Plasma'),
    tests: ['cholesterol', 'triglycerides', 'hdl', 'ldl'],
    specimen: 'serum',
  },
  bloodCount: {
    code: concept(SYSTEM.loinc, '58410-2', 'CBC panel - Blood by Automated count'),
    tests: ['leukocytes', 'erythrocytes', 'hemoglobin', 'hematocrit', 'meanVolume', 'platelets'],
    specimen: 'blood',
  },
  urinalysis: {
    code: concept(SYSTEM.loinc, '24357-6', 'Urinalysis macro (dipstick) panel - Urine'),
    tests: ['urinePh', 'urineGravity'],
    specimen: 'urine',
    strip: true,
  },
} as const satisfies Record<string, Panel>;

export type PanelName = keyof typeof PANELS;

export const SPECIMENS = {
  serum: concepts(
    'Serum',
    coding(SYSTEM.snomed, '119364003', 'Serum specimen (specimen)'),
    coding(SYSTEM.specimenType, 'SER', 'Serum'),
  ),
  blood: concept(SYSTEM.snomed, '122555007', 'Venous blood specimen (specimen)', 'Venous blood'),
  urine: concept(SYSTEM.snomed, '122575003', 'Urine specimen (specimen)', 'Urine'),
} as const;

/** Test strip results in words. */
export const STRIP_TESTS: readonly { readonly code: JsonObject; readonly positive: number }[] = [
  { code: concept(SYSTEM.loinc, '20454-5', 'Protein [Presence] in Urine by Test strip'), positive: 0.08 },
  { code: concept(SYSTEM.loinc, '25428-4', 'Glucose [Presence] in Urine by Test strip'), positive: 0.05 },
  { code: concept(SYSTEM.loinc, '5802-4', 'Nitrite [Presence] in Urine by Test strip'), positive: 0.06 },
];

export const POSITIVE = concept(SYSTEM.snomed, '10828004', 'Positive (qualifier value)', 'Positive');
export const NEGATIVE = concept(SYSTEM.snomed, '260385009', 'Negative (qualifier value)', 'Negative');

export const URINE_COLOR = concept(SYSTEM.loinc, '5778-6', 'Color of Urine');
export const URINE_COLORS: readonly string[] = ['Pale yellow', 'Yellow', 'Yellow', 'Amber'];

export const INTERPRETATIONS = {
  low: concept(SYSTEM.interpretation, 'L', 'Low'),
  normal: concept(SYSTEM.interpretation, 'N', 'Normal'),
  high: concept(SYSTEM.interpretation, 'H', 'High'),
} as const;
