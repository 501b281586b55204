/**
 * An export from another server: begun or gone on with, waited for, fetched, checked, ended.
 * https://hl7.org/fhir/uv/bulkdata/STU2/export.html
 *
 *   ask ──▶ job at the server ──▶ manifest ──▶ files ──▶ all in: remembered ──▶ the server may forget
 *
 * Invariant: killed at any moment, the same request goes on with the same job; the time of an export is remembered for the
 * next one when all of it is in, and not before.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { formatInstant } from '../../fhir/primitives/date.js';
import type { Fetcher } from '../../net/fetcher.js';
import { harvest } from './harvest.js';
import { awaitManifest, endJob, kickOff, nextPage } from './job.js';
import { areSame, type Manifest, namedFiles, readManifest } from './manifest.js';
import type { Patience } from './patience.js';
import { ExportProblem, JobGone } from './problem.js';
import { type ExportListener, type ExportSummary, isComplete } from './report.js';
import { type ExportRequest, kickOffUrl } from './request.js';
import { lockFolder, readState, type State, type Underway, writeDurably, writeState } from './state.js';
import { Talk } from './talk.js';
import { type Credentials, Tokens } from './tokens.js';

/** `last`: what has changed since the last export that was complete. */
export type Since = { readonly kind: 'always' | 'last' } | { readonly kind: 'at'; readonly instant: string };

export interface Pull {
  readonly request: ExportRequest;
  readonly since: Since;
  /** Undefined: the server is open. */
  readonly credentials: Credentials | undefined;
  /** Where each export gets a folder of its own. */
  readonly out: string;
  /** Files under way at once. */
  readonly parallel: number;
  /** An unfinished export is given up for this one. */
  readonly again: boolean;
}

export interface PullParts {
  readonly fetcher: Fetcher;
  readonly clock: Clock;
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly random: () => number;
}

const MOST_PAGES = 10_000;

/** Throws ExportProblem for what ends it; what is merely missing is in the summary. */
export async function pull(wanted: Pull, parts: PullParts, listener: ExportListener): Promise<ExportSummary> {
  kickOffUrl(wanted.request, undefined); // a request that cannot be is refused before anything is touched
  const unlock = lockFolder(wanted.out);
  try {
    return await new Pulling(wanted, parts, listener).run();
  } finally {
    unlock();
  }
}

class Pulling {
  readonly #patience: Patience;
  readonly #talk: Talk;
  #state: State;

  constructor(
    private readonly wanted: Pull,
    parts: PullParts,
    private readonly listener: ExportListener,
  ) {
    const { request, credentials, out } = wanted;
    this.#patience = { ...parts, told: (line) => listener.note(line) };
    const tokens =
      credentials === undefined
        ? undefined
        : new Tokens(request.base, credentials, parts.fetcher, this.#patience);
    this.#talk = new Talk(request.base, parts.fetcher, tokens);
    this.#state = readState(out);
  }

  async run(): Promise<ExportSummary> {
    const underway = (await this.#resumed()) ?? (await this.#begun());
    const manifest = await this.#manifest(underway);
    return this.#fetched(underway, manifest);
  }

  /** What an earlier command left unfinished, if it asked for the same. */
  async #resumed(): Promise<Underway | undefined> {
    const { underway } = this.#state;
    if (underway === undefined) return undefined;
    if (this.wanted.again) {
      await this.#end(underway);
      return undefined;
    }
    if (underway.asked !== this.#asked || underway.since !== sinceWord(this.wanted.since)) {
      throw new ExportProblem(
        `${this.wanted.out} holds an unfinished export of something else (${underway.asked}): give the same command as then ` +
          'to go on with it, --again to give it up, or --out with another folder.',
      );
    }
    this.listener.note(`going on with the export in ${underway.folder}`);
    return underway;
  }

  async #begun(): Promise<Underway> {
    const since = this.#since();
    const begun = await kickOff(this.#talk, kickOffUrl(this.wanted.request, since), this.#patience);
    const underway: Underway = {
      asked: this.#asked,
      since: sinceWord(this.wanted.since),
      statusUrl: begun.statusUrl,
      folder: this.#freeFolder(),
      isIn: false,
    };
    this.#remember({ ...this.#state, underway });
    mkdirSync(join(this.wanted.out, underway.folder), { recursive: true });
    this.listener.note('the server has accepted the export');
    await this.#patience.pause(begun.wait);
    return underway;
  }

  #since(): string | undefined {
    const { since } = this.wanted;
    if (since.kind !== 'last') return since.kind === 'at' ? since.instant : undefined;
    const { complete } = this.#state;
    if (complete === undefined) {
      this.listener.note('no export is complete yet: everything is asked for');
      return undefined;
    }
    if (complete.asked !== this.#asked) {
      throw new ExportProblem(
        `The last complete export in ${this.wanted.out} was of something else (${complete.asked}): --since-last goes with ` +
          'the same request. Give the time with --since, or another folder with --out.',
      );
    }
    this.listener.note(`asking for what has changed since ${complete.transactionTime}`);
    return complete.transactionTime;
  }

  /** Waits for the list of files, and keeps it. */
  async #manifest(underway: Underway): Promise<Manifest> {
    const folder = join(this.wanted.out, underway.folder);
    mkdirSync(folder, { recursive: true });
    const kept = keptManifest(folder);
    try {
      const pages = await this.#pages(underway.statusUrl);
      const manifest = whole(pages.map(({ text, from }) => readManifest(text, from)));
      if (kept !== undefined && !areSame(kept, manifest)) {
        throw new JobGone(
          'The server now names other files than when this export was interrupted: start it anew with --again.',
        );
      }
      for (const [at, { text }] of pages.entries()) writeDurably(folder, pageName(at), text);
      return manifest;
    } catch (error) {
      // Everything was in, and the server had been told: only this was not remembered.
      if (error instanceof JobGone && underway.isIn && kept !== undefined) return kept;
      throw error;
    }
  }

  async #pages(statusUrl: string): Promise<readonly Page[]> {
    const pages: Page[] = [
      { text: await awaitManifest(this.#talk, statusUrl, this.#patience), from: statusUrl },
    ];
    for (;;) {
      const { text, from } = pages.at(-1) as Page; // it began with one
      const { next } = readManifest(text, from);
      if (next === undefined) return pages;
      if (pages.some((page) => page.from === next) || pages.length >= MOST_PAGES) {
        throw new ExportProblem("The pages of the server's list of files do not come to an end.");
      }
      pages.push({ text: await nextPage(this.#talk, next, this.#patience), from: next });
    }
  }

  async #fetched(underway: Underway, manifest: Manifest): Promise<ExportSummary> {
    const folder = join(this.wanted.out, underway.folder);
    const files = namedFiles(manifest.files);
    this.listener.found({ files: files.length, resources: resourcesIn(manifest) });
    const { parallel } = this.wanted;
    const found = await harvest(folder, files, {
      talk: this.#talk,
      patience: this.#patience,
      listener: this.listener,
      parallel,
    });
    const { transactionTime } = manifest;
    const summary: ExportSummary = { ...found, folder, transactionTime, files: files.length };
    if (found.missing.length > 0) return summary; // the same command tries these again
    const { asked } = underway;
    const complete = isComplete(summary) ? { asked, transactionTime } : this.#state.complete;
    this.#remember({ complete, underway: { ...underway, isIn: true } });
    await this.#end(underway);
    return summary;
  }

  /** Tells the server, and forgets the job. */
  async #end({ statusUrl }: Underway): Promise<void> {
    const trouble = await endJob(this.#talk, statusUrl, this.#patience);
    if (trouble !== undefined)
      this.listener.note(`the server could not be told to forget the export: ${trouble}`);
    this.#remember({ ...this.#state, underway: undefined });
  }

  get #asked(): string {
    return kickOffUrl(this.wanted.request, undefined);
  }

  #remember(state: State): void {
    writeState(this.wanted.out, state);
    this.#state = state;
  }

  /** Named by the time, so that folders in the order of their names are exports in their order. */
  #freeFolder(): string {
    const time = formatInstant(this.#patience.clock.now()).replace(/\.\d+/, '').replaceAll(':', '-');
    for (let number = 1; ; number++) {
      const name = number === 1 ? time : `${time}-${number}`;
      if (!existsSync(join(this.wanted.out, name))) return name;
    }
  }
}

interface Page {
  readonly text: string;
  readonly from: string;
}

function sinceWord(since: Since): string {
  switch (since.kind) {
    case 'always':
      return '';
    case 'last':
      return 'last';
    case 'at':
      return since.instant;
  }
}

/** `manifest.json`, `manifest-2.json` … */
function pageName(at: number): string {
  return at === 0 ? 'manifest.json' : `manifest-${at + 1}.json`;
}

/** The list of files as it was when the export was interrupted. */
function keptManifest(folder: string): Manifest | undefined {
  const pages: Manifest[] = [];
  for (let at = 0; existsSync(join(folder, pageName(at))); at++) {
    pages.push(readManifest(readFileSync(join(folder, pageName(at)), 'utf8'), 'http://localhost'));
  }
  // The last page of those that there are; an interruption may have come between two.
  return pages.length === 0 || pages.at(-1)?.next !== undefined ? undefined : whole(pages);
}

function whole(pages: readonly Manifest[]): Manifest {
  const [first] = pages as readonly [Manifest]; // there is always one
  return { ...first, files: pages.flatMap(({ files }) => files), next: undefined };
}

/** Undefined where the server leaves a count out. */
function resourcesIn({ files }: Manifest): number | undefined {
  let sum = 0;
  for (const { count } of files) {
    if (count === undefined) return undefined;
    sum += count;
  }
  return sum;
}
