/**
 * Clinical notes as documents, and narrative reports with their attachment, which is a document as well.
 * https://hl7.org/fhir/us/core/STU6.1/clinical-notes.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import type { Chart } from '../chart.js';
import { coding, profile, SYSTEM } from '../concepts.js';
import { reference } from '../identity.js';
import { ageAt } from '../person.js';
import {
  EKG_IMPRESSION,
  EKG_WORDS,
  NOTE_CATEGORY,
  NOTE_COMPLAINTS,
  NOTE_FINDINGS,
  NOTE_PLANS,
  REPORTS,
  type ReportKind,
} from '../tables/notes.js';
import { POST } from '../tables/staff.js';
import { VISIT_KINDS } from '../tables/visit-kinds.js';
import { dateTimeText, HOUR, instantText } from '../time.js';
import type { Visit } from '../visits.js';
import { CATEGORY, observation } from './observation.js';

const DOCUMENT_META = profile('documentreference');
const REPORT_META = profile('diagnosticreport-note');
const RESULT_META = profile('observation-clinical-result');
const FORMAT = coding(
  SYSTEM.documentFormat,
  'urn:ihe:iti:xds:2017:mimeTypeSufficient',
  'mimeType Sufficient',
);

export function notes(chart: Chart): ResourceObject[] {
  const written = chart.visits.filter(({ kind }) => chart.random.chance(kind.note.share));
  return [...written.map((visit) => visitNote(chart, visit)), ...narratives(chart)];
}

function visitNote(chart: Chart, visit: Visit): ResourceObject {
  const { random } = chart;
  const sentences = [random.pick(NOTE_COMPLAINTS), random.pick(NOTE_FINDINGS), random.pick(NOTE_PLANS)];
  const reason = visit.complaint?.about.code.text ?? visit.course?.disease.code.text ?? visit.kind.type.text;
  const text = `Reason: ${String(reason)}.\n${sentences.join('\n')}\n`;
  return documentReference(chart, visit, visit.kind.note.code, {
    contentType: 'text/plain; charset=utf-8',
    data: btoa(text),
    title: String(visit.kind.note.code.text),
    creation: visit.text,
  });
}

function narratives(chart: Chart): ResourceObject[] {
  const { random, visits, person, showcase } = chart;
  const found: ResourceObject[] = [];
  for (const visit of visits) {
    const stay = visit.kind === VISIT_KINDS.inpatient;
    if (!stay && visit.kind !== VISIT_KINDS.checkUp) continue;
    const age = ageAt(person, visit.at);
    const last = showcase.thorough === true && visit.kind === VISIT_KINDS.checkUp;
    for (const kind of REPORTS) {
      if (age < kind.ages[0] || age > kind.ages[1]) continue;
      if (last || random.chance(stay ? 0.5 : kind.share)) found.push(...narrative(chart, visit, kind));
    }
  }
  return found;
}

/** The text is a Binary, to which the report and a document both point. */
function narrative(chart: Chart, visit: Visit, kind: ReportKind): ResourceObject[] {
  const { site, subject } = chart;
  const binary: ResourceObject = {
    resourceType: 'Binary',
    id: chart.newId(),
    contentType: 'text/plain',
    securityContext: subject,
    data: btoa(`${kind.text}\n`),
  };
  const cardiology = kind.code.text === 'EKG study';
  const interpreter = site.staff[cardiology ? POST.cardiology : POST.radiology]?.reference ?? {};
  const impression = cardiology ? [ekgImpression(chart, visit, interpreter)] : [];
  const attachment = {
    contentType: 'text/plain',
    url: `Binary/${String(binary.id)}`,
    title: String(kind.code.text),
    creation: dateTimeText(visit.at + 2 * HOUR, site.town.zone),
  };
  const report: ResourceObject = {
    resourceType: 'DiagnosticReport',
    id: chart.newId(),
    meta: REPORT_META,
    status: 'final',
    category: [kind.category],
    code: kind.code,
    subject,
    encounter: visit.encounter,
    effectiveDateTime: visit.text,
    issued: instantText(visit.at + 2 * HOUR),
    performer: [site.organization, interpreter],
    resultsInterpreter: [interpreter],
    ...(cardiology ? { result: impression.map(({ id }) => reference('Observation', String(id))) } : {}),
    presentedForm: [attachment],
  };
  return [binary, ...impression, report, documentReference(chart, visit, kind.code, attachment)];
}

function ekgImpression(chart: Chart, visit: Visit, performer: JsonObject): ResourceObject {
  return observation(chart, visit, {
    meta: RESULT_META,
    category: CATEGORY.procedure,
    code: EKG_IMPRESSION,
    performer,
    finding: { valueString: chart.random.pick(EKG_WORDS) },
  });
}

function documentReference(
  chart: Chart,
  visit: Visit,
  type: JsonObject,
  attachment: JsonObject,
): ResourceObject {
  const { site, subject } = chart;
  const id = chart.newId();
  return {
    resourceType: 'DocumentReference',
    id,
    meta: DOCUMENT_META,
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${id}` }],
    status: 'current',
    docStatus: 'final',
    type,
    category: [NOTE_CATEGORY],
    subject,
    date: instantText(visit.end),
    author: [visit.practitioner.reference],
    custodian: site.organization,
    content: [{ attachment, format: FORMAT }],
    context: {
      encounter: [visit.encounter],
      period: { start: visit.text, end: dateTimeText(visit.end, site.town.zone) },
    },
  };
}
