/**
 * Questionnaires that are asked, and answers: PHQ-9, PHQ-2, AUDIT-C, Hunger Vital Sign, and social history.
 * https://loinc.org
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, SYSTEM } from '../concepts.js';

function loinc(code: string, display: string, text?: string): JsonObject {
  return concept(SYSTEM.loinc, code, display, text);
}

export const MOOD_PANEL = loinc('44249-1', 'PHQ-9 quick depression assessment panel [Reported.PHQ]', 'PHQ-9');
export const MOOD_TOTAL = loinc(
  '44261-6',
  'Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]',
);
export const SHORT_MOOD_TOTAL = loinc(
  '55758-7',
  'Patient Health Questionnaire 2 item (PHQ-2) total score [Reported]',
);
export const ALCOHOL_TOTAL = loinc('75626-2', 'Total score [AUDIT-C]');

/** The total score of the PHQ-9 behaves like a measure: see measures.ts. */
export const MOOD_MEASURE = {
  code: MOOD_TOTAL,
  unit: '{score}',
  ucum: '{score}',
  digits: 0,
  mean: 2.5,
  spread: 1.6,
  floor: 0,
  ceiling: 27,
} as const;

export const MOOD_QUESTIONS: readonly JsonObject[] = [
  loinc('44250-9', 'Little interest or pleasure in doing things in last 2 weeks'),
  loinc('44255-8', 'Feeling down, depressed, or hopeless in last 2 weeks'),
  loinc('44259-0', 'Trouble falling or staying asleep, or sleeping too much'),
  loinc('44254-1', 'Feeling tired or having little energy'),
  loinc('44251-7', 'Poor appetite or overeating'),
  loinc(
    '44258-2',
    'Feeling bad about yourself-or that you are a failure or have let yourself or your family down',
  ),
  loinc('44252-5', 'Trouble concentrating on things, such as reading the newspaper or watching television'),
  loinc(
    '44253-3',
    'Moving or speaking so slowly that other people could have noticed. Or the opposite-being so fidgety or restless that you have been moving around a lot more than usual',
  ),
  loinc('44260-8', 'Thoughts that you would be better off dead, or of hurting yourself in some way'),
];

/** Their place is their score. */
export const MOOD_ANSWERS: readonly JsonObject[] = [
  loinc('LA6568-5', 'Not at all'),
  loinc('LA6569-3', 'Several days'),
  loinc('LA6570-1', 'More than half the days'),
  loinc('LA6571-9', 'Nearly every day'),
];

export const HUNGER_PANEL = loinc('88121-9', 'Hunger Vital Sign [HVS]');
export const HUNGER_QUESTIONS: readonly JsonObject[] = [
  loinc('88122-7', '(I/We) worried whether (my/our) food would run out before (I/we) got money to buy more.'),
  loinc('88123-5', "The food that (I/we) bought just didn't last, and (I/we) didn't have money to get more."),
];
export const HUNGER_ANSWERS: readonly JsonObject[] = [
  loinc('LA28398-8', 'Never true'),
  loinc('LA6729-3', 'Sometimes true'),
  loinc('LA28397-0', 'Often true'),
];
export const HUNGER_RISK = loinc('88124-3', 'Food insecurity risk [HVS]');
export const AT_RISK = loinc('LA19952-3', 'At risk');
export const NO_RISK = loinc('LA19983-8', 'No risk');

export const SMOKING = loinc('72166-2', 'Tobacco smoking status');
export const SMOKING_ANSWERS: readonly { readonly weight: number; readonly answer: JsonObject }[] = [
  {
    weight: 62,
    answer: concept(SYSTEM.snomed, '266919005', 'Never smoked tobacco (finding)', 'Never smoker'),
  },
  { weight: 22, answer: concept(SYSTEM.snomed, '8517006', 'Ex-smoker (finding)', 'Former smoker') },
  {
    weight: 11,
    answer: concept(SYSTEM.snomed, '449868002', 'Smokes tobacco daily (finding)', 'Daily smoker'),
  },
  {
    weight: 5,
    answer: concept(
      SYSTEM.snomed,
      '428041000124106',
      'Occasional tobacco smoker (finding)',
      'Occasional smoker',
    ),
  },
];

export const OCCUPATION = loinc('11341-5', 'History of Occupation');
export const PREGNANCY = loinc('82810-3', 'Pregnancy status');
export const PREGNANT = concept(SYSTEM.snomed, '77386006', 'Pregnancy (finding)', 'Pregnant');
export const NOT_PREGNANT = concept(SYSTEM.snomed, '60001007', 'Not pregnant (finding)', 'Not pregnant');
export const PREGNANCY_INTENT = loinc('86645-9', 'Pregnancy intention in the next year - Reported');
export const INTENT_UNSURE = concept(
  SYSTEM.snomed,
  '454381000124105',
  'Not sure of desire to become pregnant (finding)',
  'Not sure',
);
export const ORIENTATION = loinc('76690-7', 'Sexual orientation');
export const ORIENTATIONS: readonly { readonly weight: number; readonly answer: JsonObject }[] = [
  { weight: 80, answer: concept(SYSTEM.snomed, '20430005', 'Heterosexual (finding)', 'Heterosexual') },
  { weight: 6, answer: concept(SYSTEM.snomed, '38628009', 'Homosexual (finding)', 'Homosexual') },
  { weight: 4, answer: concept(SYSTEM.snomed, '42035005', 'Bisexual (finding)', 'Bisexual') },
  { weight: 10, answer: concept(SYSTEM.nullFlavor, 'ASKU', 'asked but unknown', 'Asked but not answered') },
];
export const TRANSPORT = concept(
  SYSTEM.snomed,
  '160695008',
  'Transport too expensive (finding)',
  'Transport too expensive',
);
