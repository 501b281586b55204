/** Counts, rates and times as people read them. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `12,345` */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `1 resource`, `12,345 resources` */
export function countOf(count: number, one: string, many: string): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** `12,345/s`; small rates keep a decimal. */
export function rateText(count: number, milliseconds: number): string {
  const rate = milliseconds <= 0 ? 0 : (count * SECOND) / milliseconds;
  return `${rate < 10 ? rate.toFixed(1) : countText(rate)}/s`;
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 7 min` */
export function durationText(milliseconds: number): string {
  if (milliseconds < 10 * SECOND) return `${(milliseconds / SECOND).toFixed(1)} s`;
  if (milliseconds < MINUTE) return `${Math.round(milliseconds / SECOND)} s`;
  const seconds = Math.round(milliseconds / SECOND);
  if (milliseconds < HOUR) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(milliseconds / MINUTE);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
