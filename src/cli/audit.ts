/**
 * `fairway audit`: whether the audit log was tampered with, and its AuditEvents as a file.
 *
 * Invariant: the exit status of `verify` is 0 where nothing was found, 1 where something was; an export has its name only
 * when it is whole. Exports hold what was searched for: patient data.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { type DateRange, dateRange } from '../fhir/primitives/date.js';
import type { AuditFinding, AuditSummary, KnownHead } from '../ports/audit-log.js';
import type { Progress } from './progress.js';
import { countText } from './units.js';

type OnProgress = (done: number, total: number) => void;

export interface AuditTrailReader {
  verify(
    known: readonly KnownHead[],
    onFinding: (finding: AuditFinding) => void,
    onProgress: OnProgress,
  ): AuditSummary;
  /** AuditEvents of records from one time to another (milliseconds, inclusive), one JSON text each. */
  lines(since: number, until: number, onProgress: OnProgress): Iterable<string>;
}

export interface AuditDeps {
  readonly trail: () => AuditTrailReader;
  readonly progress: (label: string, total: number) => Progress;
  readonly output: { write(text: string): unknown };
  readonly exit: (code: number) => void;
}

const VERIFY_EXAMPLES = `
Examples:
  fairway audit verify
  fairway audit verify --checkpoint 0123456789abcdef:420:9f86d081…    one that the server's log told

Finds batches of the log that were changed, removed, put in or moved, ends that were cut off as far as a later checkpoint
knows of them, and AuditEvents that are not what their records say. Whoever can write the file can cut off what is behind the
last checkpoint, or write the log anew from some point: checkpoints that the server's log told ("audit checkpoint"), kept
elsewhere and given here, show that too. Also works while the server runs.`;

const EXPORT_EXAMPLES = `
Examples:
  fairway audit export audit.ndjson
  fairway audit export --since 2026-01-01 --until 2026-01-31 january.ndjson

One AuditEvent a line, in the order of the log. They hold what was searched for: keep the file like patient data.`;

export function auditCommand(deps: AuditDeps): Command {
  return new Command('audit')
    .description('Verifies and exports the audit log')
    .addCommand(verifyCommand(deps))
    .addCommand(exportCommand(deps));
}

function verifyCommand(deps: AuditDeps): Command {
  return new Command('verify')
    .description('Walks the audit log and says where it was tampered with')
    .option(
      '--checkpoint <chain:record:hash>',
      'a checkpoint that must be in the log; may be given again',
      addHead,
      [],
    )
    .addHelpText('after', VERIFY_EXAMPLES)
    .action(({ checkpoint }: { checkpoint: readonly KnownHead[] }) => {
      let findings = 0;
      const shown = shownProgress(deps, 'batches');
      const summary = deps.trail().verify(
        checkpoint,
        ({ place, text }) => {
          findings += 1;
          deps.output.write(`${place === undefined ? '' : `batch ${place}: `}${text}\n`);
        },
        shown.onProgress,
      );
      shown.finish();
      deps.output.write(summaryText(summary, findings));
      if (findings > 0) deps.exit(1);
    });
}

function summaryText({ batches, records, chains, open, events }: AuditSummary, findings: number): string {
  const looked =
    `${countText(records)} records in ${countText(batches)} batches of ${countText(chains)} chains ` +
    `(${countText(open)} not closed), ${countText(events)} AuditEvents as their records`;
  return findings === 0
    ? `The audit log is whole: ${looked}.\n`
    : `The audit log was tampered with, ${countText(findings)} findings: ${looked}.\n`;
}

function exportCommand(deps: AuditDeps): Command {
  return new Command('export')
    .description('Writes AuditEvents as NDJSON')
    .argument('<file>', 'the file to write')
    .option('--since <time>', 'from this date or time on', readTime)
    .option('--until <time>', 'up to and with this date or time', readTime)
    .option('--force', 'replace the file if it exists')
    .addHelpText('after', EXPORT_EXAMPLES)
    .action(
      (file: string, { since, until, force }: { since?: DateRange; until?: DateRange; force?: true }) => {
        if (force !== true && existsSync(file)) {
          throw new Error(`${file} exists: name another file, or replace it with --force.`);
        }
        const shown = shownProgress(deps, 'batches');
        const lines = deps
          .trail()
          .lines(since?.lo ?? 0, until?.hi ?? Number.MAX_SAFE_INTEGER, shown.onProgress);
        const count = writeLines(file, lines);
        shown.finish();
        deps.output.write(`${file}: ${countText(count)} AuditEvents\n`);
      },
    );
}

/** The number of lines. */
function writeLines(file: string, lines: Iterable<string>): number {
  const partial = `${file}.partial`;
  const descriptor = openSync(partial, 'w', 0o600);
  let count = 0;
  try {
    for (const line of lines) {
      writeSync(descriptor, `${line}\n`);
      count += 1;
    }
    fsyncSync(descriptor);
    renameSync(partial, file);
  } finally {
    closeSync(descriptor);
    rmSync(partial, { force: true });
  }
  return count;
}

/** The total is known with the first step. */
function shownProgress(
  { progress }: AuditDeps,
  label: string,
): { readonly onProgress: OnProgress; readonly finish: () => void } {
  let bar: Progress | undefined;
  return {
    onProgress: (done, total) => {
      bar ??= progress(label, total);
      bar.update(done);
    },
    finish: () => bar?.finish(),
  };
}

function addHead(text: string, before: readonly KnownHead[]): readonly KnownHead[] {
  const [, chain, sequence, hash] = /^([0-9a-f]{16}):(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (chain === undefined || sequence === undefined || hash === undefined) {
    throw new InvalidArgumentError('write it as chain:record:hash, as the server’s log has them.');
  }
  return [...before, { chain: chain.toLowerCase(), sequence: Number(sequence), hash: hash.toLowerCase() }];
}

function readTime(text: string): DateRange {
  const range = dateRange(text);
  if (range === undefined) {
    throw new InvalidArgumentError('write a date or time such as 2026-01-31 or 2026-01-31T12:00:00Z.');
  }
  return range;
}
