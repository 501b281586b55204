import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Refusal } from '../fhir/outcome.js';
import { parseRequestTarget, type RequestTarget } from './request-target.js';

interface Case extends Partial<RequestTarget> {
  readonly url: string;
  /** The kind of refusal. */
  readonly refused?: string;
}

// The file of cases is ours, shaped as above.
const CASES = JSON.parse(readFileSync('src/http/cases/request-targets.json', 'utf8')) as readonly Case[];

it.each(CASES)('reads $url', ({ url, path, query, refused }) => {
  const read = (): RequestTarget => parseRequestTarget(url, '/fhir'.length);

  if (refused === undefined) expect(read()).toEqual({ path, query });
  else expect(read).toThrow(expect.objectContaining({ kind: refused, constructor: Refusal }));
});
