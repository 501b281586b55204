/**
 * When the practitioners of a site can be booked: half-hour slots on working days after `now`.
 *
 * Invariant: a patient's slot follows from the patient's place in the site, so that no two patients share one and
 * nothing needs to remember what is taken; free slots begin on the day after the last that a patient can have.
 */
import { SITE_SIZE } from './site.js';
import { DAY, HOUR, MINUTE, startOfDay } from './time.js';

/** Practitioners of a site who have a schedule: the first ones of POSTS. */
export const SCHEDULED_STAFF = 4;
const SLOT_MINUTES = 30;
const SLOTS_A_DAY = 13;
const FIRST_HOUR = 9;
const FREE_DAYS = 2;
const BOOKED_DAYS = Math.ceil(SITE_SIZE / SCHEDULED_STAFF / SLOTS_A_DAY);

export interface SlotTime {
  /** Place of the practitioner among the site's staff. */
  readonly staff: number;
  /** Number of the slot in the practitioner's schedule. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

export function bookedSlot(place: number, now: number, zone: number): SlotTime {
  return slotTime(place % SCHEDULED_STAFF, Math.floor(place / SCHEDULED_STAFF), now, zone);
}

export function freeSlots(now: number, zone: number): SlotTime[] {
  const numbers = Array.from(
    { length: FREE_DAYS * SLOTS_A_DAY },
    (_, place) => BOOKED_DAYS * SLOTS_A_DAY + place,
  );
  return numbers.flatMap((number) =>
    Array.from({ length: SCHEDULED_STAFF }, (_, staff) => slotTime(staff, number, now, zone)),
  );
}

/** Begin and end of what a schedule covers. */
export function horizon(now: number, zone: number): readonly [start: number, end: number] {
  const last = slotTime(0, (BOOKED_DAYS + FREE_DAYS) * SLOTS_A_DAY - 1, now, zone);
  return [slotTime(0, 0, now, zone).start, last.end];
}

function slotTime(staff: number, number: number, now: number, zone: number): SlotTime {
  const day = workingDay(now, Math.floor(number / SLOTS_A_DAY) + 1);
  const minutes = FIRST_HOUR * 60 + (number % SLOTS_A_DAY) * SLOT_MINUTES - zone;
  const start = day + minutes * MINUTE;
  return { staff, number, start, end: start + SLOT_MINUTES * MINUTE };
}

/** Midnight of the n-th Monday-to-Friday after `now`. */
function workingDay(now: number, count: number): number {
  let day = startOfDay(now) + DAY;
  for (let left = count; ; day += DAY) {
    const weekday = new Date(day + 12 * HOUR).getUTCDay();
    if (weekday === 0 || weekday === 6) continue;
    left--;
    if (left === 0) return day;
  }
}
