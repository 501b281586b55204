import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchParameter } from '../fhir/definitions/definitions.js';
import { Refusal } from '../fhir/outcome.js';
import { parseSearch } from '../fhir/search/parse-search.js';
import { SHAPES } from './path.js';
import { ROUTES } from './routes.js';
import { BASE, openWorld, START, type World } from './testing.js';

/** Checked in, so that a change of what we promise is seen in review. */
const EXPECTED = join(process.cwd(), 'capability-statement/fairway-r4.json');

let world: World;

interface TypeStatement {
  readonly type: string;
  readonly interaction: readonly { readonly code: string }[];
  readonly searchParam: readonly { readonly name: string; readonly type: string }[];
}

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** Values that fit every parameter of their kind. */
const SAMPLES: Readonly<Record<SearchParameter['type'], string>> = {
  token: 'true',
  string: 'x',
  date: '2024',
  number: '1',
  quantity: '1',
  reference: '1',
  uri: 'urn:x',
  composite: '',
  special: '48.2|16.4',
};

function sampleOf({ type, components = [] }: SearchParameter): string {
  return type === 'composite' ? components.map((each) => SAMPLES[each.type]).join('$') : SAMPLES[type];
}

function isTaken(type: string, parameter: SearchParameter): boolean {
  const { settings, knowledge } = world.context;
  const options = { ...settings, lenient: false, now: START, baseUrl: BASE };
  try {
    parseSearch(knowledge.definitions, { type }, [[parameter.code, sampleOf(parameter)]], options);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(Refusal);
    return false;
  }
}

describe('capabilities', () => {
  it('declares what is asked of every server of its version', async () => {
    const { status, json } = await world.ask('GET metadata');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      resourceType: 'CapabilityStatement',
      status: 'active',
      kind: 'instance',
      fhirVersion: '4.0.1',
      implementation: { url: BASE },
      software: { name: 'Fairway', version: '0.0.0-test' },
      date: '2024-01-31T12:00:00.000Z',
    });
    expect(json.format).toContain('json');
    expect(json.rest[0].mode).toBe('server');
  });

  it('is itself a valid resource', async () => {
    const { json } = await world.ask('GET metadata');
    expect(world.context.knowledge.validate(json)).toEqual([]);
  });

  it('lists every resource type with every interaction that a route serves', async () => {
    const { json } = await world.ask('GET metadata');
    const resources: TypeStatement[] = json.rest[0].resource;
    expect(resources.map(({ type }) => type)).toEqual(
      [...world.context.knowledge.definitions.resourceTypes.keys()].sort(),
    );
    const codes = new Set(
      Object.values(ROUTES)
        .flatMap((methods) => Object.values(methods))
        .flatMap((r) => r.declares),
    );
    const said = [...(resources[0]?.interaction ?? []), ...json.rest[0].interaction].map(({ code }) => code);
    expect(new Set(said)).toEqual(codes);
  });

  it('promises the search parameters that a search takes, and no other', async () => {
    const { definitions } = world.context.knowledge;
    const { json } = await world.ask('GET metadata');
    for (const { type, searchParam } of json.rest[0].resource as TypeStatement[]) {
      const promised = new Set(searchParam.map(({ name }) => name));
      const known = [...(definitions.searchParameters.get(type)?.values() ?? [])];
      const taken = known.filter((parameter) => isTaken(type, parameter)).map(({ code }) => code);
      expect({ type, codes: [...promised].sort() }).toEqual({ type, codes: taken.sort() });
    }
  });

  it.each([
    ['_filter', 'Patient?_filter=active eq true'],
    ['_has', 'Patient?_has:Observation:patient:code=8867-4'],
    ['_list', 'Patient?_list=none'],
    ['_type', '?_type=Patient,Group'],
    ['_explain', 'Patient?_explain=true'],
  ])('promises %s, which every search takes', async (name, query) => {
    const { json } = await world.ask('GET metadata');
    const promised: readonly { name: string }[] = json.rest[0].searchParam;

    expect(promised.map((one) => one.name)).toContain(name);
    expect((await world.ask(`GET ${encodeURI(query)}`)).status).toBe(200);
  });

  it('promises no _explain where it is not allowed', async () => {
    const { json } = await world.with({ explain: false }).ask('GET metadata');
    const promised: readonly { name: string }[] = json.rest[0].searchParam;

    expect(promised.map((one) => one.name)).not.toContain('_explain');
  });

  it('has a shape for every route', () => {
    expect(Object.keys(ROUTES).sort()).toEqual(Object.keys(SHAPES).sort());
  });

  it('takes mode, _summary and _elements', async () => {
    expect((await world.ask('GET metadata?mode=full')).status).toBe(200);
    expect((await world.ask('GET metadata?mode=partial')).status).toBe(400);
    const summary = await world.ask('GET metadata?_summary=true');
    expect(summary.json.rest[0].resource[0].type).toBe('Account');
    expect(summary.json.rest[0].resource[0].searchParam).toBeUndefined();
    expect((await world.ask('GET metadata?_elements=software')).json.software.name).toBe('Fairway');
  });

  it('is the statement that is checked in (UPDATE_EXPECTED=1 writes it anew)', async () => {
    const { json } = await world.ask('GET metadata');
    const text = printed(json);
    if (process.env.UPDATE_EXPECTED === '1') writeFileSync(EXPECTED, text);
    expect(text).toBe(readFileSync(EXPECTED, 'utf8'));
  });
});

/** One line per resource type, so that a difference shows the type that changed. */
function printed(statement: { rest: { resource: object[] }[] }): string {
  const [rest] = statement.rest;
  const resources = (rest?.resource ?? []).map((resource) => `      ${JSON.stringify(resource)}`).join(',\n');
  const frame = JSON.stringify({ ...statement, rest: [{ ...rest, resource: ['@'] }] }, null, 2);
  return `${frame.replace(/\[\s*"@"\s*\]/, () => `[\n${resources}\n      ]`)}\n`;
}
