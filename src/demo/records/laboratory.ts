/**
 * Laboratory: order, specimen, results and report of each panel, at the visits where such tests are drawn.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-lab.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { type Chart, isGap } from '../chart.js';
import { ABSENT_CONCEPT, concept, decimal, profile, quantity, SYSTEM } from '../concepts.js';
import { reference, STREAM, stableId } from '../identity.js';
import { valueAt } from '../measures.js';
import { LABS, type LabName } from '../tables/labs.js';
import type { Measure } from '../tables/measure.js';
import {
  INTERPRETATIONS,
  NEGATIVE,
  PANELS,
  type Panel,
  POSITIVE,
  SPECIMENS,
  STRIP_TESTS,
  URINE_COLOR,
  URINE_COLORS,
} from '../tables/panels.js';
import { HOUR, instantText } from '../time.js';
import type { Visit } from '../visits.js';
import { panelsOf, testsOf } from './laboratory-orders.js';
import { CATEGORY, NOT_OBTAINED, observation } from './observation.js';

const META = profile('observation-lab');
const REPORT_META = profile('diagnosticreport-lab');
const SPECIMEN_META = profile('specimen');
const ORDER_META = profile('servicerequest');
const REPORT_CATEGORY = [concept(SYSTEM.diagnosticService, 'LAB', 'Laboratory')];
const ORDER_CATEGORY = [
  concept(SYSTEM.snomed, '108252007', 'Laboratory procedure (procedure)', 'Laboratory'),
];

/** What a panel's results have in common. */
interface Draw {
  readonly chart: Chart;
  readonly visit: Visit;
  readonly laboratory: JsonObject;
  readonly specimen: JsonObject;
  readonly basedOn?: JsonObject[];
}

/** Results that are computed from others of the same panel, where these are known. */
const DERIVED: Partial<Record<LabName, (known: ReadonlyMap<string, number>) => number>> = {
  ldl: (known) => get(known, 'cholesterol') - get(known, 'hdl') - get(known, 'triglycerides') / 5,
  hematocrit: (known) => get(known, 'hemoglobin') * 2.98,
  meanVolume: (known) => (get(known, 'hemoglobin') * 29.8) / get(known, 'erythrocytes'),
};

export function laboratory(chart: Chart): ResourceObject[] {
  const found: ResourceObject[] = [];
  const place = reference(
    'Organization',
    stableId(chart.seed, STREAM.laboratory, 0),
    'Sounding Line Laboratories',
  );
  for (const visit of chart.visits) {
    for (const name of panelsOf(chart, visit)) found.push(...panel(chart, visit, PANELS[name], place));
    const single = testsOf(chart, visit);
    if (single.length === 0) continue;
    const specimen = specimenRecord(chart, visit, 'serum');
    const draw: Draw = {
      chart,
      visit,
      laboratory: place,
      specimen: reference('Specimen', String(specimen.id)),
    };
    found.push(specimen, ...results(draw, single));
  }
  return found;
}

function panel(chart: Chart, visit: Visit, ordered: Panel, place: JsonObject): ResourceObject[] {
  const specimen = specimenRecord(chart, visit, ordered.specimen);
  const order = chart.random.chance(0.35) ? orderRecord(chart, visit, ordered) : undefined;
  const basedOn = order === undefined ? undefined : [reference('ServiceRequest', String(order.id))];
  const draw: Draw = {
    chart,
    visit,
    laboratory: place,
    specimen: reference('Specimen', String(specimen.id)),
    ...(basedOn === undefined ? {} : { basedOn }),
  };
  const observations = results(draw, ordered.tests);
  if (ordered.strip === true) observations.push(...stripResults(draw));
  return [
    ...(order === undefined ? [] : [order]),
    specimen,
    ...observations,
    report(draw, ordered, observations),
  ];
}

function results(draw: Draw, names: readonly LabName[]): ResourceObject[] {
  const known = new Map<string, number>();
  return names.map((name, place) => {
    const measure: Measure = LABS[name];
    const derive = names.length > 1 ? DERIVED[name] : undefined;
    const drawn = derive === undefined ? valueAt(draw.chart, name, measure, draw.visit.at) : derive(known);
    const value = Math.min(measure.ceiling, Math.max(measure.floor, drawn));
    known.set(name, value);
    const missing = isGap(draw.chart, place);
    return result(
      draw,
      measure.code,
      missing ? NOT_OBTAINED : numberFinding(measure, value),
      measure.referenceRange,
    );
  });
}

function numberFinding(measure: Measure, value: number): JsonObject {
  const { low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY } = measure;
  const interpretation = value < low ? 'low' : value > high ? 'high' : 'normal';
  return {
    valueQuantity: quantity(decimal(value, measure.digits), measure.unit, measure.ucum),
    interpretation: [INTERPRETATIONS[interpretation]],
  };
}

function stripResults(draw: Draw): ResourceObject[] {
  const { random } = draw.chart;
  const words = STRIP_TESTS.map(({ code, positive }) =>
    result(draw, code, { valueCodeableConcept: random.chance(positive) ? POSITIVE : NEGATIVE }),
  );
  return [...words, result(draw, URINE_COLOR, { valueString: random.pick(URINE_COLORS) })];
}

function result(draw: Draw, code: JsonObject, value: JsonObject, range?: JsonObject): ResourceObject {
  return observation(draw.chart, draw.visit, {
    meta: META,
    category: CATEGORY.laboratory,
    code,
    performer: draw.laboratory,
    ...(draw.basedOn === undefined ? {} : { basedOn: draw.basedOn }),
    finding: {
      ...value,
      specimen: draw.specimen,
      ...(range === undefined ? {} : { referenceRange: [range] }),
    },
  });
}

function report(draw: Draw, { code }: Panel, observations: readonly ResourceObject[]): ResourceObject {
  const { chart, visit, laboratory: place, specimen, basedOn } = draw;
  return {
    resourceType: 'DiagnosticReport',
    id: chart.newId(),
    meta: REPORT_META,
    ...(basedOn === undefined ? {} : { basedOn }),
    status: 'final',
    category: REPORT_CATEGORY,
    code,
    subject: chart.subject,
    encounter: visit.encounter,
    effectiveDateTime: visit.text,
    issued: instantText(visit.at + 6 * HOUR),
    performer: [place],
    resultsInterpreter: [visit.practitioner.reference],
    specimen: [specimen],
    result: observations.map(({ id }) => reference('Observation', String(id))),
  };
}

function specimenRecord(chart: Chart, visit: Visit, kind: keyof typeof SPECIMENS): ResourceObject {
  const number = chart.random.next();
  return {
    resourceType: 'Specimen',
    id: chart.newId(),
    meta: SPECIMEN_META,
    identifier: [{ system: 'urn:oid:2.999.1.4', value: `S${number}` }],
    accessionIdentifier: { system: 'urn:oid:2.999.1.5', value: `A${number}` },
    status: 'available',
    type: isGap(chart, 1) ? ABSENT_CONCEPT : SPECIMENS[kind],
    subject: chart.subject,
    collection: { collectedDateTime: visit.text },
  };
}

function orderRecord(chart: Chart, visit: Visit, { code }: Panel): ResourceObject {
  return {
    resourceType: 'ServiceRequest',
    id: chart.newId(),
    meta: ORDER_META,
    status: 'completed',
    intent: 'order',
    category: ORDER_CATEGORY,
    code,
    subject: chart.subject,
    encounter: visit.encounter,
    occurrenceDateTime: visit.text,
    authoredOn: visit.text,
    requester: visit.practitioner.reference,
    ...(visit.course === undefined
      ? {}
      : {
          reasonReference: [reference('Condition', visit.course.id)],
          reasonCode: [visit.course.disease.code],
        }),
  };
}

function get(known: ReadonlyMap<string, number>, name: LabName): number {
  return known.get(name) ?? LABS[name].mean;
}
