/** Procedures, implants and referrals. Codes are SNOMED CT's. */
import type { JsonObject } from '../../fhir/format/json.js';
import { concept, SYSTEM } from '../concepts.js';

function snomed(code: string, display: string, text: string): JsonObject {
  return concept(SYSTEM.snomed, code, display, text);
}

export interface ProcedureKind {
  readonly code: JsonObject;
  /** Ages, and the share of check-ups at which it is ordered. */
  readonly ages: readonly [number, number];
  readonly share: number;
  readonly category: JsonObject;
}

const DIAGNOSTIC = snomed('103693007', 'Diagnostic procedure (procedure)', 'Diagnostic procedure');
const COUNSELLING = snomed('409063005', 'Counseling (procedure)', 'Counselling');

export const PROCEDURES: readonly ProcedureKind[] = [
  {
    code: snomed('73761001', 'Colonoscopy (procedure)', 'Colonoscopy'),
    ages: [45, 80],
    share: 0.12,
    category: DIAGNOSTIC,
  },
  {
    code: snomed('29303009', 'Electrocardiographic procedure (procedure)', 'Electrocardiogram'),
    ages: [40, 100],
    share: 0.16,
    category: DIAGNOSTIC,
  },
  {
    code: snomed('23426006', 'Measurement of respiratory function (procedure)', 'Spirometry'),
    ages: [6, 100],
    share: 0.05,
    category: DIAGNOSTIC,
  },
  {
    code: snomed('428191000124101', 'Documentation of current medications (procedure)', 'Medication review'),
    ages: [0, 110],
    share: 0.2,
    category: COUNSELLING,
  },
  {
    code: snomed('171207006', 'Depression screening (procedure)', 'Depression screening'),
    ages: [12, 100],
    share: 0.15,
    category: COUNSELLING,
  },
];

export const SURGERY = snomed('387713003', 'Surgical procedure (procedure)', 'Surgery');
export const PACEMAKER_INSERTION = snomed(
  '25267002',
  'Insertion of intracardiac pacemaker (procedure)',
  'Insertion of a pacemaker',
);
export const PACEMAKER = snomed('706004007', 'Implantable cardiac pacemaker (physical object)', 'Pacemaker');

export const REFERRALS: readonly JsonObject[] = [
  snomed('306206005', 'Referral to service (procedure)', 'Referral'),
  snomed('103696004', 'Patient referral to specialist (procedure)', 'Referral to a specialist'),
];
export const SDOH_REFERRAL = snomed(
  '467771000124109',
  'Assistance with application for food pantry program (procedure)',
  'Help with a food pantry application',
);
