/** Vaccines (CVX codes) and the ages at which they are due. https://www2a.cdc.gov/vaccines/iis/iisstandards/vaccines.asp */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, SYSTEM } from '../concepts.js';

export interface Vaccine {
  readonly code: JsonObject;
  /** Ages in years; a yearly one has its first and last age. */
  readonly ages: readonly number[];
  readonly yearly?: readonly [from: number, to: number];
  readonly share: number;
}

function cvx(code: string, display: string): JsonObject {
  return concept(SYSTEM.cvx, code, display);
}

export const VACCINES: readonly Vaccine[] = [
  { code: cvx('08', 'Hep B, adolescent or pediatric'), ages: [0.05, 0.17, 0.6], share: 0.95 },
  { code: cvx('119', 'rotavirus, monovalent'), ages: [0.17, 0.34], share: 0.9 },
  { code: cvx('20', 'DTaP'), ages: [0.17, 0.34, 0.5, 1.3, 5], share: 0.95 },
  { code: cvx('10', 'IPV'), ages: [0.17, 0.34, 0.6, 5], share: 0.95 },
  { code: cvx('133', 'Pneumococcal conjugate PCV 13'), ages: [0.17, 0.34, 0.5, 1.1], share: 0.9 },
  { code: cvx('03', 'MMR'), ages: [1.1, 5], share: 0.95 },
  { code: cvx('21', 'varicella'), ages: [1.2, 5.1], share: 0.92 },
  { code: cvx('83', 'Hep A, ped/adol, 2 dose'), ages: [1.2, 1.8], share: 0.85 },
  { code: cvx('115', 'Tdap'), ages: [11.5, 31, 51, 71], share: 0.8 },
  { code: cvx('114', 'meningococcal MCV4P'), ages: [11.6, 16.2], share: 0.8 },
  { code: cvx('121', 'zoster'), ages: [60.3], share: 0.5 },
  { code: cvx('33', 'pneumococcal polysaccharide vaccine, 23 valent'), ages: [65.4], share: 0.7 },
  {
    code: cvx('140', 'Influenza, seasonal, injectable, preservative free'),
    ages: [],
    yearly: [0.6, 110],
    share: 0.5,
  },
  {
    code: cvx('208', 'COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose'),
    ages: [],
    yearly: [12, 110],
    share: 0.15,
  },
];

export const OBJECTION = concept(
  'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  'PATOBJ',
  'patient objection',
  'Patient objected',
);
