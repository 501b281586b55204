/**
 * Conditions (problems, diagnoses of an encounter, health concerns) and allergies.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-condition-problems-health-concerns.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { type Chart, type Course, isGap } from '../chart.js';
import { ABSENT_CONCEPT, concept, profile, SYSTEM } from '../concepts.js';
import { ageAt } from '../person.js';
import { ALLERGENS, CONCERNS, NO_KNOWN_ALLERGY } from '../tables/concerns.js';
import { DAY, dateText, YEAR } from '../time.js';
import type { Visit } from '../visits.js';

const PROBLEM_META = profile('condition-problems-health-concerns');
const DIAGNOSIS_META = profile('condition-encounter-diagnosis');
const ALLERGY_META = profile('allergyintolerance');
const ACTIVE = concept(SYSTEM.conditionClinical, 'active', 'Active');
const RESOLVED = concept(SYSTEM.conditionClinical, 'resolved', 'Resolved');
const CONFIRMED = concept(SYSTEM.conditionVerification, 'confirmed', 'Confirmed');
const PROBLEM = concept(SYSTEM.conditionCategory, 'problem-list-item', 'Problem List Item');
const DIAGNOSIS = concept(SYSTEM.conditionCategory, 'encounter-diagnosis', 'Encounter Diagnosis');
const CONCERN = concept(SYSTEM.usCoreConditionCategory, 'health-concern', 'Health Concern');
const SDOH = concept(SYSTEM.usCoreCategory, 'sdoh', 'SDOH');
const ALLERGY_ACTIVE = concept(SYSTEM.allergyClinical, 'active', 'Active');
const ALLERGY_CONFIRMED = concept(SYSTEM.allergyVerification, 'confirmed', 'Confirmed');

export function conditions(chart: Chart): ResourceObject[] {
  return [
    ...chart.courses.map((course) => problem(chart, course)),
    ...chart.visits.flatMap((visit) => diagnosis(chart, visit)),
    ...concerns(chart),
  ];
}

function problem(chart: Chart, { id, disease, onset }: Course): ResourceObject {
  return {
    resourceType: 'Condition',
    id,
    meta: PROBLEM_META,
    extension: asserted(onset),
    clinicalStatus: ACTIVE,
    verificationStatus: CONFIRMED,
    category: [PROBLEM],
    code: disease.code,
    subject: chart.subject,
    onsetDateTime: vagueDate(chart, onset),
    recordedDate: dateText(onset),
    recorder: chart.site.staff[0]?.reference ?? {},
  };
}

/** What people remember of the past is a year or a month as often as a day. */
function vagueDate(chart: Chart, time: number): string {
  const day = dateText(time);
  if (chart.now - time < 2 * YEAR) return day;
  return chart.random.pick([day, day.slice(0, 7), day.slice(0, 4)]);
}

function diagnosis(chart: Chart, visit: Visit): ResourceObject[] {
  if (visit.complaint === undefined) return [];
  const { about, id } = visit.complaint;
  const over = visit.at + about.days * chart.random.between(0.6, 1.5) * DAY;
  const resolved = over < chart.until;
  return [
    {
      resourceType: 'Condition',
      id,
      meta: DIAGNOSIS_META,
      extension: asserted(visit.at),
      clinicalStatus: resolved ? RESOLVED : ACTIVE,
      verificationStatus: CONFIRMED,
      category: [DIAGNOSIS],
      code: about.code,
      subject: chart.subject,
      encounter: visit.encounter,
      onsetDateTime: dateText(visit.at - chart.random.integer(0, 4) * DAY),
      ...(resolved ? { abatementDateTime: dateText(over) } : {}),
      recordedDate: visit.text,
      recorder: visit.practitioner.reference,
    },
  ];
}

function concerns(chart: Chart): ResourceObject[] {
  const { random, showcase, person, since, until } = chart;
  const concerned = showcase.thorough === true || random.chance(0.2);
  if (!concerned || ageAt(person, until) < 18) return [];
  const at = random.between(since, until);
  return [
    {
      resourceType: 'Condition',
      id: chart.newId(),
      meta: PROBLEM_META,
      extension: asserted(at),
      clinicalStatus: ACTIVE,
      verificationStatus: CONFIRMED,
      category: [CONCERN, SDOH],
      code: random.pick(CONCERNS),
      subject: chart.subject,
      onsetDateTime: dateText(at),
      recordedDate: dateText(at),
    },
  ];
}

function asserted(time: number): JsonObject[] {
  const url = 'http://hl7.org/fhir/StructureDefinition/condition-assertedDate';
  return [{ url, valueDateTime: dateText(time) }];
}

export function allergies(chart: Chart): ResourceObject[] {
  const { random } = chart;
  const allergic = random.chance(0.25) || chart.showcase.gaps === true;
  if (!allergic) return random.chance(0.3) ? [allergy(chart, NO_KNOWN_ALLERGY, {})] : [];
  const allergen = random.weighted(ALLERGENS);
  const code = isGap(chart, 0) ? ABSENT_CONCEPT : allergen.code;
  const reaction = [{ manifestation: [allergen.reaction], severity: random.pick(['mild', 'moderate']) }];
  const details = { category: [allergen.category], criticality: random.pick(['low', 'high']) };
  return [allergy(chart, code, details, { reaction })];
}

function allergy(
  chart: Chart,
  code: JsonObject,
  details: JsonObject,
  reaction: JsonObject = {},
): ResourceObject {
  return {
    resourceType: 'AllergyIntolerance',
    id: chart.newId(),
    meta: ALLERGY_META,
    clinicalStatus: ALLERGY_ACTIVE,
    verificationStatus: ALLERGY_CONFIRMED,
    ...details,
    code,
    patient: chart.subject,
    recordedDate: dateText(chart.random.between(chart.since, chart.until)),
    ...reaction,
  };
}
