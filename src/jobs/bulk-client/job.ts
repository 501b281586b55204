/**
 * The job at the server: begun, waited for, ended.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-status-request
 *
 * Invariant: a job is begun by one request that was accepted once; the server is asked for its state no sooner than it
 * said, and is told when its files are no longer needed.
 */
import type { Fetched } from '../../net/fetcher.js';
import { oneLine, wordsOf } from './answer-words.js';
import { askedWait, asksForPatience, MOST_TRIES, ownWait, type Patience, patiently } from './patience.js';
import { ExportProblem, JobGone } from './problem.js';
import type { Talk } from './talk.js';

const MOST_MANIFEST_BYTES = 67_108_864;
/** Servers may look through much before they accept. */
const KICK_OFF_MILLISECONDS = 120_000;

export interface Begun {
  /** Where the job's state is to be asked for. */
  readonly statusUrl: string;
  /** Milliseconds before it is worth asking. */
  readonly wait: number;
}

export async function kickOff(talk: Talk, url: string, patience: Patience): Promise<Begun> {
  const ask = (): Promise<Fetched> =>
    talk.ask({
      url,
      headers: { accept: 'application/fhir+json', prefer: 'respond-async' },
      maxBytes: MOST_MANIFEST_BYTES,
      timeLimit: KICK_OFF_MILLISECONDS,
      withToken: true,
    });
  const answer = await patiently({ what: 'starting the export', repeatable: false }, ask, patience);
  const location = answer.headers['content-location'];
  if (answer.status !== 202) {
    const { text } = await wordsOf(answer);
    throw new ExportProblem(`The server did not start the export: ${text}.${wayOut(answer.status)}`);
  }
  answer.discard();
  if (location === undefined || !URL.canParse(location, url)) {
    throw new ExportProblem(
      'The server accepted the export and did not say where to ask for it (Content-Location).',
    );
  }
  const wait = askedWait(answer.headers['retry-after'], patience.clock) ?? ownWait(0, patience);
  return { statusUrl: new URL(location, url).href, wait };
}

const WAYS_OUT: Readonly<Record<number, string>> = {
  401: ' Check --client-id and --key; without them the server would have to be open.',
  403: ' Check --scope and what the client was registered for.',
  404: ' Check the URL: it is the FHIR base; and the id of the group.',
};

function wayOut(status: number): string {
  return WAYS_OUT[status] ?? '';
}

/** Waits until the export is complete: the text of its manifest. Throws JobGone where the server does not know the job. */
export async function awaitManifest(talk: Talk, statusUrl: string, patience: Patience): Promise<string> {
  let told: string | undefined;
  let failures = 0;
  for (let polls = 0; ; polls++) {
    const answer = await fetchManifest(talk, statusUrl, 'asking how far the export is', patience);
    if (answer.status === 200) return (await answer.bytes()).toString();
    if (answer.status !== 202) {
      failures += 1;
      await lookAtFailure(answer, failures);
    } else {
      failures = 0;
      answer.discard();
      const progress = oneLine(answer.headers['x-progress'] ?? '');
      if (progress !== '' && progress !== told) patience.told(`the server is at work: ${progress}`);
      told = progress;
    }
    const asked = askedWait(answer.headers['retry-after'], patience.clock);
    await patience.pause(asked ?? ownWait(polls, patience));
  }
}

/** A failed request for the state is not always the end of the job: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---error-status-1 */
async function lookAtFailure(answer: Fetched, failures: number): Promise<void> {
  const { text, issues } = await wordsOf(answer);
  if (answer.status === 404 || answer.status === 410) {
    throw new JobGone(`The server no longer has this export (${text}): start it anew with --again.`);
  }
  const isTried = asksForPatience(answer.status); // often enough
  if (!isTried && issues.some(({ code }) => code === 'transient') && failures < MOST_TRIES) return;
  if (!isTried && answer.status >= 500) {
    throw new JobGone(`The export failed at the server: ${text}. Start it anew with --again.`);
  }
  throw new ExportProblem(
    `The server does not say how far the export is: ${text}. The same command asks again, --again starts anew.`,
  );
}

/** A further page of the manifest. */
export async function nextPage(talk: Talk, url: string, patience: Patience): Promise<string> {
  const answer = await fetchManifest(talk, url, 'asking for the next page of the list of files', patience);
  if (answer.status === 200) return (await answer.bytes()).toString();
  throw new ExportProblem(`A page of the list of files is not to be had: ${(await wordsOf(answer)).text}.`);
}

function fetchManifest(talk: Talk, url: string, what: string, patience: Patience): Promise<Fetched> {
  const headers = { accept: 'application/json' };
  const ask = () => talk.ask({ url, headers, maxBytes: MOST_MANIFEST_BYTES, withToken: true });
  return patiently({ what, repeatable: true }, ask, patience);
}

/** Tells the server that the job is no longer needed. The words of what went wrong; undefined where it is gone. */
export async function endJob(talk: Talk, statusUrl: string, patience: Patience): Promise<string | undefined> {
  const ask = () =>
    talk.ask({ url: statusUrl, method: 'DELETE', maxBytes: MOST_MANIFEST_BYTES, withToken: true });
  try {
    const answer = await patiently(
      { what: 'ending the export at the server', repeatable: true },
      ask,
      patience,
    );
    const { text } = await wordsOf(answer);
    return answer.status < 300 || answer.status === 404 || answer.status === 410 ? undefined : text;
  } catch (error) {
    if (error instanceof ExportProblem) return error.message;
    throw error;
  }
}
