/**
 * What is prescribed: RxNorm clinical drugs and how they are taken.
 * https://www.nlm.nih.gov/research/umls/rxnorm
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, quantity, SYSTEM } from '../concepts.js';

export interface Drug {
  readonly code: JsonObject;
  readonly dosage: readonly JsonObject[];
  /** Days that one filling lasts. */
  readonly days: number;
  /** What a filling holds. */
  readonly filling: JsonObject;
}

const ORAL = concept(SYSTEM.snomed, '26643006', 'Oral route (qualifier value)', 'by mouth');
const INHALED = concept(SYSTEM.snomed, '447694001', 'Respiratory tract route (qualifier value)', 'inhaled');
const SKIN = concept(SYSTEM.snomed, '6064005', 'Topical route (qualifier value)', 'on the skin');
const UNDER_SKIN = concept(
  SYSTEM.snomed,
  '34206005',
  'Subcutaneous route (qualifier value)',
  'under the skin',
);

function drug(
  rxnorm: string,
  name: string,
  dose: readonly [amount: number, unit: string, timesADay: number],
  days: number,
  route: JsonObject = ORAL,
): Drug {
  const [amount, unit, frequency] = dose;
  const often = frequency === 1 ? 'once' : frequency === 2 ? 'twice' : `${frequency} times`;
  return {
    code: concept(SYSTEM.rxnorm, rxnorm, name),
    dosage: [
      {
        sequence: 1,
        text: `${amount} ${unit}${amount === 1 ? '' : 's'} ${often} a day`,
        timing: { repeat: { frequency, period: 1, periodUnit: 'd' } },
        route,
        doseAndRate: [{ doseQuantity: quantity(amount, unit, `{${unit.replace(' ', '_')}}`) }],
      },
    ],
    days,
    filling: quantity(amount * frequency * days, unit, `{${unit.replace(' ', '_')}}`),
  };
}

export const DRUGS = {
  lisinopril: drug('314076', 'lisinopril 10 MG Oral Tablet', [1, 'tablet', 1], 90),
  amlodipine: drug('197361', 'amlodipine 5 MG Oral Tablet', [1, 'tablet', 1], 90),
  hydrochlorothiazide: drug('310798', 'hydrochlorothiazide 25 MG Oral Tablet', [1, 'tablet', 1], 90),
  metformin: drug(
    '860975',
    '24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet',
    [2, 'tablet', 1],
    90,
  ),
  insulin: drug(
    '106892',
    'insulin human, isophane 70 UNT/ML / insulin, regular, human 30 UNT/ML Injectable Suspension [Humulin]',
    [14, 'unit', 2],
    30,
    UNDER_SKIN,
  ),
  simvastatin: drug('312961', 'simvastatin 20 MG Oral Tablet', [1, 'tablet', 1], 90),
  atorvastatin: drug('259255', 'atorvastatin 80 MG Oral Tablet', [1, 'tablet', 1], 90),
  albuterol: drug(
    '745679',
    '200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler',
    [2, 'puff', 4],
    25,
    INHALED,
  ),
  fluticasone: drug(
    '895994',
    '120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler',
    [2, 'puff', 2],
    30,
    INHALED,
  ),
  fluticasoneSalmeterol: drug(
    '896209',
    '60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler',
    [1, 'puff', 2],
    30,
    INHALED,
  ),
  sertraline: drug('312941', 'sertraline 50 MG Oral Tablet', [1, 'tablet', 1], 30),
  fluoxetine: drug('310385', 'fluoxetine 20 MG Oral Capsule', [1, 'capsule', 1], 30),
  levothyroxine: drug('966222', 'levothyroxine sodium 0.075 MG Oral Tablet', [1, 'tablet', 1], 90),
  ferrousSulfate: drug('310325', 'ferrous sulfate 325 MG Oral Tablet', [1, 'tablet', 2], 60),
  warfarin: drug('855332', 'warfarin sodium 5 MG Oral Tablet', [1, 'tablet', 1], 30),
  digoxin: drug('197604', 'digoxin 0.125 MG Oral Tablet', [1, 'tablet', 1], 30),
  naproxen: drug('198014', 'naproxen 500 MG Oral Tablet', [1, 'tablet', 2], 30),
  ibuprofen: drug('310965', 'ibuprofen 200 MG Oral Tablet', [2, 'tablet', 3], 10),
  acetaminophen: drug('313782', 'acetaminophen 325 MG Oral Tablet', [2, 'tablet', 4], 7),
  amoxicillin: drug('308182', 'amoxicillin 250 MG Oral Capsule', [1, 'capsule', 3], 10),
  amoxicillinClavulanate: drug(
    '562251',
    'amoxicillin 250 MG / clavulanate 125 MG Oral Tablet',
    [1, 'tablet', 2],
    10,
  ),
  nitrofurantoin: drug('311995', 'nitrofurantoin, macrocrystals 50 MG Oral Capsule', [1, 'capsule', 4], 7),
  hydrocortisone: drug('106258', 'hydrocortisone 10 MG/ML Topical Cream', [1, 'application', 2], 10, SKIN),
} as const satisfies Record<string, Drug>;

export type DrugName = keyof typeof DRUGS;

export const DRUG_NAMES = Object.keys(DRUGS) as readonly DrugName[]; // the keys of a constant are its type's
