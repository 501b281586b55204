/**
 * Social history and surveys: smoking, occupation, pregnancy, orientation; PHQ-9, PHQ-2, AUDIT-C, Hunger Vital Sign.
 * https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-observation-screening-assessment.html
 */
import type { JsonObject, ResourceObject } from '../../fhir/format/json.js';
import type { Chart } from '../chart.js';
import { profile, quantity } from '../concepts.js';
import { reference } from '../identity.js';
import { valueAt } from '../measures.js';
import { ageAt } from '../person.js';
import { OCCUPATIONS } from '../tables/people.js';
import {
  ALCOHOL_TOTAL,
  AT_RISK,
  HUNGER_ANSWERS,
  HUNGER_PANEL,
  HUNGER_QUESTIONS,
  HUNGER_RISK,
  INTENT_UNSURE,
  MOOD_ANSWERS,
  MOOD_MEASURE,
  MOOD_PANEL,
  MOOD_QUESTIONS,
  MOOD_TOTAL,
  NO_RISK,
  NOT_PREGNANT,
  OCCUPATION,
  ORIENTATION,
  ORIENTATIONS,
  PREGNANCY,
  PREGNANCY_INTENT,
  PREGNANT,
  SHORT_MOOD_TOTAL,
  SMOKING,
  SMOKING_ANSWERS,
  TRANSPORT,
} from '../tables/surveys.js';
import { VISIT_KINDS } from '../tables/visit-kinds.js';
import { dateText } from '../time.js';
import type { Visit } from '../visits.js';
import { CATEGORY, observation } from './observation.js';

const META = {
  smoking: profile('smokingstatus'),
  occupation: profile('observation-occupation'),
  pregnancy: profile('observation-pregnancystatus'),
  intent: profile('observation-pregnancyintent'),
  orientation: profile('observation-sexual-orientation'),
  survey: profile('observation-screening-assessment'),
  simple: profile('simple-observation'),
} as const;

export function socialHistory(chart: Chart): ResourceObject[] {
  const smoking = chart.random.weighted(SMOKING_ANSWERS).answer;
  const checkUps = chart.visits.filter(({ kind }) => kind === VISIT_KINDS.checkUp);
  const found = checkUps.flatMap((visit) => asked(chart, visit, smoking));
  const latest = checkUps.at(-1);
  if (latest !== undefined && ageAt(chart.person, latest.at) >= 18) found.push(...once(chart, latest));
  return [...found, ...moodFollowUps(chart)];
}

/** At every check-up. */
function asked(chart: Chart, visit: Visit, smoking: JsonObject): ResourceObject[] {
  const age = ageAt(chart.person, visit.at);
  const found: ResourceObject[] = [];
  if (age >= 13) found.push(social(chart, visit, 'smoking', SMOKING, { valueCodeableConcept: smoking }));
  if (age >= 18 && chart.random.chance(0.5)) {
    const total = Math.min(6, Math.round(valueAt(chart, 'moodScore', MOOD_MEASURE, visit.at) / 4.5));
    found.push(survey(chart, visit, SHORT_MOOD_TOTAL, score(total)));
  }
  if (
    chart.person.female &&
    age >= 15 &&
    age < 50 &&
    (chart.showcase.pregnant === true || chart.random.chance(0.2))
  ) {
    const answer = chart.showcase.pregnant === true ? PREGNANT : NOT_PREGNANT;
    found.push(social(chart, visit, 'pregnancy', PREGNANCY, { valueCodeableConcept: answer }));
  }
  return found;
}

/** Once in a while: at the latest check-up of a grown-up. */
function once(chart: Chart, visit: Visit): ResourceObject[] {
  const { random, since } = chart;
  const found = [
    observation(chart, visit, {
      meta: META.occupation,
      category: CATEGORY.socialHistory,
      code: OCCUPATION,
      effective: { effectivePeriod: { start: dateText(since) } },
      finding: { valueCodeableConcept: { text: random.pick(OCCUPATIONS) } },
    }),
  ];
  if (random.chance(0.3)) {
    const answer = random.weighted(ORIENTATIONS).answer;
    found.push(social(chart, visit, 'orientation', ORIENTATION, { valueCodeableConcept: answer }));
  }
  if (chart.showcase.pregnant === true) {
    found.push(social(chart, visit, 'intent', PREGNANCY_INTENT, { valueCodeableConcept: INTENT_UNSURE }));
  }
  if (random.chance(0.25)) found.push(survey(chart, visit, ALCOHOL_TOTAL, score(random.integer(0, 7))));
  if (random.chance(0.2) || chart.showcase.thorough === true) found.push(...hunger(chart, visit));
  if (random.chance(0.1) || chart.showcase.thorough === true) {
    found.push(
      observation(chart, visit, {
        meta: META.simple,
        category: CATEGORY.sdoh,
        code: TRANSPORT,
        finding: { valueBoolean: random.chance(0.5) },
      }),
    );
  }
  return found;
}

function hunger(chart: Chart, visit: Visit): ResourceObject[] {
  const hungry = chart.random.chance(0.3);
  const answers = HUNGER_QUESTIONS.map((question) => {
    const answer = HUNGER_ANSWERS[hungry ? chart.random.integer(1, 2) : 0] ?? {};
    return survey(chart, visit, question, { valueCodeableConcept: answer }, CATEGORY.sdohSurvey);
  });
  const risk = survey(
    chart,
    visit,
    HUNGER_RISK,
    { valueCodeableConcept: hungry ? AT_RISK : NO_RISK },
    CATEGORY.sdohSurvey,
  );
  const members = [...answers, risk];
  const hasMember = members.map(({ id }) => reference('Observation', String(id)));
  return [...members, survey(chart, visit, HUNGER_PANEL, { hasMember }, CATEGORY.sdohSurvey)];
}

/** The total at each follow-up of a depression, and all answers at the first. */
function moodFollowUps(chart: Chart): ResourceObject[] {
  const visits = chart.visits.filter(({ course }) => course?.name === 'depression');
  return visits.flatMap((visit, place) => {
    const drawn = Math.round(valueAt(chart, 'moodScore', MOOD_MEASURE, visit.at));
    if (place > 0) return [survey(chart, visit, MOOD_TOTAL, score(drawn))];
    return moodPanel(chart, visit, drawn);
  });
}

function moodPanel(chart: Chart, visit: Visit, total: number): ResourceObject[] {
  const scores = spread(chart, total);
  const members = MOOD_QUESTIONS.map((question, place) => {
    const answer = MOOD_ANSWERS[scores[place] ?? 0] ?? {};
    return survey(chart, visit, question, { valueCodeableConcept: answer });
  });
  members.push(survey(chart, visit, MOOD_TOTAL, score(total)));
  const hasMember = members.map(({ id }) => reference('Observation', String(id)));
  return [...members, survey(chart, visit, MOOD_PANEL, { hasMember })];
}

/** Scores of 0 to 3 for the nine questions that add up to the total. */
function spread(chart: Chart, total: number): number[] {
  const scores = MOOD_QUESTIONS.map(() => 0);
  for (let left = total; left > 0; left--) {
    const open = scores.flatMap((score, place) => (score < 3 ? [place] : []));
    const place = chart.random.pick(open);
    scores[place] = (scores[place] ?? 0) + 1;
  }
  return scores;
}

function score(total: number): JsonObject {
  return { valueQuantity: quantity(total, '{score}', '{score}') };
}

function social(
  chart: Chart,
  visit: Visit,
  kind: keyof typeof META,
  code: JsonObject,
  finding: JsonObject,
): ResourceObject {
  return observation(chart, visit, { meta: META[kind], category: CATEGORY.socialHistory, code, finding });
}

function survey(
  chart: Chart,
  visit: Visit,
  code: JsonObject,
  finding: JsonObject,
  category: JsonObject[] = CATEGORY.survey,
): ResourceObject {
  return observation(chart, visit, { meta: META.survey, category, code, finding });
}
