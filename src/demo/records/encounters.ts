/**
 * Encounters.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-encounter.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import type { Chart } from '../chart.js';
import { concept, profile, SYSTEM } from '../concepts.js';
import { reference } from '../identity.js';
import { dateTimeText } from '../time.js';
import type { Visit } from '../visits.js';

const META = profile('encounter');
const PERFORMER = [concept(SYSTEM.participation, 'PPRF', 'primary performer')];
const DIAGNOSIS = concept(
  'http://terminology.hl7.org/CodeSystem/diagnosis-role',
  'AD',
  'Admission diagnosis',
);
const HOME = concept(SYSTEM.dischargeDisposition, 'home', 'Home');
const REHABILITATION = concept(SYSTEM.dischargeDisposition, 'rehab', 'Rehabilitation');

export function encounters(chart: Chart): ResourceObject[] {
  return chart.visits.map((visit) => encounter(chart, visit));
}

function encounter(chart: Chart, visit: Visit): ResourceObject {
  const { site } = chart;
  const period = { start: visit.text, end: dateTimeText(visit.end, site.town.zone) };
  return {
    resourceType: 'Encounter',
    id: visit.id,
    meta: META,
    identifier: [{ use: 'official', system: 'urn:oid:2.999.1.3', value: `V${chart.random.next()}` }],
    status: 'finished',
    class: visit.kind.class,
    type: [visit.kind.type],
    subject: chart.subject,
    participant: [{ type: PERFORMER, period, individual: visit.practitioner.reference }],
    period,
    ...reasons(visit),
    ...hospitalization(chart, visit),
    location: [{ location: visit.kind.hospital ? site.hospital : site.clinic }],
    serviceProvider: site.organization,
  };
}

function reasons({ complaint, course, kind }: Visit): JsonObject {
  if (complaint !== undefined) {
    const condition = reference('Condition', complaint.id);
    return {
      reasonCode: [complaint.about.code],
      reasonReference: [condition],
      ...(kind.hospital ? { diagnosis: [{ condition, use: DIAGNOSIS, rank: 1 }] } : {}),
    };
  }
  if (course === undefined) return {};
  return { reasonCode: [course.disease.code], reasonReference: [reference('Condition', course.id)] };
}

function hospitalization(chart: Chart, { kind }: Visit): JsonObject {
  if (!kind.hospital) return {};
  const dischargeDisposition = chart.random.chance(0.85) ? HOME : REHABILITATION;
  return { hospitalization: { dischargeDisposition } };
}
