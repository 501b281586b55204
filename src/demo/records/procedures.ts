/**
 * Procedures, the orders behind them, and implants.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-procedure.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { type Chart, isGap } from '../chart.js';
import { ABSENT, concept, profile, SYSTEM } from '../concepts.js';
import { reference } from '../identity.js';
import { ageAt } from '../person.js';
import {
  PACEMAKER,
  PACEMAKER_INSERTION,
  PROCEDURES,
  REFERRALS,
  SDOH_REFERRAL,
  SURGERY,
} from '../tables/procedures.js';
import { POST } from '../tables/staff.js';
import { VISIT_KINDS } from '../tables/visit-kinds.js';
import { DAY, dateText, dateTimeText, HOUR, MINUTE, YEAR } from '../time.js';
import type { Visit } from '../visits.js';

const META = profile('procedure');
const ORDER_META = profile('servicerequest');
const DEVICE_META = profile('implantable-device');
const ORDER_CATEGORY = [
  concept(SYSTEM.snomed, '386053000', 'Evaluation procedure (procedure)', 'Evaluation'),
];
const REFERRAL_CATEGORY = [concept(SYSTEM.snomed, '3457005', 'Patient referral (procedure)', 'Referral')];
const SDOH_CATEGORY = [concept(SYSTEM.usCoreCategory, 'sdoh', 'SDOH')];

export function procedures(chart: Chart): ResourceObject[] {
  const found: ResourceObject[] = [];
  for (const visit of chart.visits) {
    if (visit.kind !== VISIT_KINDS.checkUp) continue;
    const age = ageAt(chart.person, visit.at);
    for (const { code, ages, share, category } of PROCEDURES) {
      if (age < ages[0] || age > ages[1] || !chart.random.chance(share)) continue;
      const order = serviceRequest(chart, visit, code, ORDER_CATEGORY, 'completed');
      const basedOn = [reference('ServiceRequest', String(order.id))];
      const gap = isGap(chart, 0);
      found.push(order, procedure(chart, visit, { code, category, basedOn, gap }));
    }
    if (chart.random.chance(0.12)) {
      const code = chart.random.pick(REFERRALS);
      found.push(serviceRequest(chart, visit, code, REFERRAL_CATEGORY, 'active'));
    }
  }
  const latest = chart.visits.at(-1);
  if (latest === undefined) return found;
  if (chart.showcase.thorough === true)
    found.push(serviceRequest(chart, latest, SDOH_REFERRAL, SDOH_CATEGORY, 'active'));
  if (chart.showcase.gaps === true) found.push(gapProcedure(chart, latest));
  return [...found, ...implant(chart, latest)];
}

interface Details {
  readonly code: JsonObject;
  readonly category: JsonObject;
  readonly basedOn?: JsonObject[];
  /** When it was done is not known. */
  readonly gap?: boolean;
  readonly performer?: JsonObject;
}

function procedure(chart: Chart, visit: Visit, details: Details): ResourceObject {
  const zone = chart.site.town.zone;
  const { code, category, basedOn, gap = false, performer = visit.practitioner.reference } = details;
  return {
    resourceType: 'Procedure',
    id: chart.newId(),
    meta: META,
    ...(basedOn === undefined ? {} : { basedOn }),
    status: 'completed',
    category,
    code,
    subject: chart.subject,
    encounter: visit.encounter,
    ...(gap
      ? { _performedDateTime: ABSENT }
      : {
          performedPeriod: {
            start: dateTimeText(visit.at + 5 * MINUTE, zone),
            end: dateTimeText(visit.at + 18 * MINUTE, zone),
          },
        }),
    performer: [{ actor: performer }],
    location: visit.kind.hospital ? chart.site.hospital : chart.site.clinic,
    ...(visit.course === undefined
      ? {}
      : {
          reasonCode: [visit.course.disease.code],
          reasonReference: [reference('Condition', visit.course.id)],
        }),
  };
}

function gapProcedure(chart: Chart, visit: Visit): ResourceObject {
  return procedure(chart, visit, { code: SURGERY, category: SURGERY, gap: true });
}

function serviceRequest(
  chart: Chart,
  visit: Visit,
  code: JsonObject,
  category: JsonObject[],
  status: string,
): ResourceObject {
  const course = visit.course ?? chart.courses[0];
  return {
    resourceType: 'ServiceRequest',
    id: chart.newId(),
    meta: ORDER_META,
    status,
    intent: 'order',
    category,
    code,
    subject: chart.subject,
    encounter: visit.encounter,
    occurrenceDateTime: dateText(visit.at + 14 * DAY),
    authoredOn: visit.text,
    requester: visit.practitioner.reference,
    ...(course === undefined
      ? {}
      : { reasonCode: [course.disease.code], reasonReference: [reference('Condition', course.id)] }),
  };
}

/** A pacemaker and the operation that brought it. */
function implant(chart: Chart, visit: Visit): ResourceObject[] {
  const { random, showcase, courses, site } = chart;
  const fibrillates = courses.some(({ name }) => name === 'atrialFibrillation');
  if (showcase.implant !== true && !(fibrillates && random.chance(0.3))) return [];
  const surgeon = site.staff[POST.surgery]?.reference ?? visit.practitioner.reference;
  const made = dateText(visit.at - 300 * DAY);
  const expires = dateText(visit.at + 8 * YEAR);
  const lot = `P${random.integer(1000, 9999)}`;
  const serial = String(random.integer(100_000, 999_999));
  // Global trade item number of our own making, check digit included; dates are YYMMDD.
  const short = (date: string): string => date.slice(2).replaceAll('-', '');
  const deviceIdentifier = '00999000000014';
  return [
    procedure(chart, visit, { code: PACEMAKER_INSERTION, category: SURGERY, performer: surgeon }),
    {
      resourceType: 'Device',
      id: chart.newId(),
      meta: DEVICE_META,
      udiCarrier: [
        {
          deviceIdentifier,
          carrierHRF: `(01)${deviceIdentifier}(11)${short(made)}(17)${short(expires)}(10)${lot}(21)${serial}`,
        },
      ],
      status: 'active',
      distinctIdentifier: `D${serial}`,
      manufacturer: 'Mainsail Devices',
      manufactureDate: dateTimeText(visit.at - 300 * DAY + HOUR, 0),
      expirationDate: dateTimeText(visit.at + 8 * YEAR, 0),
      lotNumber: lot,
      serialNumber: serial,
      deviceName: [{ name: 'Mainsail Pacer 2', type: 'user-friendly-name' }],
      type: PACEMAKER,
      patient: chart.subject,
    },
  ];
}
