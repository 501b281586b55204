import { describe, expect, it } from 'vitest';
import { Progress } from './progress.js';
import { countText, durationText, rateText } from './units.js';

function screen(isTTY: boolean) {
  const state = { text: '', time: 0 };
  const stream = { isTTY, columns: 100, write: (text: string) => (state.text += text) };
  return {
    state,
    progress: (total?: number) => new Progress(stream, 'resources', total, () => state.time),
    at: (milliseconds: number) => {
      state.time = milliseconds;
      state.text = '';
    },
  };
}

describe('on a terminal', () => {
  it('is a bar with rate and time left, drawn over itself', () => {
    const { state, progress, at } = screen(true);
    const shown = progress(1000);

    at(2000);
    shown.update(500, 12_345);

    expect(state.text).toBe(
      '\r\x1b[2K[██████████░░░░░░░░░░]  50 %   12,345 resources   6,173/s   2.0 s left',
    );
  });

  it('is drawn no more than ten times a second, and never wider than the terminal', () => {
    const { state, progress, at } = screen(true);
    const shown = progress(1000);
    at(1000);
    shown.update(1);
    at(1050);
    shown.update(2);

    expect(state.text).toBe('');
  });

  it('lets other lines pass above it', () => {
    const { state, progress, at } = screen(true);
    const shown = progress();
    at(3000);
    shown.note('refused a.json');

    expect(state.text).toBe('\r\x1b[2Krefused a.json\n\r\x1b[2K0 resources   0.0/s');
  });
});

describe('elsewhere', () => {
  it('is a plain line every few seconds', () => {
    const { state, progress, at } = screen(false);
    const shown = progress(100);
    at(4000);
    shown.update(10);
    expect(state.text).toBe('');

    at(6000);
    shown.update(20, 600);

    expect(state.text).toBe(' 20 %, 600 resources, 100/s, 24 s left\n');
  });

  it('ends with what was done and how long it took', () => {
    const { state, progress, at } = screen(false);
    const shown = progress(100);
    shown.update(100, 3000);
    at(1500);
    shown.finish();

    expect(state.text).toBe('3,000 resources in 1.5 s, 2,000/s\n');
  });
});

describe('units', () => {
  it('are those that people use', () => {
    expect([countText(1234567), rateText(5, 1000), rateText(50_000, 10_000)]).toEqual([
      '1,234,567',
      '5.0/s',
      '5,000/s',
    ]);
    expect([400, 12_300, 185_000, 7_620_000].map(durationText)).toEqual([
      '0.4 s',
      '12 s',
      '3 min 5 s',
      '2 h 7 min',
    ]);
  });
});
