import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { countHeader, headerOf } from './header.js';

function incoming(...list: readonly string[]): IncomingMessage {
  const message = new IncomingMessage(new Socket());
  message.rawHeaders.push(...list);
  return message;
}

it('finds a header however its name is written', () => {
  const message = incoming('Host', 'a', 'ACCEPT', 'text/html', 'if-none-match', '*');

  expect(['host', 'accept', 'if-none-match', 'prefer'].map((name) => headerOf(message, name))).toEqual([
    'a',
    'text/html',
    '*',
    undefined,
  ]);
});

it('counts how often a header was sent', () => {
  expect(countHeader(incoming('Host', 'a', 'X', 'y', 'host', 'b'), 'host')).toBe(2);
});
