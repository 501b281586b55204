/**
 * Searches inside the server on a large store beside the same ones on a small store, and pages at depth against page one.
 * Each case is asked with many different values, so that no answer is measured twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bundle, Patient } from 'fhir/r4.js';
import { Refusal } from '#src/fhir/outcome.js';
import type { Inside } from './inside.js';
import { median, milliseconds, quantile, type Row } from './measure.js';

const SAMPLES = 200;
/** Each search is asked so often: its best time is the one that no pause of a shared machine fell into. */
const ROUNDS = 3;
/**
 * So many in turn: a machine that others use changes its pace within a second, and a ratio of two times needs one pace. With
 * fewer the processor's caches hold less of a store than they do where there is one.
 */
const TURN = 100;

async function bundle(inside: Inside, query: string): Promise<Bundle> {
  const response = await inside.get(query);
  if (response.status !== 200) throw new Error(`${query} answered ${response.status}`);
  // A searchset of our own.
  return JSON.parse(Buffer.concat(response.body ?? []).toString()) as Bundle;
}

/** What queries are made of: values that are in the store, in an order that has nothing to do with its own. */
interface Vocabulary {
  readonly patients: readonly string[];
  readonly identifiers: readonly string[];
  readonly families: readonly string[];
  /** Months in which patients were born: in a small store there are none of most. */
  readonly births: readonly string[];
}

async function vocabularyOf(inside: Inside): Promise<Vocabulary> {
  const page = await bundle(inside, 'Patient?_count=1000&_sort=_id');
  const patients = (page.entry ?? []).map(({ resource }) => resource as Patient); // asked for patients
  return {
    patients: patients.map(({ id = '' }) => id),
    identifiers: patients.map(({ identifier = [] }) => `${identifier[0]?.system}|${identifier[0]?.value}`),
    families: [...new Set(patients.map(({ name = [] }) => name[0]?.family ?? 'x'))],
    births: [...new Set(patients.map(({ birthDate = '' }) => birthDate.slice(0, 7)))],
  };
}

interface Case {
  readonly name: string;
  /** The nth of its queries. */
  readonly query: (at: number, vocabulary: Vocabulary) => string;
  readonly bar: readonly [median: number, p99: number];
  /** Time is given per thousand of what is included, per hundred thousand of what is counted. */
  readonly per?: 'included' | 'counted';
  /** Grows with what is counted: not held against the small store. */
  readonly grows?: true;
}

const CODES = [
  '8867-4',
  '8480-6',
  '29463-7',
  '9279-1',
  '2823-3',
  '2160-0',
  '789-8',
  '718-7',
  '4548-4',
  '3016-3',
];
const BY_WORDS = [
  'Observation?_content=heart rate',
  'Condition?_content=diabetes',
  'Patient?_content=maple',
  'Observation?_content="former smoker"',
  'Procedure?_content=appendectomy',
  'DiagnosticReport?_content=metabolic panel',
];
const LOINC = 'http://loinc.org|';
const pick = <T>(from: readonly T[], at: number): T => from[(at * 7) % from.length] as T; // the index is inside
const year = (at: number): number => 1935 + ((at * 13) % 70);

const CASES: readonly Case[] = [
  { name: 'token', query: (at) => `Observation?code=${LOINC}${pick(CODES, at)}&_count=10`, bar: [0.5, 5] },
  {
    name: 'reference',
    query: (at, { patients }) => `Observation?patient=${pick(patients, at)}&_count=10`,
    bar: [0.5, 5],
  },
  {
    name: 'identifier',
    query: (at, { identifiers }) => `Patient?identifier=${pick(identifiers, at)}`,
    bar: [0.5, 5],
  },
  {
    name: 'patient + category + date sorted, 50',
    query: (at, { patients }) =>
      `Observation?patient=${pick(patients, at)}&category=laboratory&date=ge2019-01-01&_sort=-date&_count=50`,
    bar: [1, 10],
  },
  {
    name: 'token + date range, sorted by date, 50',
    query: (at) =>
      `Observation?code=${LOINC}${pick(CODES, at)}&date=ge${2015 + (at % 9)}&_sort=-date&_count=50`,
    bar: [1, 10],
  },
  {
    name: 'chain by a name, sorted',
    query: (at, { families }) => `Observation?patient.family=${pick(families, at)}&_sort=-date&_count=50`,
    bar: [3, 30],
  },
  {
    name: 'chain by a birth date, sorted',
    query: (at, { births }) => `Observation?patient.birthdate=${pick(births, at)}&_sort=-date&_count=50`,
    bar: [3, 30],
  },
  {
    name: '_has one level',
    query: (at) => `Patient?_has:Observation:patient:code=${LOINC}${pick(CODES, at)}&birthdate=ge${year(at)}`,
    bar: [3, 30],
  },
  {
    name: '_revinclude of patients’ observations, per 1,000 included',
    query: (at) => `Patient?birthdate=ge${year(at)}&_count=50&_revinclude=Observation:patient`,
    bar: [10, 40],
    per: 'included',
  },
  {
    name: ':not, first page',
    query: (at) => `Observation?code:not=${LOINC}${pick(CODES, at)}&date=ge${year(at)}`,
    bar: [5, 50],
  },
  {
    name: ':missing, first page',
    query: (at) =>
      [
        `Observation?value-quantity:missing=true&date=ge${year(at)}`,
        `Condition?abatement-date:missing=false&onset-date=ge${year(at)}`,
        `Patient?death-date:missing=false&birthdate=ge${year(at)}`,
      ][at % 3] ?? '',
    bar: [5, 50],
  },
  { name: 'ne, first page', query: (at) => `Patient?birthdate=ne${year(at)}`, bar: [5, 50] },
  {
    name: 'accurate total of a common category, per 100,000 matches',
    query: (at) => `Observation?category=vital-signs&date=ge${1990 + (at % 5)}&_summary=count`,
    bar: [30, 100],
    per: 'counted',
    grows: true,
  },
  {
    name: '_content',
    query: (at) => `${pick(BY_WORDS, at)}&_count=${10 + (at % 20)}`,
    bar: [5, 50],
  },
];

interface Times {
  readonly middle: number;
  readonly p99: number;
}

/** One case as it is asked of one store. */
interface Asked {
  readonly inside: Inside;
  readonly vocabulary: Vocabulary;
}

/** Milliseconds of each query, round after round. */
type Rounds = readonly (readonly number[])[];

/** The stores are asked in turns. Each has its pages mapped and its code compiled before its first round. */
async function roundsOf(one: Case, stores: readonly Asked[]): Promise<readonly Rounds[]> {
  const found: number[][][] = stores.map(() => []);
  for (const { inside, vocabulary } of stores) await getUnderWay(inside, one, vocabulary);
  for (let round = 0; round < ROUNDS; round++) {
    const times: number[][] = stores.map(() => []);
    for (let from = 0; from < SAMPLES; from += TURN) {
      for (const [at, { inside, vocabulary }] of stores.entries()) {
        for (let nth = from; nth < from + TURN; nth++)
          times[at]?.push(await timeOf(inside, one, one.query(nth, vocabulary)));
      }
    }
    for (const [at, ofStore] of times.entries()) found[at]?.push(ofStore);
  }
  return found;
}

function plainTimes(rounds: Rounds): Times {
  return timesFrom(rounds.flat());
}

/** With each query at the best of its rounds. */
function bestTimes(rounds: Rounds): Times {
  return timesFrom(
    Array.from({ length: SAMPLES }, (_, nth) => Math.min(...rounds.map((times) => times[nth] ?? Number.NaN))),
  );
}

/**
 * A server that runs has its pages mapped, its statements prepared and its code compiled: what comes first is not counted. As
 * long as the engine's threads compile, they take the processor from the one that answers for milliseconds at a time.
 */
async function getUnderWay(inside: Inside, one: Case, vocabulary: Vocabulary): Promise<void> {
  const ends = performance.now() + UNDER_WAY_MILLISECONDS;
  const half = SAMPLES / 2;
  for (let at = 0; at < half || performance.now() < ends; at++)
    await timeOf(inside, one, one.query(half + (at % half), vocabulary));
}

const UNDER_WAY_MILLISECONDS = 1_500;

/** Milliseconds; of so many of what is included or counted, where the case is about that. */
async function timeOf(inside: Inside, one: Case, query: string): Promise<number> {
  const started = performance.now();
  const response = await inside.get(query);
  const took = performance.now() - started;
  if (response.status !== 200) throw new Error(`${query} answered ${response.status}`);
  if (one.per === undefined) return took;
  const found = JSON.parse(Buffer.concat(response.body ?? []).toString()) as Bundle; // a searchset of our own
  return one.per === 'included' ? took / (includedIn(found) / 1_000) : took / ((found.total ?? 1) / 100_000);
}

function timesFrom(times: readonly number[]): Times {
  return { middle: median(times), p99: quantile(times, 0.99) };
}

function includedIn({ entry }: Bundle): number {
  return Math.max(1, entry?.filter(({ search }) => search?.mode === 'include').length ?? 0);
}

export interface Sized {
  readonly inside: Inside;
  readonly total: number;
}

/** Medians of the large store may be twice those of the small one, or what no one would notice. */
const UNNOTICED_MILLISECONDS = 0.3;

export async function searchRows(large: Sized, small: Sized): Promise<readonly Row[]> {
  const [many, few] = [await vocabularyOf(large.inside), await vocabularyOf(small.inside)];
  const rows: Row[] = [];
  for (const one of CASES) {
    await getUnderWay(small.inside, one, few);
    await getUnderWay(large.inside, one, many);
  }
  for (const one of CASES) {
    const [ofSmall = [], ofLarge = []] = await roundsOf(one, [
      { inside: small.inside, vocabulary: few },
      { inside: large.inside, vocabulary: many },
    ]);
    const [near, far, best] = [plainTimes(ofSmall), plainTimes(ofLarge), bestTimes(ofLarge)];
    const [middle, p99] = one.bar;
    const isFlat = one.grows === true || far.middle <= Math.max(2 * near.middle, UNNOTICED_MILLISECONDS);
    const meets = (times: Times): boolean => isFlat && times.middle <= middle && times.p99 <= p99;
    const row: Row = {
      measure: `${one.name}, ${large.total.toLocaleString('en-US')} resources, inside the server`,
      value: `median ${milliseconds(far.middle)}, p99 ${milliseconds(far.p99)}; at its best of ${ROUNDS}: ${milliseconds(best.middle)}, ${milliseconds(best.p99)}`,
      against: `${small.total.toLocaleString('en-US')} resources: ${milliseconds(near.middle)} (${(far.middle / near.middle).toFixed(2)})`,
      bar: {
        text: `median ≤ ${middle} ms, p99 ≤ ${p99} ms${one.grows === true ? '' : ', ≤ 2 × the small store'}`,
        met: meets(far),
        metAtBest: meets(best),
      },
    };
    console.log(`${one.name}: ${row.value}; ${row.against}`);
    rows.push(row);
  }
  return rows;
}

/** The time of page 1,000 and its neighbours against that of page 1 and its neighbours, by following `next`. */
export async function depthRow(inside: Inside): Promise<Row> {
  const DEPTH = 1000;
  const [near, far]: [number[], number[]] = [[], []];
  let query = 'Observation?_sort=-date&_count=50';
  for (let page = 1; page <= DEPTH + 20; page++) {
    const started = performance.now();
    const answer = await inside.get(query);
    const took = performance.now() - started;
    if (page > 5 && page <= 45) near.push(took);
    if (page > DEPTH - 20) far.push(took);
    // A searchset of our own.
    const found = JSON.parse(Buffer.concat(answer.body ?? []).toString()) as Bundle;
    const next = found.link?.find((link) => link.relation === 'next');
    if (next === undefined) throw new Error(`the sequence ended at page ${page}: the store is too small`);
    query = next.url.slice(next.url.indexOf('/fhir/') + '/fhir/'.length).replace(/^\?/, '?');
  }
  const ratio = median(far) / median(near);
  return {
    measure: `page ${DEPTH} of 50 by following next`,
    value: `${milliseconds(median(far))} (${ratio.toFixed(2)})`,
    against: `the first pages, ${milliseconds(median(near))}`,
    bar: { text: '≤ 1.5', met: ratio <= 1.5 },
  };
}

const values = (many: number): string => Array.from({ length: many }, (_, at) => `a${at}`).join();

/** Searches that ask for everything, and the names of what they abuse. */
const HOSTILE: readonly (readonly [name: string, query: string])[] = [
  [
    'wildcard includes of everything',
    'Patient?_count=1000&_include=*&_revinclude=*&_include:iterate=*&_revinclude:iterate=*',
  ],
  ['2,000 values', `Observation?code:text=${values(2_000)}&_sort=status&_total=accurate`],
  [
    'a chain of ten levels',
    `Observation?encounter.location.partof.partof.partof.partof.partof.partof.partof.partof.name:contains=${values(500)}`,
  ],
  ['a sort of all by a value', 'Observation?_sort=value-quantity,-code&_total=accurate'],
];
const PATIENCE_MILLISECONDS = 3_000;

/** How long point reads take while a hostile search runs, and how that search ends. */
export async function hostileRows({ inside }: Sized): Promise<readonly Row[]> {
  const { patients } = await vocabularyOf(inside);
  const idle = await readTimes(inside, patients, sleep(1_000));
  const rows: Row[] = [];
  for (const [name, query] of HOSTILE) {
    const started = performance.now();
    const ending = inside
      .get(query, PATIENCE_MILLISECONDS)
      .then(({ status }) => `answered ${status}`, endingOf)
      .then((how) => ({ how, took: performance.now() - started }));
    const times = await readTimes(inside, patients, ending);
    const { how, took } = await ending;
    rows.push({
      measure: `reads while a hostile search runs: ${name}`,
      value: `p99 ${milliseconds(quantile(times, 0.99))}, the search ${how} after ${milliseconds(took)}`,
      against: `idle p99 ${milliseconds(quantile(idle, 0.99))}`,
      bar: {
        text: 'ends in its time, reads p99 ≤ 25 ms',
        met: took <= PATIENCE_MILLISECONDS + 500 && quantile(times, 0.99) <= 25,
      },
    });
  }
  return rows;
}

function endingOf(error: unknown): string {
  if (error instanceof Refusal && error.issues.some(({ code }) => code === 'too-costly'))
    return 'was too costly';
  throw error;
}

/** One read every few milliseconds until the end; a read that waits for the thread shows it. */
async function readTimes(
  inside: Inside,
  patients: readonly string[],
  end: Promise<unknown>,
): Promise<readonly number[]> {
  const times: number[] = [];
  let over = false;
  const ended = end.then(() => {
    over = true;
  });
  for (let at = 0; !over; at++) {
    const due = performance.now() + 5;
    await sleep(5);
    const asked = Math.min(due, performance.now()); // timers may be early by a part of a millisecond
    await inside.get(`Patient/${pick(patients, at)}`);
    times.push(performance.now() - asked);
  }
  await ended;
  return times;
}
