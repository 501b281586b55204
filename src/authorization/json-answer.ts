/** Small answers in JSON that no cache may keep: https://www.rfc-editor.org/rfc/rfc6749#section-5.1 */
import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../fhir/format/json.js';
import { serialise } from '../fhir/format/serialise.js';

export function answerJson(
  response: ServerResponse,
  status: number,
  body: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): void {
  const all = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    ...headers,
  };
  response.writeHead(status, all).end(serialise(body));
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
export function failure(error: string, description: string): JsonObject {
  return { error, error_description: description };
}
