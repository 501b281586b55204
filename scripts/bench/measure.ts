/**
 * Measuring: processor seconds of whole process trees from /proc, medians, and the row that a benchmark reports.
 *
 * Invariant: what is compared was run in turn in one run, and the ratio of medians is quoted.
 */
import { readFileSync } from 'node:fs';

export interface Row {
  readonly measure: string;
  readonly value: string;
  readonly against: string;
  /**
   * What the bar asks for, and whether it was met; absent where there is no bar. `metAtBest`: whether each thing that was asked
   * met it in the best of its rounds, so that pauses of a shared machine do not count.
   */
  readonly bar?: { readonly text: string; readonly met: boolean; readonly metAtBest?: boolean };
}

/** USER_HZ of Linux: /proc counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

function children(pid: number): number[] {
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const direct = listed === '' ? [] : listed.split(' ').map(Number);
  return direct.flatMap((child) => [child, ...children(child)]);
}

function ownCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold blanks: fields are counted from behind it. utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** User and system seconds of a process and all that it started and still runs. */
export function cpuSeconds(pid: number): number {
  return [pid, ...children(pid)].reduce((sum, each) => sum + ownCpuSeconds(each), 0);
}

/** Resident bytes of a process and all that it started and still runs. */
export function residentBytes(pid: number): number {
  return [pid, ...children(pid)].reduce((sum, each) => {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${each}/status`, 'utf8'));
    return sum + Number(line?.[1] ?? 0) * 1024;
  }, 0);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function rate(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

/** A row whose bar is "at least". */
export function atLeast(measure: string, ratio: number, bar: number, value: string, against: string): Row {
  return {
    measure,
    value: `${value} (${ratio.toFixed(2)})`,
    against,
    bar: { text: `≥ ${bar}`, met: ratio >= bar },
  };
}

function verdict({ met, metAtBest = false }: NonNullable<Row['bar']>): string {
  if (met) return 'yes';
  return metAtBest ? '**no**, but for pauses yes' : '**no**';
}

export function markdown(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const bar = row.bar === undefined ? '' : row.bar.text;
    const met = row.bar === undefined ? '' : verdict(row.bar);
    return `| ${row.measure} | ${row.value} | ${row.against} | ${bar} | ${met} |`;
  });
  return ['| measure | result | compared with | bar | met |', '|---|---|---|---|---|', ...lines, ''].join(
    '\n',
  );
}
