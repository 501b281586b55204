/**
 * What became of the entries, as a Bundle of type batch-response or transaction-response.
 * https://hl7.org/fhir/R4/http.html#transaction-response
 *
 * Invariant: answers stand in the order of the entries that they answer; stored bytes are not parsed.
 */
import { STATUS_CODES } from 'node:http';
import { serialise } from '../../fhir/format/serialise.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import { makePace } from '../pace.js';
import type { FhirRequest } from '../request.js';
import type { FhirResponse } from '../response.js';

export interface EntryAnswer {
  readonly request: FhirRequest;
  readonly response: FhirResponse;
  /** Milliseconds, where it is known more exactly than the Last-Modified header tells. */
  readonly lastUpdated?: number;
}

/** Text is gathered to pieces of about this many characters. */
const PIECE = 65_536;

/** What the bundle's Prefer asks of each entry; bundles are answered without representations unless they are asked for. */
export function entryPreference(prefer: string | undefined): string {
  const header = prefer ?? '';
  return /(?:^|[,;\s])return\s*=/i.test(header)
    ? header
    : `return=minimal${header === '' ? '' : `, ${header}`}`;
}

export async function answerBundle(
  type: 'batch-response' | 'transaction-response',
  answers: readonly EntryAnswer[],
): Promise<FhirResponse> {
  const pace = makePace();
  const body: Buffer[] = [];
  let text = `{"resourceType":"Bundle","type":"${type}"`;
  const flush = (): void => {
    body.push(Buffer.from(text));
    text = '';
  };
  for (const [index, answer] of answers.entries()) {
    text += index === 0 ? ',"entry":[{' : ',{';
    const { response } = answer;
    const content = jsonBody(response);
    const isOutcome = content !== undefined && saysOutcome(answer);
    if (content !== undefined && !isOutcome) {
      text += '"resource":';
      flush();
      body.push(...content);
      text += ',';
    }
    text += `"response":{${facts(answer)}`;
    if (content !== undefined && isOutcome) {
      text += ',"outcome":';
      flush();
      body.push(...content);
    }
    text += '}}';
    if (text.length > PIECE) flush();
    if (pace.due()) await pace.rest();
  }
  text += answers.length === 0 ? '}' : ']}';
  flush();
  return { status: 200, headers: {}, body };
}

/** What is no resource (a result of $graphql) is carried in one: https://hl7.org/fhir/R4/binary.html */
function jsonBody({ body, headers }: FhirResponse): readonly Buffer[] | undefined {
  const contentType = headers['content-type'];
  if (body === undefined || contentType === undefined) return body;
  const data = Buffer.concat(body).toString('base64');
  return [Buffer.from(serialise({ resourceType: 'Binary', contentType, data }))];
}

/** A body that tells of the request, and is not what was asked for. */
function saysOutcome({ request, response }: EntryAnswer): boolean {
  if (response.status >= 400) return true;
  return request.method !== 'GET' && /return\s*=\s*"?OperationOutcome/i.test(request.header('prefer') ?? '');
}

function facts({ response, lastUpdated }: EntryAnswer): string {
  const { status, headers } = response;
  const time = lastUpdated ?? response.lastUpdated ?? Date.parse(headers['last-modified'] ?? '');
  return [
    member('status', `${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()),
    member('location', headers.location),
    member('etag', headers.etag),
    member('lastModified', Number.isNaN(time) ? undefined : formatInstant(time)),
  ]
    .filter((text) => text !== '')
    .join(',');
}

function member(name: string, value: string | undefined): string {
  return value === undefined ? '' : `"${name}":${serialise(value)}`;
}
