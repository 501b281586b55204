/** Searches inside the server on a large store, and pages at depth against page one. */
import type { Bundle } from 'fhir/r4.js';
import type { Inside } from './inside.js';
import { median, milliseconds, quantile, type Row } from './measure.js';

const SAMPLES = 300;

async function bundle(inside: Inside, query: string): Promise<Bundle> {
  const response = await inside.get(query);
  if (response.status !== 200) throw new Error(`${query} answered ${response.status}`);
  // A searchset of our own.
  return JSON.parse(Buffer.concat(response.body ?? []).toString()) as Bundle;
}

export async function patientIds(inside: Inside, many: number): Promise<readonly string[]> {
  const page = await bundle(inside, `Patient?_count=${many}`);
  return (page.entry ?? []).flatMap((entry) => entry.resource?.id ?? []);
}

async function timed(inside: Inside, queries: readonly string[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const query of queries) {
    const started = performance.now();
    const response = await inside.get(query);
    times.push(performance.now() - started);
    if (response.status !== 200) throw new Error(`${query} answered ${response.status}`);
  }
  return times;
}

interface Case {
  readonly name: string;
  readonly query: (patient: string) => string;
  readonly bar?: readonly [median: number, p99: number];
}

const CASES: readonly Case[] = [
  {
    name: 'patient + category + date sorted, 50',
    query: (id) => `Observation?patient=${id}&category=laboratory&date=ge2019-01-01&_sort=-date&_count=50`,
    bar: [1, 10],
  },
  {
    name: 'token + date, sorted by date, 50',
    query: () => 'Observation?code=http://loinc.org|8867-4&date=ge2020&_sort=-date&_count=50',
  },
  { name: 'chained, sorted', query: (id) => `Observation?subject:Patient._id=${id}&_sort=-date&_count=50` },
  { name: 'chained by name, sorted', query: () => 'Observation?patient.family=m&_sort=-date&_count=50' },
];

export async function searchRows(inside: Inside, total: number): Promise<readonly Row[]> {
  const ids = await patientIds(inside, 1000);
  const rows: Row[] = [];
  for (const each of CASES) {
    const queries = Array.from({ length: SAMPLES }, (_, index) =>
      each.query(ids[(index * 7) % ids.length] ?? ''),
    );
    await timed(inside, queries); // a server that runs has its pages mapped
    const times = await timed(inside, queries);
    const [middle, p99] = [median(times), quantile(times, 0.99)];
    rows.push({
      measure: `${each.name}, ${total.toLocaleString('en-US')} resources, inside the server`,
      value: `median ${milliseconds(middle)}, p99 ${milliseconds(p99)}`,
      against: '–',
      ...(each.bar === undefined
        ? {}
        : {
            bar: {
              text: `median ≤ ${each.bar[0]} ms, p99 ≤ ${each.bar[1]} ms`,
              met: middle <= each.bar[0] && p99 <= each.bar[1],
            },
          }),
    });
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
