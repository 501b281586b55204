/** Bundles in short, for tests. */
import type { JsonObject, JsonValue } from '../../fhir/format/json.js';
import type { Answer, World } from '../testing.js';

export const MRN = 'urn:example:mrn';

export function patient(mrn: string, more: JsonObject = {}): JsonObject {
  return { resourceType: 'Patient', identifier: [{ system: MRN, value: mrn }], ...more };
}

export function observation(subject: string, more: JsonObject = {}): JsonObject {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'height' },
    subject: { reference: subject },
    ...more,
  };
}

export interface EntryParts {
  readonly fullUrl?: string;
  readonly resource?: JsonValue;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly ifNoneExist?: string;
}

/** `POST Patient`, `PUT Patient/1`, `DELETE Patient?identifier=…` */
export function entry(line: string, { fullUrl, resource, ...headers }: EntryParts = {}): JsonObject {
  const [method = '', url = ''] = line.split(' ', 2);
  return {
    ...(fullUrl === undefined ? {} : { fullUrl }),
    ...(resource === undefined ? {} : { resource }),
    request: { method, url, ...headers },
  };
}

export function bundle(type: string, entries: readonly JsonValue[]): JsonObject {
  return { resourceType: 'Bundle', type, ...(entries.length === 0 ? {} : { entry: [...entries] }) };
}

export function send(
  world: World,
  type: 'batch' | 'transaction',
  entries: readonly JsonValue[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return world.ask('POST ', { body: bundle(type, entries), headers });
}

/** `201 Created` … of the answered entries. */
export function statuses(answer: Answer): readonly string[] {
  return (answer.json.entry as readonly { response: { status: string } }[]).map(
    (each) => each.response.status,
  );
}

/** `Patient/1` of an answered entry. */
export function locationOf(answer: Answer, index: number): string {
  const location = String(answer.json.entry[index].response.location);
  const [, type = '', id = ''] = /\/([A-Z][A-Za-z]+)\/([^/]+)\/_history\//.exec(location) ?? [];
  return `${type}/${id}`;
}

/** What an OperationOutcome says, as `code expression`. */
export function issues(answer: Answer): readonly string[] {
  return (answer.json.issue as readonly { code: string; expression?: readonly string[] }[]).map(
    ({ code, expression = [] }) => `${code} ${expression.join(' ')}`.trim(),
  );
}
