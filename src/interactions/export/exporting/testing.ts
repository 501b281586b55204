/** For tests of exports: a kick-off, the work, the manifest and its files, as a client goes through them. */
import { expect } from 'vitest';
import { parseJson } from '../../../fhir/format/parse.js';
import { type Answer, type Ask, BASE, below, type World } from '../../testing.js';

export const ASYNC = { prefer: 'respond-async', accept: 'application/fhir+json' };

export interface ListedFile {
  readonly type?: string;
  readonly url: string;
  readonly count: number;
}

export interface Manifest {
  readonly transactionTime: string;
  readonly request: string;
  readonly requiresAccessToken: boolean;
  readonly output: readonly ListedFile[];
  readonly deleted?: readonly ListedFile[];
  readonly error: readonly ListedFile[];
}

export interface Exported {
  /** Path below the base. */
  readonly status: string;
  readonly manifest: Manifest;
  /** `Patient/1` of every line of every output file, sorted. */
  readonly keys: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into resources by hand
  readonly resources: readonly any[];
  lines(file: ListedFile): Promise<readonly string[]>;
}

/** The path of the job's status. */
export async function begin(world: World, line: string, ask: Ask = {}): Promise<string> {
  const answer = await world.ask(line, { ...ask, headers: { ...ASYNC, ...ask.headers } });
  expect(answer.status, answer.text).toBe(202);
  return below(answer.headers['content-location'] ?? '');
}

export async function complete(world: World, status: string): Promise<Answer> {
  await world.runJobs();
  const first = await world.ask(`GET ${status}`);
  return first.status === 202 ? world.ask(`GET ${status}`) : first;
}

export async function exported(world: World, line: string, ask: Ask = {}): Promise<Exported> {
  return collected(world, await begin(world, line, ask));
}

export async function collected(world: World, status: string): Promise<Exported> {
  const answer = await complete(world, status);
  expect(answer.status, answer.text).toBe(200);
  const manifest = JSON.parse(answer.text) as Manifest;
  const lines = async ({ url, count }: ListedFile): Promise<readonly string[]> => {
    const file = await world.ask(`GET ${below(url)}`);
    expect(file.status, file.text).toBe(200);
    expect(file.headers['content-type']).toBe('application/fhir+ndjson');
    expect(file.text.endsWith('\n')).toBe(true);
    const found = file.text.slice(0, -1).split('\n');
    expect(found).toHaveLength(count);
    return found;
  };
  const resources: unknown[] = [];
  for (const file of manifest.output) {
    const found = (await lines(file)).map((line) => parseJson(line) as { resourceType: string });
    if (file.type !== undefined) for (const { resourceType } of found) expect(resourceType).toBe(file.type);
    resources.push(...found);
  }
  const keys = (resources as { resourceType: string; id?: string }[])
    .map(({ resourceType, id }) => `${resourceType}/${id}`)
    .sort();
  return { status, manifest, keys, resources, lines };
}

export async function put(world: World, type: string, id: string, more: object = {}): Promise<void> {
  const answer = await world.ask(`PUT ${type}/${id}`, {
    body: Buffer.from(JSON.stringify({ resourceType: type, id, ...more })),
    headers: { 'content-type': 'application/fhir+json' },
  });
  expect(answer.status, answer.text).toBeLessThan(300);
}

export async function remove(world: World, key: string): Promise<void> {
  expect((await world.ask(`DELETE ${key}`)).status).toBeLessThan(300);
}

export function observation(patient: string, code = 'a'): object {
  return {
    status: 'final',
    code: { coding: [{ system: 'urn:codes', code }] },
    subject: { reference: `Patient/${patient}` },
  };
}

export function provenance(...targets: readonly string[]): object {
  return {
    target: targets.map((reference) => ({ reference })),
    recorded: '2024-01-01T00:00:00Z',
    agent: [{ who: { display: 'somebody' } }],
  };
}

export { BASE };
