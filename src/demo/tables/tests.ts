/**
 * What is measured: vital signs and laboratory tests with LOINC codes, UCUM units, reference ranges and how healthy
 * adults spread.
 * https://hl7.org/fhir/R4/observation-vitalsigns.html, https://loinc.org
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { coding, concept, concepts, quantity, SYSTEM } from '../concepts.js';

export interface Measure {
  readonly code: JsonObject;
  readonly unit: string;
  readonly ucum: string;
  readonly digits: number;
  /** What healthy people have, and the spread between people; a person's own values move by a third of it. */
  readonly mean: number;
  readonly spread: number;
  /** Values outside of this cannot be. */
  readonly floor: number;
  readonly ceiling: number;
  /** Hardly moves from day to day. */
  readonly steady?: boolean;
  /** As a laboratory prints it beside the result. */
  readonly low?: number;
  readonly high?: number;
  readonly referenceRange?: JsonObject;
}

type Row = readonly [
  loinc: string,
  display: string,
  unit: string,
  ucum: string,
  digits: number,
  mean: number,
  spread: number,
  floor: number,
  ceiling: number,
  low?: number | undefined,
  high?: number | undefined,
];

function measure(row: Row, code: JsonObject = concept(SYSTEM.loinc, row[0], row[1])): Measure {
  const [, , unit, ucum, digits, mean, spread, floor, ceiling, low, high] = row;
  return {
    code,
    unit,
    ucum,
    digits,
    mean,
    spread,
    floor,
    ceiling,
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    ...(low === undefined && high === undefined
      ? {}
      : {
          referenceRange: Object.freeze({
            ...(low === undefined ? {} : { low: quantity(low, unit, ucum) }),
            ...(high === undefined ? {} : { high: quantity(high, unit, ucum) }),
          }),
        }),
  };
}

function steady(row: Row): Measure {
  return { ...measure(row), steady: true };
}

export const VITALS = {
  systolic: measure(['8480-6', 'Systolic blood pressure', 'mmHg', 'mm[Hg]', 0, 117, 9, 70, 230]),
  diastolic: measure(['8462-4', 'Diastolic blood pressure', 'mmHg', 'mm[Hg]', 0, 75, 6, 40, 130]),
  heartRate: measure(['8867-4', 'Heart rate', 'beats/minute', '/min', 0, 72, 8, 40, 190]),
  respiratoryRate: measure(['9279-1', 'Respiratory rate', 'breaths/minute', '/min', 0, 15, 1.6, 8, 60]),
  temperature: measure(['8310-5', 'Body temperature', 'Cel', 'Cel', 1, 36.8, 0.25, 35, 41]),
  oxygenSaturation: measure(
    ['59408-5', 'Oxygen saturation', '%', '%', 0, 97.8, 0.9, 80, 100],
    concepts(
      'Oxygen saturation',
      coding(SYSTEM.loinc, '59408-5', 'Oxygen saturation in Arterial blood by Pulse oximetry'),
      coding(SYSTEM.loinc, '2708-6', 'Oxygen saturation in Arterial blood'),
    ),
  ),
  height: measure(['8302-2', 'Body height', 'cm', 'cm', 1, 100, 0, 40, 215]),
  weight: measure(['29463-7', 'Body weight', 'kg', 'kg', 1, 100, 0, 2, 260]),
  bodyMassIndex: steady(['39156-5', 'Body mass index (BMI) [Ratio]', 'kg/m2', 'kg/m2', 1, 24.4, 2.6, 12, 62]),
  headCircumference: measure([
    '9843-4',
    'Head Occipital-frontal circumference',
    'cm',
    'cm',
    1,
    44,
    1.2,
    32,
    54,
  ]),
} as const;

export const BLOOD_PRESSURE = concept(
  SYSTEM.loinc,
  '85354-9',
  'Blood pressure panel with all children optional',
  'Blood pressure',
);

/** Percentiles that pediatricians record; their own US Core profiles. */
export const PERCENTILES = {
  bodyMassIndex: {
    profile: 'pediatric-bmi-for-age',
    code: concept(SYSTEM.loinc, '59576-9', 'Body mass index (BMI) [Percentile] Per age and sex'),
  },
  weightForLength: {
    profile: 'pediatric-weight-for-height',
    code: concept(SYSTEM.loinc, '77606-2', 'Weight-for-length Per age and sex'),
  },
  headCircumference: {
    profile: 'head-occipital-frontal-circumference-percentile',
    code: concept(SYSTEM.loinc, '8289-1', 'Head Occipital-frontal circumference Percentile'),
  },
} as const;

const SERUM = 'in Serum or Plasma';

export const LABS = {
  glucose: measure(['2345-7', `Glucose [Mass/volume] ${SERUM}`, 'mg/dL', 'mg/dL', 0, 91, 7, 40, 500, 70, 99]),
  ureaNitrogen: measure([
    '3094-0',
    `Urea nitrogen [Mass/volume] ${SERUM}`,
    'mg/dL',
    'mg/dL',
    0,
    14,
    3,
    4,
    120,
    7,
    20,
  ]),
  creatinine: measure([
    '2160-0',
    `Creatinine [Mass/volume] ${SERUM}`,
    'mg/dL',
    'mg/dL',
    2,
    0.88,
    0.13,
    0.2,
    12,
    0.6,
    1.2,
  ]),
  filtrationRate: measure([
    '98979-8',
    'Glomerular filtration rate [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)/1.73 sq M',
    'mL/min/{1.73_m2}',
    'mL/min/{1.73_m2}',
    0,
    96,
    10,
    5,
    140,
    60,
  ]),
  calcium: measure([
    '17861-6',
    `Calcium [Mass/volume] ${SERUM}`,
    'mg/dL',
    'mg/dL',
    1,
    9.5,
    0.3,
    6,
    14,
    8.5,
    10.2,
  ]),
  sodium: measure([
    '2951-2',
    `Sodium [Moles/volume] ${SERUM}`,
    'mmol/L',
    'mmol/L',
    0,
    140,
    1.8,
    115,
    165,
    136,
    145,
  ]),
  potassium: measure([
    '2823-3',
    `Potassium [Moles/volume] ${SERUM}`,
    'mmol/L',
    'mmol/L',
    1,
    4.2,
    0.28,
    2.4,
    7.2,
    3.5,
    5.1,
  ]),
  carbonDioxide: measure([
    '2028-9',
    `Carbon dioxide, total [Moles/volume] ${SERUM}`,
    'mmol/L',
    'mmol/L',
    0,
    25,
    1.7,
    10,
    42,
    22,
    29,
  ]),
  chloride: measure([
    '2075-0',
    `Chloride [Moles/volume] ${SERUM}`,
    'mmol/L',
    'mmol/L',
    0,
    102,
    2,
    80,
    125,
    98,
    107,
  ]),
  cholesterol: measure([
    '2093-3',
    `Cholesterol [Mass/volume] ${SERUM}`,
    'mg/dL',
    'mg/dL',
    0,
    176,
    20,
    80,
    420,
    undefined,
    200,
  ]),
  triglycerides: measure([
    '2571-8',
    `Triglyceride [Mass/volume] ${SERUM}`,
    'mg/dL',
    'mg/dL',
    0,
    104,
    26,
    30,
    900,
    undefined,
    150,
  ]),
  hdl: measure([
    '2085-9',
    `Cholesterol in HDL [Mass/volume] ${SERUM}`,
    'mg/dL',
    'mg/dL',
    0,
    55,
    9,
    18,
    110,
    40,
  ]),
  ldl: measure([
    '13457-7',
    `Cholesterol in LDL [Mass/volume] ${SERUM} by calculation`,
    'mg/dL',
    'mg/dL',
    0,
    101,
    18,
    20,
    320,
    undefined,
    130,
  ]),
  hemoglobinA1c: measure([
    '4548-4',
    'Hemoglobin A1c/Hemoglobin.total in Blood',
    '%',
    '%',
    1,
    5.3,
    0.22,
    4,
    15,
    4,
    5.6,
  ]),
  urineAlbumin: measure([
    '9318-7',
    'Albumin/Creatinine [Mass Ratio] in Urine',
    'mg/g',
    'mg/g',
    0,
    9,
    4,
    1,
    900,
    undefined,
    30,
  ]),
  thyrotropin: measure([
    '3016-3',
    `Thyrotropin [Units/volume] ${SERUM}`,
    'm[IU]/L',
    'm[IU]/L',
    2,
    2.0,
    0.6,
    0.05,
    60,
    0.4,
    4.5,
  ]),
  leukocytes: measure([
    '6690-2',
    'Leukocytes [#/volume] in Blood by Automated count',
    '10*3/uL',
    '10*3/uL',
    1,
    6.9,
    1.2,
    1.5,
    30,
    4.5,
    11,
  ]),
  erythrocytes: measure([
    '789-8',
    'Erythrocytes [#/volume] in Blood by Automated count',
    '10*6/uL',
    '10*6/uL',
    2,
    4.75,
    0.3,
    2.2,
    7,
    4.1,
    5.6,
  ]),
  hemoglobin: measure([
    '718-7',
    'Hemoglobin [Mass/volume] in Blood',
    'g/dL',
    'g/dL',
    1,
    14.2,
    0.9,
    5.5,
    19,
    12.5,
    17,
  ]),
  hematocrit: measure([
    '4544-3',
    'Hematocrit [Volume Fraction] of Blood by Automated count',
    '%',
    '%',
    1,
    42.3,
    2.4,
    18,
    58,
    37,
    50,
  ]),
  meanVolume: measure([
    '787-2',
    'MCV [Entitic mean volume] in Red Blood Cells by Automated count',
    'fL',
    'fL',
    1,
    89.5,
    3.5,
    58,
    120,
    80,
    100,
  ]),
  platelets: measure([
    '777-3',
    'Platelets [#/volume] in Blood by Automated count',
    '10*3/uL',
    '10*3/uL',
    0,
    248,
    42,
    20,
    800,
    150,
    400,
  ]),
  urinePh: measure(['5803-2', 'pH of Urine by Test strip', '[pH]', '[pH]', 1, 6.1, 0.5, 4.5, 9, 5, 8]),
  urineGravity: measure([
    '5811-5',
    'Specific gravity of Urine by Test strip',
    '{ratio}',
    '{ratio}',
    3,
    1.017,
    0.005,
    1.001,
    1.04,
    1.005,
    1.03,
  ]),
} as const;

export type LabName = keyof typeof LABS;

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
