/**
 * Dates as FHIR writes them.
 * https://hl7.org/fhir/R4/datatypes.html#dateTime
 */
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** The mean length of a year: good for ages and trends, not for calendars. */
export const YEAR = 365.25 * DAY;

/** `2025-03-09` (UTC). */
export function dateText(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** `2025-03-09T09:30:00-05:00`: the instant in a zone that is so many minutes ahead of UTC. */
export function dateTimeText(time: number, zoneMinutes: number): string {
  const local = new Date(time + zoneMinutes * MINUTE).toISOString().slice(0, 19);
  return local + zoneText(zoneMinutes);
}

/** `2025-03-09T14:30:00.000Z`. */
export function instantText(time: number): string {
  return new Date(time).toISOString();
}

export function startOfDay(time: number): number {
  return time - (time % DAY);
}

function zoneText(minutes: number): string {
  if (minutes === 0) return 'Z';
  const ahead = Math.abs(minutes);
  const hours = String(Math.floor(ahead / 60)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${hours}:${String(ahead % 60).padStart(2, '0')}`;
}
