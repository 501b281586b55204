/** Circumstances of life that are recorded as concerns, and allergies. Codes are SNOMED CT's and RxNorm's. */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, SYSTEM } from '../concepts.js';

/** Health concerns about how a person lives. */
export const CONCERNS: readonly JsonObject[] = [
  concept(SYSTEM.snomed, '733423003', 'Food insecurity (finding)', 'Food insecurity'),
  concept(SYSTEM.snomed, '160695008', 'Transport too expensive (finding)', 'Transport too expensive'),
  concept(SYSTEM.snomed, '422650009', 'Social isolation (finding)', 'Social isolation'),
  concept(SYSTEM.snomed, '73595000', 'Stress (finding)', 'Stress'),
  concept(SYSTEM.snomed, '73438004', 'Unemployed (finding)', 'Unemployed'),
];

export interface Allergen {
  readonly weight: number;
  readonly category: 'medication' | 'food' | 'environment';
  readonly code: JsonObject;
  readonly reaction: JsonObject;
}

const RASH = concept(SYSTEM.snomed, '271807003', 'Eruption of skin (disorder)', 'Rash');
const HIVES = concept(SYSTEM.snomed, '247472004', 'Wheal (finding)', 'Hives');
const SNEEZING = concept(SYSTEM.snomed, '76067001', 'Sneezing (finding)', 'Sneezing');
const NAUSEA = concept(SYSTEM.snomed, '422587007', 'Nausea (finding)', 'Nausea');

export const ALLERGENS: readonly Allergen[] = [
  {
    weight: 5,
    category: 'medication',
    code: concept(
      SYSTEM.snomed,
      '764146007',
      'Substance with penicillin structure and antibacterial mechanism of action (substance)',
      'Penicillin',
    ),
    reaction: RASH,
  },
  {
    weight: 3,
    category: 'medication',
    code: concept(SYSTEM.rxnorm, '1191', 'aspirin'),
    reaction: NAUSEA,
  },
  {
    weight: 3,
    category: 'food',
    code: concept(SYSTEM.snomed, '762952008', 'Peanut (substance)', 'Peanuts'),
    reaction: HIVES,
  },
  {
    weight: 2,
    category: 'food',
    code: concept(SYSTEM.snomed, '102263004', 'Eggs (edible) (substance)', 'Eggs'),
    reaction: HIVES,
  },
  {
    weight: 4,
    category: 'environment',
    code: concept(SYSTEM.snomed, '256277009', 'Grass pollen (substance)', 'Grass pollen'),
    reaction: SNEEZING,
  },
];

export const NO_KNOWN_ALLERGY = concept(
  SYSTEM.snomed,
  '716186003',
  'No known allergy (situation)',
  'No known allergies',
);
