import { expect, test } from 'vitest';
import { nearest } from './nearest.js';

const KNOWN = ['birthdate', 'gender', 'general-practitioner', 'given', 'name', 'identifier', 'family'];

test('a slip of the pen leads to the name that was meant', () => {
  expect(nearest('brithdate', KNOWN)).toEqual(['birthdate']);
  expect(nearest('Gender', KNOWN)).toEqual(['gender']);
  expect(nearest('identifer', KNOWN)).toEqual(['identifier']);
});

test('the beginning of a name leads to it', () => {
  expect(nearest('ident', KNOWN)).toEqual(['identifier']);
});

test('a name that resembles nothing leads nowhere', () => {
  expect(nearest('xyzzy', KNOWN)).toEqual([]);
  expect(nearest('', KNOWN)).toEqual([]);
});

test('no more are offered than asked for, the nearest first', () => {
  expect(nearest('codes', ['code', 'modes', 'codec', 'node'], 2)).toEqual(['code', 'codec']);
});

test('a hostile name costs no time', () => {
  expect(nearest('a'.repeat(1_000_000), KNOWN)).toEqual([]);
});
