/**
 * Long-lasting diseases of the population: how common by age, what they do to laboratory results and vital signs,
 * what is prescribed for them.
 *
 * The shifts are in the units of the tables of tests; `perYear` is the drift while the disease lasts, `treated` what
 * treatment has taken away again after a year.
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { coding, concepts, SYSTEM } from '../concepts.js';
import type { DrugName } from './drugs.js';

export interface Effect {
  readonly shift: number;
  readonly perYear?: number;
  readonly treated?: number;
}

export interface Disease {
  readonly code: JsonObject;
  /** Nobody has it below this age. */
  readonly from: number;
  /** Share of people who have it at age `from`, and at 80. */
  readonly share: readonly [young: number, old: number];
  /** By the name of the test. */
  readonly effects: Readonly<Record<string, Effect>>;
  readonly drugs: readonly DrugName[];
  /** Visits a year on its account. */
  readonly visits: number;
  /** What the care plan aims at. */
  readonly goal?: string;
}

function code(
  text: string,
  snomed: string,
  snomedDisplay: string,
  icd10: string,
  icd10Display: string,
): JsonObject {
  return concepts(
    text,
    coding(SYSTEM.snomed, snomed, snomedDisplay),
    coding(SYSTEM.icd10, icd10, icd10Display),
  );
}

export const DISEASES = {
  diabetes: {
    code: code(
      'Type 2 diabetes mellitus',
      '44054006',
      'Diabetes mellitus type 2 (disorder)',
      'E11.9',
      'Type 2 diabetes mellitus without complications',
    ),
    from: 30,
    share: [0.03, 0.24],
    effects: {
      hemoglobinA1c: { shift: 2.6, perYear: 0.1, treated: -1.3 },
      glucose: { shift: 62, perYear: 2, treated: -28 },
      urineAlbumin: { shift: 25, perYear: 4 },
      triglycerides: { shift: 40, treated: -15 },
    },
    drugs: ['metformin', 'insulin'],
    visits: 1.2,
    goal: 'Hemoglobin A1c below 7 %',
  },
  hypertension: {
    code: code(
      'High blood pressure',
      '59621000',
      'Essential hypertension (disorder)',
      'I10',
      'Essential (primary) hypertension',
    ),
    from: 25,
    share: [0.04, 0.62],
    effects: {
      systolic: { shift: 27, perYear: 0.6, treated: -18 },
      diastolic: { shift: 14, perYear: 0.2, treated: -9 },
      creatinine: { shift: 0.08 },
    },
    drugs: ['lisinopril', 'amlodipine', 'hydrochlorothiazide'],
    visits: 0.8,
    goal: 'Blood pressure below 130/80 mmHg',
  },
  hyperlipidemia: {
    code: code(
      'High cholesterol',
      '55822004',
      'Hyperlipidemia (disorder)',
      'E78.5',
      'Hyperlipidemia, unspecified',
    ),
    from: 30,
    share: [0.08, 0.48],
    effects: {
      cholesterol: { shift: 55, treated: -48 },
      triglycerides: { shift: 55, treated: -22 },
    },
    drugs: ['simvastatin', 'atorvastatin'],
    visits: 0.4,
    goal: 'LDL cholesterol below 100 mg/dL',
  },
  kidneyDisease: {
    code: code(
      'Chronic kidney disease stage 3',
      '433144002',
      'Chronic kidney disease stage 3 (disorder)',
      'N18.30',
      'Chronic kidney disease, stage 3 unspecified',
    ),
    from: 50,
    share: [0.02, 0.18],
    effects: {
      creatinine: { shift: 0.7, perYear: 0.05 },
      filtrationRate: { shift: -45, perYear: -1.5 },
      ureaNitrogen: { shift: 13, perYear: 0.6 },
      potassium: { shift: 0.4 },
      hemoglobin: { shift: -1.1, perYear: -0.08 },
    },
    drugs: ['lisinopril'],
    visits: 0.6,
  },
  obesity: {
    code: code('Obesity', '414916001', 'Obesity (disorder)', 'E66.9', 'Obesity, unspecified'),
    from: 10,
    share: [0.16, 0.38],
    effects: { bodyMassIndex: { shift: 9, perYear: 0.15 }, systolic: { shift: 4 }, glucose: { shift: 6 } },
    drugs: [],
    visits: 0.1,
    goal: 'Body weight 5 % lower within a year',
  },
  asthma: {
    code: code('Asthma', '195967001', 'Asthma (disorder)', 'J45.909', 'Unspecified asthma, uncomplicated'),
    from: 3,
    share: [0.09, 0.08],
    effects: { respiratoryRate: { shift: 1.5 }, oxygenSaturation: { shift: -0.8 } },
    drugs: ['albuterol', 'fluticasone'],
    visits: 0.5,
  },
  depression: {
    code: code(
      'Depression',
      '370143000',
      'Major depressive disorder (disorder)',
      'F32.9',
      'Major depressive disorder, single episode, unspecified',
    ),
    from: 15,
    share: [0.08, 0.07],
    effects: { moodScore: { shift: 12, treated: -4 } },
    drugs: ['sertraline', 'fluoxetine'],
    visits: 0.9,
    goal: 'PHQ-9 total score below 5',
  },
  hypothyroidism: {
    code: code(
      'Hypothyroidism',
      '40930008',
      'Hypothyroidism (disorder)',
      'E03.9',
      'Hypothyroidism, unspecified',
    ),
    from: 20,
    share: [0.02, 0.1],
    effects: { thyrotropin: { shift: 5.5, treated: -4.8 }, heartRate: { shift: -4, treated: 3 } },
    drugs: ['levothyroxine'],
    visits: 0.3,
  },
  anemia: {
    code: code(
      'Iron deficiency anemia',
      '87522002',
      'Iron deficiency anemia (disorder)',
      'D50.9',
      'Iron deficiency anemia, unspecified',
    ),
    from: 12,
    share: [0.04, 0.07],
    effects: {
      hemoglobin: { shift: -3.2, treated: 2.4 },
    },
    drugs: ['ferrousSulfate'],
    visits: 0.3,
  },
  lungDisease: {
    code: code(
      'COPD',
      '13645005',
      'Chronic obstructive lung disease (disorder)',
      'J44.9',
      'Chronic obstructive pulmonary disease, unspecified',
    ),
    from: 45,
    share: [0.02, 0.13],
    effects: { oxygenSaturation: { shift: -3.5, perYear: -0.15 }, respiratoryRate: { shift: 3 } },
    drugs: ['fluticasoneSalmeterol', 'albuterol'],
    visits: 0.6,
  },
  atrialFibrillation: {
    code: code(
      'Atrial fibrillation',
      '49436004',
      'Atrial fibrillation (disorder)',
      'I48.91',
      'Unspecified atrial fibrillation',
    ),
    from: 55,
    share: [0.01, 0.11],
    effects: { heartRate: { shift: 14, treated: -8 } },
    drugs: ['warfarin', 'digoxin'],
    visits: 0.7,
  },
  kneeArthrosis: {
    code: code(
      'Osteoarthritis of knee',
      '239873007',
      'Osteoarthritis of knee (disorder)',
      'M17.9',
      'Osteoarthritis of knee, unspecified',
    ),
    from: 45,
    share: [0.05, 0.26],
    effects: {},
    drugs: ['naproxen'],
    visits: 0.2,
  },
} as const satisfies Record<string, Disease>;

export type DiseaseName = keyof typeof DISEASES;

export const DISEASE_NAMES = Object.keys(DISEASES) as readonly DiseaseName[]; // the keys of a constant are its type's

export interface Complaint {
  readonly weight: number;
  readonly code: JsonObject;
  /** How long it lasts, days. */
  readonly days: number;
  readonly drug?: DrugName;
  readonly fever?: boolean;
  /** Only among people of this age. */
  readonly ages?: readonly [number, number];
}

/** Short illnesses: what an unplanned visit is about. */
export const COMPLAINTS: readonly Complaint[] = [
  {
    weight: 5,
    code: code(
      'Acute bronchitis',
      '10509002',
      'Acute bronchitis (disorder)',
      'J20.9',
      'Acute bronchitis, unspecified',
    ),
    days: 14,
    drug: 'acetaminophen',
    fever: true,
  },
  {
    weight: 6,
    code: code(
      'Sore throat',
      '195662009',
      'Acute viral pharyngitis (disorder)',
      'J02.9',
      'Acute pharyngitis, unspecified',
    ),
    days: 8,
    fever: true,
  },
  {
    weight: 3,
    code: code(
      'Urinary tract infection',
      '68566005',
      'Urinary tract infectious disease (disorder)',
      'N39.0',
      'Urinary tract infection, site not specified',
    ),
    days: 9,
    drug: 'nitrofurantoin',
    ages: [16, 120],
  },
  {
    weight: 4,
    code: code(
      'Ear infection',
      '65363002',
      'Otitis media (disorder)',
      'H66.90',
      'Otitis media, unspecified, unspecified ear',
    ),
    days: 10,
    drug: 'amoxicillin',
    fever: true,
    ages: [0, 14],
  },
  {
    weight: 4,
    code: code('Sinusitis', '36971009', 'Sinusitis (disorder)', 'J32.9', 'Chronic sinusitis, unspecified'),
    days: 16,
    drug: 'amoxicillinClavulanate',
  },
  {
    weight: 3,
    code: code(
      'Low back pain',
      '279039007',
      'Low back pain (finding)',
      'M54.50',
      'Low back pain, unspecified',
    ),
    days: 30,
    drug: 'ibuprofen',
    ages: [18, 120],
  },
  {
    weight: 2,
    code: code(
      'Sprained ankle',
      '44465007',
      'Sprain of ankle (disorder)',
      'S93.409A',
      'Sprain of unspecified ligament of unspecified ankle, initial encounter',
    ),
    days: 24,
    drug: 'ibuprofen',
    ages: [5, 80],
  },
  {
    weight: 2,
    code: code(
      'Skin rash',
      '40275004',
      'Contact dermatitis (disorder)',
      'L25.9',
      'Unspecified contact dermatitis, unspecified cause',
    ),
    days: 12,
    drug: 'hydrocortisone',
  },
];
