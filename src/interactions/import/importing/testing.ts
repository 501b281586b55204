/** For tests of imports: files on a server of this machine, the kick-off, the work, the manifest and its error files. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'vitest';
import { type Site, serveHttp } from '../../../net/testing.js';
import { begin, complete } from '../../export/exporting/testing.js';
import { type Ask, below, type World } from '../../testing.js';

export interface ListedOutput {
  readonly type: string;
  readonly inputUrl?: string;
  readonly count: number;
}

export interface ImportManifest {
  readonly transactionTime: string;
  readonly request: string;
  readonly requiresAccessToken: boolean;
  readonly output: readonly ListedOutput[];
  readonly error: readonly (ListedOutput & { readonly url: string })[];
}

export interface Imported {
  readonly status: string;
  readonly manifest: ImportManifest;
  /** The OperationOutcomes of all error files, `line 3: Patient/1 – text` each. */
  readonly refusals: readonly string[];
}

/** What a path is answered with. */
export type Served = Buffer | string | ((request: IncomingMessage, response: ServerResponse) => void);

export interface FileServer extends Site {
  /** Requests by path. */
  readonly asked: readonly string[];
  url(path: string): string;
}

export async function serveFiles(files: Readonly<Record<string, Served>>): Promise<FileServer> {
  const asked: string[] = [];
  const site = await serveHttp((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const served = files[path];
    if (typeof served === 'function') served(request, response);
    else if (served === undefined) response.writeHead(404).end();
    else response.end(served);
  });
  return { ...site, asked, url: (path) => `http://files.test:${site.port}${path}` };
}

export function lines(resources: readonly object[]): string {
  return resources.map((one) => `${JSON.stringify(one)}\n`).join('');
}

export interface Input {
  readonly type: string;
  readonly url: string;
  readonly etag?: string;
}

export function parameters(inputs: readonly Input[], more: readonly object[] = []): Ask {
  const parameter = [
    { name: 'inputFormat', valueCode: 'application/fhir+ndjson' },
    ...inputs.map(({ type, url, etag }) => ({
      name: 'input',
      part: [
        { name: 'type', valueCode: type },
        { name: 'url', valueUrl: url },
        ...(etag === undefined ? [] : [{ name: 'etag', valueString: etag }]),
      ],
    })),
    ...more,
  ];
  return jsonBody({ resourceType: 'Parameters', parameter });
}

export function jsonBody(body: object): Ask {
  return {
    headers: { 'content-type': 'application/fhir+json' },
    body: Buffer.from(JSON.stringify(body)),
  };
}

export function ndjson(body: string | Buffer): Ask {
  return { headers: { 'content-type': 'application/fhir+ndjson' }, body: Buffer.from(body) };
}

export async function imported(world: World, ask: Ask, line = 'POST $import'): Promise<Imported> {
  return importedAt(world, await begin(world, line, ask));
}

export async function importedAt(world: World, status: string): Promise<Imported> {
  const answer = await complete(world, status);
  expect(answer.status, answer.text).toBe(200);
  const manifest = JSON.parse(answer.text) as ImportManifest;
  const refusals: string[] = [];
  for (const { url, count } of manifest.error) {
    const file = await world.ask(`GET ${below(url)}`);
    expect([file.status, file.headers['content-type']]).toEqual([200, 'application/fhir+ndjson']);
    const found = file.text.trimEnd().split('\n');
    expect(found).toHaveLength(count);
    for (const one of found) {
      const { issue } = JSON.parse(one) as Outcome;
      refusals.push(`${issue[0]?.diagnostics} – ${issue[0]?.details.text}`);
    }
  }
  return { status, manifest, refusals };
}

interface Outcome {
  readonly issue: readonly { readonly diagnostics: string; readonly details: { readonly text: string } }[];
}
