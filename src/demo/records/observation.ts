/**
 * The frame of every Observation of the population: who, when, by whom; the makers put in what was found.
 * https://hl7.org/fhir/R4/observation.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import type { Chart } from '../chart.js';
import { ABSENT_CONCEPT, concept, SYSTEM } from '../concepts.js';
import { instantText, MINUTE } from '../time.js';
import type { Visit } from '../visits.js';

export const CATEGORY = {
  vitalSigns: category(SYSTEM.observationCategory, 'vital-signs', 'Vital Signs'),
  laboratory: category(SYSTEM.observationCategory, 'laboratory', 'Laboratory'),
  socialHistory: category(SYSTEM.observationCategory, 'social-history', 'Social History'),
  survey: category(SYSTEM.observationCategory, 'survey', 'Survey'),
  procedure: category(SYSTEM.observationCategory, 'procedure', 'Procedure'),
  /** Surveys about circumstances of living carry both. */
  sdohSurvey: both(
    category(SYSTEM.observationCategory, 'survey', 'Survey'),
    category(SYSTEM.usCoreCategory, 'sdoh', 'SDOH'),
  ),
  sdoh: category(SYSTEM.usCoreCategory, 'sdoh', 'SDOH'),
} as const;

export interface Frame {
  readonly meta: JsonObject;
  readonly category: JsonObject[];
  readonly code: JsonObject;
  /** value[x], component, interpretation …: what follows `performer`. */
  readonly finding: JsonObject;
  readonly basedOn?: JsonObject[];
  readonly performer?: JsonObject;
  /** effective[x], where it is not the moment of the visit. */
  readonly effective?: JsonObject;
}

export function observation(chart: Chart, visit: Visit, frame: Frame): ResourceObject {
  return {
    resourceType: 'Observation',
    id: chart.newId(),
    meta: frame.meta,
    ...(frame.basedOn === undefined ? {} : { basedOn: frame.basedOn }),
    status: 'final',
    category: frame.category,
    code: frame.code,
    subject: chart.subject,
    encounter: visit.encounter,
    ...(frame.effective ?? { effectiveDateTime: visit.text }),
    issued: instantText(visit.at + 12 * MINUTE),
    performer: [frame.performer ?? visit.practitioner.reference],
    ...frame.finding,
  };
}

/** In the place of a value that was not obtained. */
export const NOT_OBTAINED: JsonObject = Object.freeze({ dataAbsentReason: ABSENT_CONCEPT });

function category(system: string, code: string, display: string): JsonObject[] {
  const list = [concept(system, code, display)];
  Object.freeze(list);
  return list;
}

function both(first: JsonObject[], second: JsonObject[]): JsonObject[] {
  const list = [...first, ...second];
  Object.freeze(list);
  return list;
}
