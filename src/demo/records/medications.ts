/**
 * Prescriptions and what the pharmacy handed out.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-medicationrequest.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { type Chart, type Course, isGap } from '../chart.js';
import { ABSENT_CONCEPT, concept, profile, SYSTEM } from '../concepts.js';
import { reference, STREAM, stableId } from '../identity.js';
import type { StaffMember } from '../site.js';
import { DRUG_NAMES, DRUGS, type Drug, type DrugName } from '../tables/drugs.js';
import { POST } from '../tables/staff.js';
import { DAY, dateTimeText, HOUR, YEAR } from '../time.js';

const REQUEST_META = profile('medicationrequest');
const DISPENSE_META = profile('medicationdispense');
const OUTPATIENT = [concept(SYSTEM.medicationRequestCategory, 'outpatient', 'Outpatient')];
const FIRST_FILL = concept(SYSTEM.actCode, 'FFC', 'First Fill - Complete');
const REFILL = concept(SYSTEM.actCode, 'RFC', 'Refill - Complete');

interface Prescription {
  readonly name: DrugName;
  readonly at: number;
  readonly active: boolean;
  readonly prescriber: StaffMember | undefined;
  readonly encounter?: JsonObject;
  readonly reason: JsonObject;
  readonly refills: number;
}

export function medications(chart: Chart): ResourceObject[] {
  const lasting = chart.courses.flatMap((course) => lastingPrescriptions(chart, course));
  const short = chart.visits.flatMap((visit) => {
    const name = visit.complaint?.about.drug;
    if (name === undefined || visit.complaint === undefined || chart.random.chance(0.3)) return [];
    return [
      {
        name,
        at: visit.at,
        active: visit.at + DRUGS[name].days * DAY > chart.until,
        prescriber: visit.practitioner,
        encounter: visit.encounter,
        reason: reference('Condition', visit.complaint.id),
        refills: 0,
      },
    ];
  });
  return [...lasting, ...short].flatMap((prescription) => prescribe(chart, prescription));
}

/** Yearly renewals of each drug, the last of which is active. */
function lastingPrescriptions(chart: Chart, { disease, treatedSince, id }: Course): Prescription[] {
  if (treatedSince === undefined) return [];
  const { random, since, until, site, visits } = chart;
  // Not everyone gets every drug of the table, and each is prescribed for the first disease that asks for it.
  const drugs = disease.drugs.filter((_, place) => place === 0 || random.chance(0.35));
  return drugs.flatMap((name) => {
    const list: Prescription[] = [];
    const from = Math.max(treatedSince, since);
    for (let at = from; at < until; at += YEAR) {
      const visit = visits.findLast((candidate) => candidate.at <= at && candidate.at >= from);
      list.push({
        name,
        at: visit?.at ?? at,
        active: at + YEAR > until && chart.person.death === undefined,
        prescriber: visit?.practitioner ?? site.staff[POST.family],
        ...(visit === undefined ? {} : { encounter: visit.encounter }),
        reason: reference('Condition', id),
        refills: 3,
      });
    }
    return list;
  });
}

function prescribe(chart: Chart, prescription: Prescription): ResourceObject[] {
  const request = requestRecord(chart, prescription);
  const drug: Drug = DRUGS[prescription.name];
  const times = chart.random.integer(0, prescription.refills > 0 ? 2 : 1);
  const dispenses: ResourceObject[] = [];
  for (let time = 0; time < times; time++) {
    const at = prescription.at + (time * drug.days + 0.2) * DAY;
    if (at < chart.until) dispenses.push(dispenseRecord(chart, prescription, request, at, time));
  }
  return [request, ...dispenses];
}

/** One prescription in four names a medication of the formulary instead of its code. */
function medication(chart: Chart, name: DrugName): JsonObject {
  const code = DRUGS[name].code;
  if (!chart.random.chance(0.25)) return { medicationCodeableConcept: code };
  const id = stableId(chart.seed, STREAM.medication, DRUG_NAMES.indexOf(name));
  return { medicationReference: reference('Medication', id, String(code.text)) };
}

function requestRecord(chart: Chart, prescription: Prescription): ResourceObject {
  const { name, at, active, prescriber, encounter, reason, refills } = prescription;
  const drug: Drug = DRUGS[name];
  const reported = chart.random.chance(0.05);
  const gap = isGap(chart, refills > 0 ? 0 : 1);
  return {
    resourceType: 'MedicationRequest',
    id: chart.newId(),
    meta: REQUEST_META,
    status: active ? 'active' : 'completed',
    intent: reported ? 'plan' : 'order',
    category: OUTPATIENT,
    reportedBoolean: reported,
    ...(gap ? { medicationCodeableConcept: ABSENT_CONCEPT } : medication(chart, name)),
    subject: chart.subject,
    ...(encounter === undefined ? {} : { encounter }),
    authoredOn: dateTimeText(at, chart.site.town.zone),
    ...(prescriber === undefined ? {} : { requester: prescriber.reference }),
    reasonReference: [reason],
    dosageInstruction: [...drug.dosage],
    dispenseRequest: {
      numberOfRepeatsAllowed: refills,
      quantity: drug.filling,
      expectedSupplyDuration: { value: drug.days, unit: 'days', system: SYSTEM.ucum, code: 'd' },
    },
  };
}

function dispenseRecord(
  chart: Chart,
  { name, encounter }: Prescription,
  request: ResourceObject,
  at: number,
  time: number,
): ResourceObject {
  const drug: Drug = DRUGS[name];
  const { medicationReference, medicationCodeableConcept } = request;
  const zone = chart.site.town.zone;
  return {
    resourceType: 'MedicationDispense',
    id: chart.newId(),
    meta: DISPENSE_META,
    status: 'completed',
    ...(medicationReference === undefined ? {} : { medicationReference }),
    ...(medicationCodeableConcept === undefined ? {} : { medicationCodeableConcept }),
    subject: chart.subject,
    ...(encounter === undefined ? {} : { context: encounter }),
    performer: [{ actor: chart.site.staff[POST.pharmacist]?.reference ?? {} }],
    authorizingPrescription: [reference('MedicationRequest', String(request.id))],
    type: time === 0 ? FIRST_FILL : REFILL,
    quantity: drug.filling,
    daysSupply: { value: drug.days, unit: 'days', system: SYSTEM.ucum, code: 'd' },
    whenPrepared: dateTimeText(at - HOUR, zone),
    whenHandedOver: dateTimeText(at, zone),
    dosageInstruction: [...drug.dosage],
  };
}
