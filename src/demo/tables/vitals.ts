/** Vital signs. https://hl7.org/fhir/R4/observation-vitalsigns.html */
import { coding, concept, concepts, SYSTEM } from '../concepts.js';
import { measure, steady } from './measure.js';

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
