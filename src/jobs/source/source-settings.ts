/**
 * The section `sources` of the configuration: servers that this one pulls from by FHIR Bulk Data, on a schedule.
 *
 *   "sources": { "night": { "bulk": { "url": "https://…", "clientId": "…", "key": "key.json", "every": "24h" } } }
 *
 * Invariant: a source that was read can be asked: its URL, level, types and times are right, and client and key go together.
 */
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { ExportProblem } from '../bulk-client/problem.js';
import { baseUrl, type ExportLevel, type ExportRequest, kickOffUrl } from '../bulk-client/request.js';

export interface SourceSettings {
  readonly request: ExportRequest;
  /** Absent: the server is open. */
  readonly client?: {
    readonly clientId: string;
    /** File with the private key. */
    readonly key: string;
    readonly kid?: string;
    readonly tokenUrl?: string;
    readonly scope: string;
  };
  /** Milliseconds from the beginning of a run to that of the next; absent: it runs when somebody says so. */
  readonly every?: number;
}

/** By name. */
export type Sources = Readonly<Record<string, SourceSettings>>;

const TEXT = { type: 'string', minLength: 1 };
const TEXTS = { type: 'array', items: TEXT };
const BULK_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: { ...TEXT, description: 'the FHIR base of the server' },
    clientId: { ...TEXT, description: 'who we are there (SMART Backend Services)' },
    key: { ...TEXT, description: 'file with the private key: JWK or PEM' },
    kid: { ...TEXT, description: 'which key it is, where the file does not say' },
    tokenUrl: { ...TEXT, description: 'where tokens are given, where the server does not say' },
    scope: { ...TEXT, default: 'system/*.rs' },
    level: { enum: ['system', 'patients'], default: 'system' },
    group: { ...TEXT, description: 'the id of a group whose members are wanted' },
    types: { ...TEXTS, description: 'resource types; all where there are none' },
    typeFilters: { ...TEXTS, description: 'searches like Observation?category=laboratory' },
    every: { type: 'string', pattern: '^[1-9]\\d{0,5}[smhd]$', description: 'how often: 15m, 24h, 7d' },
    into: { enum: ['store'], default: 'store' },
  },
};
export const SOURCES_SCHEMA: JsonObject = {
  type: 'object',
  propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' },
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    required: ['bulk'],
    properties: { bulk: BULK_SCHEMA },
  },
};

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const MILLISECONDS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 24 * 3_600_000,
};

/** The section, or what is wrong with it, each with its place. */
export function readSources(value: JsonValue): Sources | { readonly problems: readonly string[] } {
  if (!isObject(value)) return { problems: ['sources has to be an object with a source for each name'] };
  const problems: string[] = [];
  const sources = Object.entries(value).map(([name, source]) => {
    if (!NAME.test(name))
      problems.push(`sources: ${shown(name)} is no name: letters, digits, - and _, 64 at most`);
    const section = new Section(`sources.${name}`, source, ['bulk'], problems);
    const bulk = new Section(
      `sources.${name}.bulk`,
      section.values.bulk,
      Object.keys(BULK_SCHEMA.properties),
      problems,
    );
    return [name, sourceOf(bulk)] as const;
  });
  // With problems nothing is used.
  return problems.length > 0 ? { problems } : (Object.fromEntries(sources) as Sources);
}

/** Names are shown as far as they are short. */
function shown(name: string): string {
  return name === '' ? 'an empty text' : name.slice(0, 70);
}

function sourceOf(bulk: Section): SourceSettings | undefined {
  const request = requestOf(bulk);
  const client = clientOf(bulk);
  const every = everyOf(bulk);
  bulk.choice('into', ['store']);
  if (request === undefined) return undefined;
  return {
    request,
    ...(client === undefined ? {} : { client }),
    ...(every === undefined ? {} : { every }),
  };
}

function requestOf(bulk: Section): ExportRequest | undefined {
  const url = bulk.text('url');
  const group = bulk.text('group');
  const level = bulk.choice('level', ['system', 'patients']);
  const types = bulk.texts('types');
  const typeFilters = bulk.texts('typeFilters');
  if (url === undefined) {
    bulk.problem('url', 'is missing: it is the FHIR base of the server');
    return undefined;
  }
  if (group !== undefined && level !== undefined) bulk.problem('group', 'and level exclude each other');
  try {
    const request = { base: baseUrl(url), level: levelOf(group, level), types, typeFilters };
    kickOffUrl(request, undefined);
    return request;
  } catch (error) {
    if (!(error instanceof ExportProblem)) throw error;
    bulk.problem('url', `with level, group and types: ${error.message.replace(/\.$/, '')}`);
    return undefined;
  }
}

function levelOf(group: string | undefined, level: string | undefined): ExportLevel {
  if (group !== undefined) return { kind: 'group', id: group };
  return { kind: level === 'patients' ? 'patients' : 'system' };
}

function clientOf(bulk: Section): SourceSettings['client'] {
  const [clientId, key, kid] = [bulk.text('clientId'), bulk.text('key'), bulk.text('kid')];
  const [tokenUrl, scope = 'system/*.rs'] = [bulk.text('tokenUrl'), bulk.text('scope')];
  if (tokenUrl !== undefined && !(URL.canParse(tokenUrl) && /^https?:/.test(tokenUrl)))
    bulk.problem('tokenUrl', 'must be a URL with https://');
  if (clientId === undefined && key === undefined) return undefined;
  if (clientId === undefined || key === undefined) {
    bulk.problem('clientId', 'and key go together: give both, or none where the server is open');
    return undefined;
  }
  return {
    clientId,
    key,
    scope,
    ...(kid === undefined ? {} : { kid }),
    ...(tokenUrl === undefined ? {} : { tokenUrl }),
  };
}

function everyOf(bulk: Section): number | undefined {
  const text = bulk.text('every');
  if (text === undefined) return undefined;
  const [, count, unit = ''] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  if (count === undefined) bulk.problem('every', 'must be a number and s, m, h or d, like 24h');
  return Number(count) * (MILLISECONDS[unit] ?? Number.NaN);
}

/** An object of the configuration, and what is found wrong in it. */
class Section {
  readonly values: JsonObject;

  constructor(
    private readonly place: string,
    value: JsonValue | undefined,
    known: readonly string[],
    private readonly problems: string[],
  ) {
    this.values = isObject(value) ? value : {};
    if (!isObject(value)) problems.push(`${place} has to be an object`);
    for (const name of Object.keys(this.values)) {
      if (!known.includes(name)) problems.push(`${place} has no ${name}: it has ${known.join(', ')}`);
    }
  }

  problem(name: string, text: string): void {
    this.problems.push(`${this.place}.${name} ${text}`);
  }

  text(name: string): string | undefined {
    const value = this.values[name];
    if (value === undefined || (typeof value === 'string' && value !== '')) return value;
    this.problem(name, 'must be a text that is not empty');
    return undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.values[name] ?? [];
    if (Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== ''))
      return value as readonly string[]; // every one was looked at
    this.problem(name, 'must be a list of texts');
    return [];
  }

  choice(name: string, choices: readonly string[]): string | undefined {
    const value = this.text(name);
    if (value === undefined || choices.includes(value)) return value;
    this.problem(name, `must be ${choices.join(' or ')}`);
    return undefined;
  }
}
