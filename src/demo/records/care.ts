/**
 * Goals, the care plan, the care team and appointments.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-careplan.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import { type Chart, isGap } from '../chart.js';
import { ABSENT_CONCEPT, concept, profile, SYSTEM } from '../concepts.js';
import { reference } from '../identity.js';
import { POST } from '../tables/staff.js';
import { DAY, dateText, YEAR } from '../time.js';

const GOAL_META = profile('goal');
const PLAN_META = profile('careplan');
const TEAM_META = profile('careteam');
const ASSESS_PLAN = concept(SYSTEM.carePlanCategory, 'assess-plan', 'Assessment and Plan of Treatment');
const IN_PROGRESS = concept(SYSTEM.goalAchievement, 'in-progress', 'In Progress');
const PATIENT_ROLE = concept(SYSTEM.snomed, '116154003', 'Patient (person)', 'Patient');
const CAREGIVER_ROLE = concept(SYSTEM.snomed, '133932002', 'Caregiver (person)', 'Caregiver');
const PRIMARY_CARE_ROLE = concept(
  SYSTEM.snomed,
  '453231000124104',
  'Primary care provider (occupation)',
  'Primary care',
);

/** `related` are the patient's RelatedPerson records. */
export function care(chart: Chart, related: readonly ResourceObject[]): ResourceObject[] {
  const { courses, person } = chart;
  const alive = person.death === undefined;
  const team = careTeam(chart, related, alive);
  if (courses.length === 0) return chart.random.chance(0.5) ? [team] : [];
  const goals = courses.flatMap(({ disease, onset, id }) =>
    disease.goal === undefined ? [] : [goal(chart, disease.goal, onset, id)],
  );
  return [team, ...goals, carePlan(chart, goals, String(team.id), alive)];
}

function goal(chart: Chart, text: string, onset: number, condition: string): ResourceObject {
  const start = Math.max(onset, chart.since);
  return {
    resourceType: 'Goal',
    id: chart.newId(),
    meta: GOAL_META,
    lifecycleStatus: chart.person.death === undefined ? 'active' : 'cancelled',
    achievementStatus: IN_PROGRESS,
    description: { text },
    subject: chart.subject,
    startDate: dateText(start),
    target: [{ dueDate: dateText(Math.max(start, chart.until - YEAR / 2) + YEAR) }],
    addresses: [reference('Condition', condition)],
  };
}

function carePlan(
  chart: Chart,
  goals: readonly ResourceObject[],
  team: string,
  alive: boolean,
): ResourceObject {
  const { courses, since, until, site } = chart;
  const names = courses.map(({ disease }) => String(disease.code.text));
  const start = Math.max(since, Math.min(...courses.map(({ onset }) => onset)));
  const items = names.map((name) => `<li>${name}</li>`).join('');
  return {
    resourceType: 'CarePlan',
    id: chart.newId(),
    meta: PLAN_META,
    text: {
      status: 'additional',
      div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>Treatment goes on for:</p><ul>${items}</ul></div>`,
    },
    status: alive ? 'active' : 'completed',
    intent: 'plan',
    category: [ASSESS_PLAN],
    title: 'Plan of treatment',
    subject: chart.subject,
    period: { start: dateText(start), ...(alive ? {} : { end: dateText(until) }) },
    created: dateText(start),
    author: site.staff[POST.family]?.reference ?? {},
    contributor: [site.organization],
    careTeam: [reference('CareTeam', team)],
    addresses: courses.map(({ id }) => reference('Condition', id)),
    ...(goals.length > 0 ? { goal: goals.map(({ id }) => reference('Goal', String(id))) } : {}),
  };
}

function careTeam(chart: Chart, related: readonly ResourceObject[], alive: boolean): ResourceObject {
  const { site, visits, subject } = chart;
  const known = new Set(visits.map(({ practitioner }) => practitioner));
  const first = site.staff[POST.family];
  if (first !== undefined) known.delete(first);
  const clinicians: JsonObject[] = [...known].slice(0, 3).map((member, place) => ({
    role: [isGap(chart, place) ? ABSENT_CONCEPT : member.post.role],
    member: member.reference,
  }));
  return {
    resourceType: 'CareTeam',
    id: chart.newId(),
    meta: TEAM_META,
    status: alive ? 'active' : 'inactive',
    name: 'Care team',
    subject,
    period: { start: dateText(chart.since), ...(alive ? {} : { end: dateText(chart.until + DAY) }) },
    participant: [
      { role: [PRIMARY_CARE_ROLE], member: first?.reference ?? {}, onBehalfOf: site.organization },
      ...clinicians,
      { role: [PATIENT_ROLE], member: subject },
      ...related.map(({ id }) => ({
        role: [CAREGIVER_ROLE],
        member: reference('RelatedPerson', String(id)),
      })),
    ],
    managingOrganization: [site.organization],
  };
}
