/**
 * What the practitioners of a site are, and the programmes that pay.
 * Role codes are those of the NUCC provider taxonomy: https://taxonomy.nucc.org
 */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, SYSTEM } from '../concepts.js';

export interface Post {
  readonly role: JsonObject;
  readonly specialty: JsonObject;
  readonly prefix: string;
  readonly suffix: string;
}

function post(code: string, display: string, specialty: string, suffix = 'MD'): Post {
  return {
    role: concept(SYSTEM.taxonomy, code, display),
    specialty: concept(SYSTEM.taxonomy, code, display, specialty),
    prefix: suffix === 'MD' ? 'Dr.' : 'Mx.',
    suffix,
  };
}

/** One practitioner each at every site, in this order. */
export const POSTS: readonly Post[] = [
  post('207Q00000X', 'Family Medicine Physician', 'Family medicine'),
  post('207R00000X', 'Internal Medicine Physician', 'Internal medicine'),
  post('208000000X', 'Pediatrics Physician', 'Pediatrics'),
  post('363LF0000X', 'Family Nurse Practitioner', 'Family medicine', 'NP'),
  post('207RC0000X', 'Cardiovascular Disease Physician', 'Cardiology'),
  post('207RE0101X', 'Endocrinology, Diabetes & Metabolism Physician', 'Endocrinology'),
  post('207V00000X', 'Obstetrics & Gynecology Physician', 'Obstetrics and gynecology'),
  post('2084P0800X', 'Psychiatry Physician', 'Psychiatry'),
  post('207P00000X', 'Emergency Medicine Physician', 'Emergency medicine'),
  post('2085R0202X', 'Diagnostic Radiology Physician', 'Radiology'),
  post('208600000X', 'Surgery Physician', 'Surgery'),
  post('183500000X', 'Pharmacist', 'Pharmacy', 'PharmD'),
];

/** Places of POSTS that a visit of some kind is made to. */
export const POST = {
  family: 0,
  internal: 1,
  pediatrics: 2,
  nurse: 3,
  cardiology: 4,
  endocrinology: 5,
  obstetrics: 6,
  psychiatry: 7,
  emergency: 8,
  radiology: 9,
  surgery: 10,
  pharmacist: 11,
} as const;

export interface Payer {
  readonly weight: number;
  readonly name: string;
  /** Kind of coverage. */
  readonly type: JsonObject;
  readonly plan: string;
}

export const PAYERS: readonly Payer[] = [
  {
    weight: 30,
    name: 'Harborlight Health Plan',
    type: concept(SYSTEM.actCode, 'PPO', 'preferred provider organization policy', 'PPO'),
    plan: 'Harborlight Choice',
  },
  {
    weight: 30,
    name: 'Tidewater Mutual',
    type: concept(SYSTEM.actCode, 'HMO', 'health maintenance organization policy', 'HMO'),
    plan: 'Tidewater Care Network',
  },
  {
    weight: 20,
    name: 'Lighthouse Employers Trust',
    type: concept(SYSTEM.actCode, 'EHCPOL', 'extended healthcare', 'Extended healthcare'),
    plan: 'Lighthouse Staff Plan',
  },
  {
    weight: 20,
    name: 'Public Health Programme',
    type: concept(SYSTEM.actCode, 'PUBLICPOL', 'public healthcare', 'Public healthcare'),
    plan: 'Public Basic',
  },
];
